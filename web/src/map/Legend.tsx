// The legend: bottom left, a sentence per class, with the colours as they are on the map.
import { UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconEye, IconEyeOff } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../ui/IconButton';
import type { LayerLegend, LegendColors, LegendSizes } from './document/legend';
import type { Geometry } from './document/types';
import styles from './Legend.module.css';

type SwatchProps = { geometry: Geometry; color: string; stroke?: string | null; opacity?: number };

export function Swatch({ geometry, color, stroke, opacity = 1 }: SwatchProps) {
  const line = stroke ?? 'transparent';
  return (
    <svg width={16} height={16} viewBox="0 0 16 16" aria-hidden="true" className={styles.swatch}>
      {geometry === 'point' ? (
        <circle cx={8} cy={8} r={5.5} fill={color} fillOpacity={opacity} stroke={line} />
      ) : null}
      {geometry === 'line' ? (
        <path
          d="M2 12 C6 4 10 12 14 4"
          fill="none"
          stroke={color}
          strokeOpacity={opacity}
          strokeWidth={2.5}
          strokeLinecap="round"
        />
      ) : null}
      {geometry === 'polygon' ? (
        <rect x={2} y={2} width={12} height={12} rx={2} fill={color} fillOpacity={opacity} stroke={line} />
      ) : null}
    </svg>
  );
}

type ColorsProps = { colors: LegendColors; geometry: Geometry; opacity: number };

function Colors({ colors, geometry, opacity }: ColorsProps) {
  const { t } = useTranslation();
  return (
    <div className={styles.block}>
      <div className={styles.by}>{t('legend.colorBy', { column: colors.by })}</div>
      <ul className={styles.entries}>
        {colors.entries.map((entry) => (
          <li key={`${entry.color}${entry.text}`}>
            <Swatch geometry={geometry} color={entry.color} opacity={opacity} />
            <span className="numbers truncate">{entry.text}</span>
          </li>
        ))}
        {colors.more > 0 ? <li className="dim">{t('legend.more', { count: colors.more })}</li> : null}
      </ul>
    </div>
  );
}

const MAX_DRAWN_RADIUS = 22;

function Sizes({ sizes, geometry, color }: { sizes: LegendSizes; geometry: Geometry; color: string }) {
  const { t } = useTranslation();
  return (
    <div className={styles.block}>
      <div className={styles.by}>
        {t(geometry === 'point' ? 'legend.sizeBy' : 'legend.widthBy', { column: sizes.by })}
      </div>
      <ul className={styles.sizes}>
        {sizes.entries.map((entry) => {
          const size = Math.min(MAX_DRAWN_RADIUS, entry.size);
          const box = Math.max(12, size * 2 + 2);
          return (
            <li key={entry.text}>
              <svg
                width={geometry === 'point' ? box : 28}
                height={geometry === 'point' ? box : 14}
                aria-hidden="true"
              >
                {geometry === 'point' ? (
                  <circle cx={box / 2} cy={box / 2} r={Math.max(1, size)} fill={color} fillOpacity={0.75} />
                ) : (
                  <path d="M2 7H26" stroke={color} strokeWidth={Math.min(12, Math.max(0.5, entry.size))} />
                )}
              </svg>
              <span className="numbers">{entry.text}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

type Props = {
  legends: readonly LayerLegend[];
  onToggleLayer?: (layerId: string, isVisible: boolean) => void;
  isInitiallyOpen?: boolean;
};

export function Legend({ legends, onToggleLayer, isInitiallyOpen = true }: Props) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(isInitiallyOpen);
  if (legends.length === 0) return null;
  return (
    <section className={styles.legend} aria-label={t('legend.title')}>
      <UnstyledButton className={styles.head} onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
        <span>{t('legend.title')}</span>
        <IconChevronDown
          size={16}
          stroke={1.5}
          style={{ transform: isOpen ? undefined : 'rotate(180deg)' }}
        />
      </UnstyledButton>
      {isOpen ? (
        <div className={styles.body}>
          {legends.map((legend) => (
            <div key={legend.layerId} className={styles.layer} data-hidden={!legend.isVisible || undefined}>
              <div className={styles.name}>
                {legend.colors ? null : (
                  <Swatch
                    geometry={legend.geometry}
                    color={legend.color}
                    stroke={legend.stroke}
                    opacity={legend.opacity}
                  />
                )}
                <span className="truncate" title={legend.label}>
                  {legend.label}
                </span>
                {onToggleLayer ? (
                  <IconButton
                    icon={legend.isVisible ? IconEye : IconEyeOff}
                    label={t(legend.isVisible ? 'layers.hide' : 'layers.show', { layer: legend.label })}
                    onClick={() => onToggleLayer(legend.layerId, !legend.isVisible)}
                    size={24}
                  />
                ) : null}
              </div>
              {legend.isVisible && legend.colors ? (
                <Colors colors={legend.colors} geometry={legend.geometry} opacity={legend.opacity} />
              ) : null}
              {legend.isVisible && legend.sizes ? (
                <Sizes
                  sizes={legend.sizes}
                  geometry={legend.geometry}
                  // Where colour says something else, sizes are shown without one.
                  color={legend.colors ? 'var(--g-dim)' : legend.color}
                />
              ) : null}
            </div>
          ))}
        </div>
      ) : null}
    </section>
  );
}
