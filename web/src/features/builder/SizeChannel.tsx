// A size in pixels, the same everywhere or growing with a column.
import { RangeSlider, Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { FieldRef, SizeScale } from '../../map/document/types';
import { useFormat } from '../../ui/useFormat';
import { SliderRow } from './SliderRow';
import type { StyleColumn } from './StylePanel';
import styles from './StylePanel.module.css';

type Choice = { field: FieldRef | null; scale: SizeScale; range: [number, number] };

type Props = Choice & {
  columns: readonly StyleColumn[];
  label: string;
  fixed: number;
  max: number;
  rangeMax: number;
  onFixed: (size: number) => void;
  onChange: (choice: Choice) => void;
};

export function SizeChannel({
  columns,
  label,
  fixed,
  max,
  rangeMax,
  field,
  scale,
  range,
  onFixed,
  onChange,
}: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const numeric = columns.filter((column) => column.type === 'number' || column.type === 'bigint');
  return (
    <>
      <div className={styles.by}>
        <Select
          aria-label={t('style.sizeBy')}
          data={[
            { value: '', label: t('style.oneSize') },
            ...numeric.map((column) => ({ value: column.name, label: column.name })),
          ]}
          value={field?.name ?? ''}
          onChange={(value) => {
            const column = numeric.find((one) => one.name === value);
            onChange({ field: column ? { name: column.name, type: column.type } : null, scale, range });
          }}
          searchable={numeric.length > 8}
          comboboxProps={{ width: 260, position: 'bottom-start' }}
          nothingFoundMessage={t('style.noColumn')}
        />
        {field ? (
          <Select
            aria-label={t('style.scale')}
            data={(['sqrt', 'linear', 'log'] as const).map((value) => ({
              value,
              label: t(`style.size_${value}`),
            }))}
            value={scale}
            onChange={(value) => value && onChange({ field, scale: value as SizeScale, range })}
            comboboxProps={{ width: 200, position: 'bottom-end' }}
          />
        ) : null}
      </div>
      {field ? (
        <div className={styles.slider}>
          <span>{t('style.range')}</span>
          <RangeSlider
            thumbFromLabel={t('style.smallest')}
            thumbToLabel={t('style.largest')}
            value={[range[0], range[1]]}
            min={0}
            max={rangeMax}
            step={0.5}
            minRange={0.5}
            onChange={(next) => onChange({ field, scale, range: next })}
          />
          <span className="numbers" style={{ textAlign: 'right' }}>
            {format.number(range[0])}–{format.number(range[1])} px
          </span>
        </div>
      ) : (
        <SliderRow label={label} value={fixed} min={0.5} max={max} step={0.5} unit="px" onChange={onFixed} />
      )}
    </>
  );
}
