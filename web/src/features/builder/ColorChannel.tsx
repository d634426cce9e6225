// A colour, the same everywhere or by a column: how it is cut into classes, and with which palette.
import { Popover, Select, Slider, Switch, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { AttributeStats } from '../../api/sql';
import { isDark } from '../../map/document/create';
import { basemapOf } from '../../map/document/edit';
import { legendColors } from '../../map/document/legend';
import {
  defaultRange,
  LAYER_COLORS,
  MAX_CLASSES,
  PALETTES,
  type PaletteType,
  paletteColors,
  paletteRange,
} from '../../map/document/palettes';
import type { ColorRange, ColorScale, FieldRef } from '../../map/document/types';
import { ColorField } from '../../ui/ColorField';
import { useFormat } from '../../ui/useFormat';
import { useDocument } from './context';
import type { StyleColumn } from './StylePanel';
import styles from './StylePanel.module.css';

type Choice = { field: FieldRef | null; scale: ColorScale; range: ColorRange };

type Props = Choice & {
  columns: readonly StyleColumn[];
  stats: Readonly<Record<string, AttributeStats>>;
  fixed: string;
  onFixed: (hex: string) => void;
  onChange: (choice: Choice) => void;
};

const isNumeric = (type: string) => type === 'number' || type === 'bigint';
const isWord = (type: string) => type === 'string' || type === 'boolean';

function paletteTypeOf(range: ColorRange): PaletteType {
  return range.type === 'qualitative' || range.type === 'diverging' ? range.type : 'sequential';
}

function Ramp({ colors }: { colors: readonly string[] }) {
  return (
    <span className={styles.ramp} aria-hidden="true">
      {colors.map((color) => (
        <span key={color} style={{ background: color }} />
      ))}
    </span>
  );
}

function PaletteField({
  range,
  types,
  onChange,
}: {
  range: ColorRange;
  types: readonly PaletteType[];
  onChange: (range: ColorRange) => void;
}) {
  const { t } = useTranslation();
  const classes = range.colors.length;
  return (
    <Popover position="bottom-start" trapFocus>
      <Popover.Target>
        <UnstyledButton
          className={styles.paletteButton}
          aria-label={t('style.paletteNow', { name: range.name })}
        >
          <Ramp colors={range.colors} />
          <span className={styles.paletteName}>
            <span>{range.name}</span>
            <span className="dim">{t('style.classes', { count: classes })}</span>
          </span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={6}>
        <div className={styles.palettes}>
          {types.map((type) => (
            <div key={type}>
              <h4>{t(`style.${type}`)}</h4>
              {PALETTES[type].map((name) => (
                <UnstyledButton
                  key={name}
                  className={styles.palette}
                  aria-pressed={range.name === name}
                  onClick={() => onChange(paletteRange(name, type, classes, range.reversed ?? false))}
                >
                  <span>{name}</span>
                  <Ramp colors={paletteColors(name, type, Math.min(classes, 7), range.reversed ?? false)} />
                </UnstyledButton>
              ))}
            </div>
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

export function ColorChannel(props: Props) {
  const { columns, stats, fixed, field, scale, range, onFixed, onChange } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const document = useDocument();
  const isDarkGround = isDark(basemapOf(document.config));
  const usable = columns.filter((column) => isNumeric(column.type) || isWord(column.type));
  const isByWord = field ? isWord(field.type) : false;
  const type = paletteTypeOf(range);

  const choose = (name: string | null) => {
    const column = usable.find((one) => one.name === name);
    if (!column) return onChange({ field: null, scale, range });
    const word = isWord(column.type);
    const sameKind = word === (paletteTypeOf(range) === 'qualitative');
    onChange({
      field: { name: column.name, type: column.type },
      scale: word ? 'ordinal' : scale === 'ordinal' ? 'quantile' : scale,
      range: sameKind ? range : defaultRange(word ? 'qualitative' : 'sequential', isDarkGround),
    });
  };

  const scaleValue = scale === 'custom' ? 'log' : scale;
  const chooseScale = (value: string) => {
    const { uiCustomScaleType: _before, ...plain } = range;
    onChange(
      value === 'log'
        ? { field, scale: 'custom', range: { ...plain, uiCustomScaleType: 'logarithmic' } }
        : { field, scale: value as ColorScale, range: plain },
    );
  };
  const keepScaleKind = (next: ColorRange): ColorRange =>
    scale === 'custom' ? { ...next, uiCustomScaleType: 'logarithmic' } : next;
  const legend = field
    ? legendColors(field.name, scale, range, stats[field.name], {
        noValue: t('popup.noValue'),
        other: t('legend.other'),
        locale: format.locale,
      })
    : null;

  return (
    <>
      <div className={styles.by}>
        <Select
          aria-label={t('style.colorBy')}
          data={[
            { value: '', label: t('style.oneColor') },
            ...usable.map((column) => ({ value: column.name, label: column.name })),
          ]}
          value={field?.name ?? ''}
          onChange={(value) => choose(value || null)}
          searchable={usable.length > 8}
          comboboxProps={{ width: 260, position: 'bottom-start' }}
          nothingFoundMessage={t('style.noColumn')}
        />
        {field ? (
          <Select
            aria-label={t('style.scale')}
            data={
              isByWord
                ? [{ value: 'ordinal', label: t('style.ordinal') }]
                : [
                    { value: 'quantile', label: t('style.quantile') },
                    { value: 'quantize', label: t('style.quantize') },
                    { value: 'log', label: t('style.log') },
                  ]
            }
            value={scaleValue}
            onChange={(value) => value && chooseScale(value)}
            comboboxProps={{ width: 200, position: 'bottom-end' }}
          />
        ) : (
          <ColorField label={t('style.color')} value={fixed} onChange={onFixed} swatches={LAYER_COLORS} />
        )}
      </div>
      {field ? (
        <>
          <PaletteField
            range={range}
            types={isByWord ? ['qualitative'] : ['sequential', 'diverging']}
            onChange={(next) => onChange({ field, scale, range: keepScaleKind(next) })}
          />
          <div className={styles.slider}>
            <span>{t(isByWord ? 'style.categories' : 'style.steps')}</span>
            <Slider
              thumbLabel={t(isByWord ? 'style.categories' : 'style.steps')}
              value={range.colors.length}
              min={2}
              max={MAX_CLASSES[type]}
              step={1}
              onChange={(classes) =>
                onChange({
                  field,
                  scale,
                  range: keepScaleKind(paletteRange(range.name, type, classes, range.reversed ?? false)),
                })
              }
            />
            <span className="numbers" style={{ textAlign: 'right' }}>
              {range.colors.length}
            </span>
          </div>
          <Switch
            label={t('style.reversed')}
            checked={range.reversed ?? false}
            onChange={(event) =>
              onChange({
                field,
                scale,
                range: keepScaleKind(
                  paletteRange(range.name, type, range.colors.length, event.currentTarget.checked),
                ),
              })
            }
          />
          {legend ? (
            <ul className={styles.entries} aria-label={t('legend.title')}>
              {legend.entries.map((entry) => (
                <li key={`${entry.color}${entry.text}`}>
                  <i style={{ background: entry.color }} />
                  <span className="numbers truncate">{entry.text}</span>
                </li>
              ))}
            </ul>
          ) : (
            <p className={styles.note}>{t('style.reading', { column: field.name })}</p>
          )}
        </>
      ) : null}
    </>
  );
}
