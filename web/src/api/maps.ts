// Maps as the server keeps them: list, draft, publish, privacy, and the public document.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ApiError } from '../lib/problem';
import { type Items, request } from './http';

export type Privacy = 'private' | 'public';

export type MapSummary = {
  id: string;
  title: string;
  description: string | null;
  privacy: Privacy;
  public_url?: string | null;
  created_at: string;
  updated_at: string;
  published_at?: string | null;
  has_unpublished_changes?: boolean;
  owner?: { name: string; email: string } | null;
};

/** `keplerMapConfig` and `datasets` are read by `map/document/repair`, never trusted as they come. */
export type MapRecord = MapSummary & {
  version: number;
  keplerMapConfig: unknown;
  datasets: unknown;
};

export type MapContent = {
  title?: string;
  description?: string;
  keplerMapConfig?: unknown;
  datasets?: unknown;
};

const path = (id: string, verb?: string) =>
  `/workspace-api/maps/${encodeURIComponent(id)}${verb ? `/${verb}` : ''}`;

export const mapsQuery = (search: string) =>
  infiniteQueryOptions({
    queryKey: ['maps', 'list', search],
    queryFn: ({ signal, pageParam }) =>
      request<Items<MapSummary>>('/workspace-api/maps', { query: { search, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
  });

export const mapQuery = (id: string) =>
  queryOptions({
    queryKey: ['maps', 'one', id],
    queryFn: ({ signal }) => request<MapRecord>(path(id), { signal }),
    staleTime: 0,
    gcTime: 0,
  });

export function readMap(id: string): Promise<MapRecord> {
  return request(path(id));
}

export function createMap(content: MapContent): Promise<MapRecord> {
  return request('/workspace-api/maps', { method: 'POST', body: content });
}

export async function duplicateMap(id: string, title: string): Promise<MapRecord> {
  const original = await readMap(id);
  return createMap({
    title,
    description: original.description ?? '',
    keplerMapConfig: original.keplerMapConfig,
    datasets: original.datasets,
  });
}

/** Someone else saved first: the map as it now is on the server. */
export class MapConflict extends Error {
  constructor(readonly newer: MapRecord) {
    super('The map was changed elsewhere.');
    this.name = 'MapConflict';
  }
}

export async function saveMap(id: string, version: number, content: MapContent): Promise<MapRecord> {
  try {
    return await request<MapRecord>(path(id), { method: 'PATCH', body: { version, ...content } });
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) throw new MapConflict(await readMap(id));
    throw error;
  }
}

export function deleteMap(id: string): Promise<void> {
  return request(path(id), { method: 'DELETE' });
}

export function publishMap(id: string): Promise<MapRecord> {
  return request(path(id, 'publish'), { method: 'POST' });
}

export function setPrivacy(id: string, privacy: Privacy): Promise<MapRecord> {
  return request(path(id, 'privacy'), { method: 'POST', body: { privacy } });
}

export type PublicMap = {
  id: string;
  title: string;
  description?: string | null;
  createdAt: string;
  updatedAt: string;
  token: string;
  datasets: unknown;
  keplerMapConfig: unknown;
};

/** The document `fetchMap` of CARTO's client reads; the token in it opens the map's data and nothing else. */
export const publicMapQuery = (id: string) =>
  queryOptions({
    queryKey: ['maps', 'public', id],
    queryFn: ({ signal }) =>
      request<PublicMap>(`/v3/maps/public/${encodeURIComponent(id)}`, {
        signal,
        query: { v: '3.4', client: 'groma-viewer' },
      }),
    retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
    staleTime: 300_000,
  });
