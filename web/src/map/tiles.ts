// Fetches one tile for deck.gl: the server's own words on errors, and how much of the data came.
import { parse } from '@loaders.gl/core';
import type { Loader, LoaderOptions } from '@loaders.gl/loader-utils';
import { readAnswer } from '../api/http';
import type { TileActivity, TileCount } from './activity';
import type { Reader } from './sources';

type Binary = { properties?: unknown[] };
type TileContent = { points?: Binary; lines?: Binary; polygons?: Binary } | unknown[] | null;

export function featuresIn(content: TileContent): number {
  if (!content) return 0;
  if (Array.isArray(content)) return content.length;
  return [content.points, content.lines, content.polygons].reduce(
    (sum, part) => sum + (part?.properties?.length ?? 0),
    0,
  );
}

/** From exact counts when the server sends them, else from the fraction. */
export function countOf(headers: Headers, shown: number): TileCount {
  const total = Number(headers.get('Groma-Features-Total') ?? Number.NaN);
  if (Number.isFinite(total)) return { shown, total: Math.max(shown, total) };
  const fraction = Number(headers.get('Groma-Fraction-Shown') ?? 1);
  return { shown, total: fraction > 0 && fraction < 1 ? Math.round(shown / fraction) : shown };
}

/** `/v3/maps/carto_dw/table/4/8/5?…` → `4/8/5` */
export function tileName(url: string): string {
  return new URL(url, 'http://tile').pathname.split('/').slice(-3).join('/');
}

type FetchContext = { layer: { props: { loaders?: unknown[] } }; loadOptions?: object; signal?: AbortSignal };

export function tileFetcher(activity: TileActivity, layerId: string, reader: Reader) {
  return async (url: string, { layer, loadOptions, signal }: FetchContext): Promise<unknown> => {
    activity.started(layerId);
    try {
      const response = await fetch(url, {
        credentials: 'same-origin',
        ...(reader.token ? { headers: { Authorization: `Bearer ${reader.token}` } } : {}),
        ...(signal ? { signal } : {}),
      });
      if (!response.ok) await readAnswer(response, `GET ${url}`);
      if (response.status === 204) {
        activity.counted(layerId, tileName(url), { shown: 0, total: 0 });
        return null;
      }
      const loaders = (layer.props.loaders ?? []) as Loader[];
      const content = (await parse(response, loaders, loadOptions as LoaderOptions)) as TileContent;
      activity.counted(layerId, tileName(url), countOf(response.headers, featuresIn(content)));
      return content;
    } catch (error) {
      if (!signal?.aborted) activity.failed(layerId, error as Error);
      throw error;
    } finally {
      activity.finished(layerId);
    }
  };
}
