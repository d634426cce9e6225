// A column at a glance: the shape of its numbers, or its most frequent words.
import { useTranslation } from 'react-i18next';
import type { ColumnStatistics } from '../../api/connections';
import { useFormat } from '../../ui/useFormat';
import styles from './Distribution.module.css';

const HEIGHT = 28;

/** Text that begins like a date of ISO 8601. */
const isTime = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value);

export function Distribution({ statistics, rows }: { statistics: ColumnStatistics; rows: number | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { histogram, categories, min, max } = statistics;
  const end = (value: typeof min) =>
    typeof value === 'number' ? format.compact(value) : isTime(value) ? format.date(value) : value;
  if (histogram?.length) {
    const top = Math.max(...histogram.map((bin) => bin.count), 1);
    const width = 100 / histogram.length;
    return (
      <div className={styles.shape}>
        <svg
          viewBox={`0 0 100 ${HEIGHT}`}
          preserveAspectRatio="none"
          height={HEIGHT}
          width="100%"
          role="img"
          aria-label={t('columns.shape', { column: statistics.attribute })}
        >
          {histogram.map((bin, at) => {
            const height = bin.count === 0 ? 0 : Math.max(1, (HEIGHT * bin.count) / top);
            return (
              <rect
                key={at}
                x={at * width + 0.4}
                y={HEIGHT - height}
                width={width - 0.8}
                height={height}
                fill="var(--g-accent)"
                opacity={0.75}
              />
            );
          })}
        </svg>
        <div className={styles.ends}>
          <span>{end(min)}</span>
          <span>{end(max)}</span>
        </div>
      </div>
    );
  }
  if (categories?.length) {
    const total = rows ?? categories.reduce((sum, one) => sum + one.frequency, 0);
    return (
      <ul className={styles.words}>
        {categories.slice(0, 3).map((one) => (
          <li key={String(one.category)}>
            <span
              className={styles.bar}
              style={{ width: `${Math.max(1, (100 * one.frequency) / Math.max(1, total))}%` }}
            />
            <span className="truncate">{one.category === null ? t('grid.null') : String(one.category)}</span>
            <span className="dim numbers">
              {one.frequency / Math.max(1, total) >= 0.005
                ? format.number(one.frequency / total, { style: 'percent', maximumFractionDigits: 0 })
                : `× ${format.number(one.frequency)}`}
            </span>
          </li>
        ))}
      </ul>
    );
  }
  if (min !== null && min !== undefined && max !== null && max !== undefined) {
    return (
      <span className="dim">
        {String(min).slice(0, 10)} – {String(max).slice(0, 10)}
      </span>
    );
  }
  return null;
}
