// API access tokens: what applications outside show to read our data.
import { queryOptions } from '@tanstack/react-query';
import { type Items, request } from './http';

export type TokenApi = 'maps' | 'sql';
export type Grant = { connection: string; source: string };

export type ApiToken = {
  id: string;
  name: string;
  apis: string[];
  grants: Grant[];
  referers: string[];
  created_at: string;
  last_used_at?: string | null;
};

export type NewToken = { name: string; apis: TokenApi[]; grants: Grant[]; referers: string[] };

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: async ({ signal }) => (await request<Items<ApiToken>>('/workspace-api/tokens', { signal })).items,
});

/** The secret is in this answer and nowhere else, ever. */
export function createToken(wanted: NewToken): Promise<ApiToken & { secret: string }> {
  return request('/workspace-api/tokens', { method: 'POST', body: wanted });
}

export function deleteToken(id: string): Promise<void> {
  return request(`/workspace-api/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
