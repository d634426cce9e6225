// The columns of a table: type, description, and the shape of what is in them.
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { type Column, columnStatisticsQuery, type Table } from '../../api/connections';
import { knownType, TypeIcon } from '../../ui/TypeIcon';
import { useFormat } from '../../ui/useFormat';
import { Distribution } from './Distribution';
import styles from './TablePage.module.css';

function Shape({ connection, table, column }: { connection: string; table: Table; column: Column }) {
  const { t } = useTranslation();
  const statistics = useQuery(columnStatisticsQuery(connection, table.name, column.name, table.version));
  if (statistics.isPending) return <Skeleton height={40} />;
  if (statistics.isError)
    return <span className="dim">{t('columns.noStatistics', { reason: statistics.error.message })}</span>;
  return <Distribution statistics={statistics.data} rows={table.rows} />;
}

function Nulls({ connection, table, column }: { connection: string; table: Table; column: Column }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data } = useQuery(columnStatisticsQuery(connection, table.name, column.name, table.version));
  if (!data) return null;
  const { nulls } = data;
  if (nulls === null || nulls === undefined) return null;
  if (nulls === 0) return <span className="dim">{t('columns.noNulls')}</span>;
  const part = table.rows ? nulls / table.rows : 0;
  return (
    <span className="numbers">
      {t('columns.nulls', {
        number: format.number(nulls),
        part: format.number(part, { style: 'percent', maximumFractionDigits: 1 }),
      })}
    </span>
  );
}

export function TableColumns({ connection, table }: { connection: string; table: Table }) {
  const { t } = useTranslation();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={t('data.tabColumns')}>
      <table className={styles.columns}>
        <thead>
          <tr>
            <th>{t('columns.name')}</th>
            <th className={styles.wide}>{t('columns.type')}</th>
            <th>{t('columns.distribution')}</th>
            <th className={styles.wide}>{t('columns.missing')}</th>
          </tr>
        </thead>
        <tbody>
          {table.columns.map((column) => {
            const hasShape = column.type !== 'geometry' && column.type !== 'object';
            return (
              <tr key={column.name}>
                <td>
                  <span className={styles.name}>
                    <TypeIcon type={column.type} detail={column.data_type} />
                    {column.name}
                  </span>
                  {column.description ? <p className="dim">{column.description}</p> : null}
                </td>
                <td className={styles.wide}>
                  {t(`types.${knownType(column.type)}`)}
                  <div className="dim">
                    <code>{column.data_type}</code>
                  </div>
                </td>
                <td className={styles.shape}>
                  {hasShape ? <Shape connection={connection} table={table} column={column} /> : null}
                </td>
                <td className={styles.wide}>
                  {hasShape ? <Nulls connection={connection} table={table} column={column} /> : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
