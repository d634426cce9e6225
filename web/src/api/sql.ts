// Questions in SQL: query results, pages of rows, and statistics of one column.
import { request } from './http';

export type Field = { name: string; type: string };
export type Row = Record<string, unknown>;
export type QueryResult = { rows: Row[]; schema: Field[] };

export function runQuery(connection: string, sql: string, signal?: AbortSignal): Promise<QueryResult> {
  return request<QueryResult>(`/v3/sql/${encodeURIComponent(connection)}/query`, {
    method: 'POST',
    body: { q: sql, client: 'groma-ui' },
    ...(signal ? { signal } : {}),
  });
}

export type RowsRequest = {
  type: 'table' | 'query';
  source: string;
  columns: string[];
  limit: number;
  offset: number;
  sortBy?: string | null;
  sortDirection?: 'asc' | 'desc';
};

/** One page of rows and how many there are in all. */
export async function readRows(
  connection: string,
  wanted: RowsRequest,
  signal?: AbortSignal,
): Promise<{ rows: Row[]; total: number }> {
  const { type, source, columns, limit, offset, sortBy, sortDirection } = wanted;
  const answer = await request<{ rows: Row[]; metadata?: { total?: number } }>(
    `/v3/sql/${encodeURIComponent(connection)}/model/table`,
    {
      method: 'POST',
      body: {
        type,
        source,
        client: 'groma-ui',
        params: { column: columns, limit, offset, ...(sortBy ? { sortBy, sortDirection } : {}) },
        queryParameters: '',
        filters: {},
        filtersLogicalOperator: 'and',
      },
      ...(signal ? { signal } : {}),
    },
  );
  return { rows: answer.rows, total: answer.metadata?.total ?? answer.rows.length };
}

export type AttributeStats = {
  attribute: string;
  type: 'Number' | 'String' | 'Boolean' | 'Timestamp';
  min?: number | string;
  max?: number | string;
  avg?: number;
  sum?: number;
  quantiles?: Record<string, number[]>;
  categories?: { category: string | null; frequency: number }[];
};

/** What a scale needs to know of a column. `auth` for anonymous readers of a public map. */
export function readStats(
  source: { connectionName: string; type: 'table' | 'query'; source: string; queryParameters?: unknown },
  column: string,
  auth: { token?: string },
  signal?: AbortSignal,
): Promise<AttributeStats> {
  const table = source.type === 'table' ? `/${encodeURIComponent(source.source)}` : '';
  const query = source.type === 'query' ? { q: source.source } : {};
  const parameters = source.queryParameters ? { queryParameters: source.queryParameters } : {};
  return request<AttributeStats>(
    `/v3/stats/${encodeURIComponent(source.connectionName)}${table}/${encodeURIComponent(column)}`,
    {
      method: 'POST',
      body: { ...query, ...parameters, client: 'groma-ui', v: '3.4' },
      headers: auth.token ? { Authorization: `Bearer ${auth.token}` } : {},
      ...(signal ? { signal } : {}),
    },
  );
}
