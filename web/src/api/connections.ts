// Connections, their schemas and tables, bookmarks and column statistics.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { type Items, request } from './http';

export type Connection = {
  id: string;
  name: string;
  aliases: string[];
  provider: string;
  /** How maps and addresses call it: `carto_dw` stays when people rename the connection. */
  code: string;
};

function withCode(connection: Omit<Connection, 'code'>): Connection {
  const { name, aliases } = connection;
  return { ...connection, code: aliases.includes('carto_dw') ? 'carto_dw' : name };
}
export type Schema = { name: string; tables: number };

export type GeometryType = string;

export type TableSummary = {
  /** `schema.table` */
  name: string;
  schema: string;
  table: string;
  kind: 'table' | 'view';
  rows: number | null;
  bytes: number | null;
  geometry_type: GeometryType | null;
  updated_at: string | null;
  bookmarked: boolean;
  attribution: string | null;
};

export type ColumnType =
  | 'number'
  | 'bigint'
  | 'string'
  | 'geometry'
  | 'timestamp'
  | 'object'
  | 'boolean'
  | 'variant'
  | 'unknown';

export type Column = {
  name: string;
  type: ColumnType;
  /** The warehouse's own word for it. */
  data_type: string;
  nullable: boolean;
  description: string | null;
};

export type Table = {
  name: string;
  kind: 'table' | 'view';
  rows: number | null;
  bytes: number | null;
  version: number;
  created_at: string | null;
  updated_at: string | null;
  attribution: string | null;
  description: string | null;
  geometry: {
    column: string;
    type: GeometryType;
    crs: string | null;
    /** west, south, east, north in degrees */
    bounds: [number, number, number, number] | null;
  } | null;
  columns: Column[];
};

export type ColumnStatistics = {
  attribute: string;
  type: string;
  nulls: number | null;
  distinct?: number | null;
  min?: number | string | null;
  max?: number | string | null;
  avg?: number | null;
  histogram?: { from: number; to: number; count: number }[];
  categories?: { category: string | null; frequency: number }[];
};

const path = (...parts: string[]) => `/workspace-api/${parts.map(encodeURIComponent).join('/')}`;

export const connectionsQuery = queryOptions({
  queryKey: ['connections'],
  queryFn: async ({ signal }) =>
    (await request<Items<Omit<Connection, 'code'>>>('/workspace-api/connections', { signal })).items.map(
      withCode,
    ),
  staleTime: 300_000,
});

export const schemasQuery = (connection: string) =>
  queryOptions({
    queryKey: ['connections', connection, 'schemas'],
    queryFn: async ({ signal }) =>
      (await request<Items<Schema>>(path('connections', connection, 'schemas'), { signal })).items,
    staleTime: 30_000,
  });

export const tablesQuery = (connection: string, filter: { schema?: string; search?: string }) =>
  infiniteQueryOptions({
    queryKey: ['connections', connection, 'tables', filter],
    queryFn: ({ signal, pageParam }) =>
      request<Items<TableSummary>>(path('connections', connection, 'tables'), {
        query: { ...filter, cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
    staleTime: 30_000,
  });

export const tableQuery = (connection: string, name: string) =>
  queryOptions({
    queryKey: ['connections', connection, 'table', name],
    queryFn: ({ signal }) => request<Table>(path('connections', connection, 'tables', name), { signal }),
    staleTime: 30_000,
  });

export const columnStatisticsQuery = (connection: string, name: string, column: string, version: number) =>
  queryOptions({
    queryKey: ['connections', connection, 'table', name, 'statistics', column, version],
    queryFn: ({ signal }) =>
      request<ColumnStatistics>(
        path('connections', connection, 'tables', name, 'columns', column, 'statistics'),
        {
          signal,
        },
      ),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

export function deleteTable(connection: string, name: string): Promise<void> {
  return request(path('connections', connection, 'tables', name), { method: 'DELETE' });
}

export function setBookmark(connection: string, name: string, bookmarked: boolean): Promise<void> {
  return request(path('bookmarks', connection, name), { method: bookmarked ? 'PUT' : 'DELETE' });
}
