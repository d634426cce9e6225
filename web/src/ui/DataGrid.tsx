// Rows by the hundred thousand: only what is on the screen is in the page, the rest is asked for when it comes.

import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './DataGrid.module.css';
import { useFormat } from './useFormat';

export type GridColumn = { name: string; type: string; header?: ReactNode };
export type Sort = { column: string; direction: 'asc' | 'desc' };

type Props = {
  label: string;
  columns: readonly GridColumn[];
  rowCount: number;
  /** Undefined while the row is on its way. */
  rowAt: (index: number) => Readonly<Record<string, unknown>> | undefined;
  onVisible?: (from: number, to: number) => void;
  sort?: Sort | null;
  onSort?: (sort: Sort | null) => void;
  columnWidth?: number;
  headerHeight?: number;
};

const ROW = 32;
const isNumber = (type: string) => type === 'number' || type === 'bigint';

export function cellText(value: unknown, type: string, format: ReturnType<typeof useFormat>): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return format.number(value);
  if (type === 'geometry' || (typeof value === 'object' && value !== null && 'coordinates' in value)) {
    return typeof value === 'object'
      ? String((value as { type?: string }).type ?? '')
      : String(value).slice(0, 40);
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function DataGrid(props: Props) {
  const {
    label,
    columns,
    rowCount,
    rowAt,
    onVisible,
    sort,
    onSort,
    columnWidth = 168,
    headerHeight = 36,
  } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: rowCount,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => columnWidth,
    overscan: 3,
  });
  const items = rows.getVirtualItems();
  const cells = across.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (rowCount > 0) onVisible?.(first, last);
  }, [first, last, rowCount, onVisible]);

  const next = (column: string): Sort | null =>
    sort?.column !== column
      ? { column, direction: 'asc' }
      : sort.direction === 'asc'
        ? { column, direction: 'desc' }
        : null;

  return (
    <div
      ref={scroller}
      className={styles.grid}
      role="table"
      aria-label={label}
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
      tabIndex={0}
    >
      <div
        className={styles.head}
        role="row"
        aria-rowindex={1}
        style={{ width: across.getTotalSize(), height: headerHeight }}
      >
        {cells.map((cell) => {
          const column = columns[cell.index]!;
          const direction = sort?.column === column.name ? sort.direction : null;
          return (
            <div
              key={column.name}
              role="columnheader"
              aria-colindex={cell.index + 1}
              aria-sort={direction === 'asc' ? 'ascending' : direction === 'desc' ? 'descending' : 'none'}
              className={styles.headCell}
              data-number={isNumber(column.type) || undefined}
              style={{ left: cell.start, width: cell.size }}
            >
              {onSort && column.type !== 'geometry' ? (
                <button
                  type="button"
                  className={styles.sort}
                  onClick={() => onSort(next(column.name))}
                  title={t('grid.sortBy', { column: column.name })}
                >
                  <span className="truncate">{column.name}</span>
                  {direction === 'asc' ? (
                    <IconArrowUp size={14} />
                  ) : direction === 'desc' ? (
                    <IconArrowDown size={14} />
                  ) : null}
                </button>
              ) : (
                <span className="truncate" title={column.name}>
                  {column.name}
                </span>
              )}
              {column.header}
            </div>
          );
        })}
      </div>
      <div
        role="rowgroup"
        style={{ height: rows.getTotalSize(), width: across.getTotalSize(), position: 'relative' }}
      >
        {items.map((item) => {
          const row = rowAt(item.index);
          return (
            <div
              key={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className={styles.row}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {cells.map((cell) => {
                const column = columns[cell.index]!;
                const value = row?.[column.name];
                const text = cellText(value, column.type, format);
                return (
                  <div
                    key={column.name}
                    role="cell"
                    aria-colindex={cell.index + 1}
                    className={styles.cell}
                    data-number={isNumber(column.type) || undefined}
                    data-null={row && (value === null || value === undefined) ? true : undefined}
                    data-waiting={row ? undefined : true}
                    style={{ left: cell.start, width: cell.size }}
                    title={text}
                  >
                    {row ? (value === null || value === undefined ? t('grid.null') : text) : null}
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}
