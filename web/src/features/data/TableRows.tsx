// The rows of a table, page by page as they come into view, with a small distribution over each column.
import { Skeleton } from '@mantine/core';
import { IconTableOff } from '@tabler/icons-react';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Column, columnStatisticsQuery, type Table } from '../../api/connections';
import { readRows } from '../../api/sql';
import { DataGrid, type Sort } from '../../ui/DataGrid';
import { EmptyState, ErrorState } from '../../ui/States';
import { Distribution } from './Distribution';

const PAGE = 100;

function HeaderShape({ connection, table, column }: { connection: string; table: Table; column: Column }) {
  const statistics = useQuery(columnStatisticsQuery(connection, table.name, column.name, table.version));
  if (statistics.isPending) return <Skeleton height={40} mt={4} />;
  return statistics.data ? (
    <div style={{ marginTop: 4, height: 56, overflow: 'hidden', fontWeight: 400 }}>
      <Distribution statistics={statistics.data} rows={table.rows} />
    </div>
  ) : null;
}

export function TableRows({ connection, table }: { connection: string; table: Table }) {
  const { t } = useTranslation();
  const [sort, setSort] = useState<Sort | null>(null);
  const [pages, setPages] = useState<[number, number]>([0, 0]);
  const names = useMemo(() => table.columns.map((column) => column.name), [table]);
  const wanted = Array.from({ length: pages[1] - pages[0] + 1 }, (_, at) => pages[0] + at);

  const results = useQueries({
    queries: wanted.map((page) => ({
      queryKey: ['rows', connection, table.name, table.version, sort, page],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        readRows(
          connection,
          {
            type: 'table',
            source: table.name,
            columns: names,
            limit: PAGE,
            offset: page * PAGE,
            sortBy: sort?.column ?? null,
            sortDirection: sort?.direction ?? 'asc',
          },
          signal,
        ),
      staleTime: 300_000,
    })),
  });
  const total = results.find((one) => one.data)?.data?.total ?? table.rows ?? 0;
  const failed = results.find((one) => one.error);

  const onVisible = useCallback((from: number, to: number) => {
    const next: [number, number] = [Math.floor(from / PAGE), Math.floor(to / PAGE)];
    setPages((now) => (now[0] === next[0] && now[1] === next[1] ? now : next));
  }, []);

  const columns = useMemo(
    () =>
      [...table.columns]
        // Rows are read from the left: the geometry, which says little as text, stands last.
        .sort((a, b) => Number(a.type === 'geometry') - Number(b.type === 'geometry'))
        .map((column) => ({
          name: column.name,
          type: column.type,
          header:
            column.type === 'geometry' || column.type === 'object' ? null : (
              <HeaderShape connection={connection} table={table} column={column} />
            ),
        })),
    [connection, table],
  );

  if (failed && !results.some((one) => one.data)) {
    return (
      <ErrorState error={failed.error} title={t('data.rowsFailed')} onRetry={() => void failed.refetch()} />
    );
  }
  if (total === 0 && !results.some((one) => one.isPending)) {
    return <EmptyState icon={IconTableOff} title={t('data.noRows')} text={t('data.noRowsText')} />;
  }
  return (
    <DataGrid
      label={t('data.rowsOf', { name: table.name })}
      columns={columns}
      rowCount={total}
      rowAt={(index) => results[Math.floor(index / PAGE) - pages[0]]?.data?.rows[index % PAGE]}
      onVisible={onVisible}
      sort={sort}
      onSort={setSort}
      headerHeight={96}
    />
  );
}
