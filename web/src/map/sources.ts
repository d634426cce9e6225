// From a dataset of the document to tiles: instantiation, TileJSON and column statistics.
import { type TilejsonResult, vectorQuerySource, vectorTableSource } from '@carto/api-client';
import { useQueries } from '@tanstack/react-query';
import { type AttributeStats, readStats } from '../api/sql';
import type { Dataset, Layer } from './document/types';

/** Who asks: the signed-in person (cookie), or an anonymous reader with a map's token. */
export type Reader = { token: string | null };

/** fetchMap of CARTO's client asks for this too: both draw the same points. */
const TILE_RESOLUTION = 1;

function instantiate(dataset: Dataset, filters: unknown, reader: Reader): Promise<TilejsonResult> {
  const options = {
    apiBaseUrl: window.location.origin,
    clientId: reader.token ? 'groma-viewer' : 'groma-ui',
    connectionName: dataset.connectionName,
    ...(reader.token ? { accessToken: reader.token } : { authMode: 'session' }),
    spatialDataColumn: dataset.geoColumn,
    tileResolution: TILE_RESOLUTION,
    // The query cache decides what is fresh, not a second cache below it.
    localCache: { cacheControl: ['no-cache', 'no-store'] },
    ...(dataset.columns ? { columns: dataset.columns } : {}),
    ...(filters ? { filters } : {}),
    ...(dataset.queryParameters ? { queryParameters: dataset.queryParameters } : {}),
  };
  const tiles =
    dataset.type === 'query'
      ? vectorQuerySource({ ...options, sqlQuery: dataset.source } as Parameters<typeof vectorQuerySource>[0])
      : vectorTableSource({ ...options, tableName: dataset.source } as Parameters<
          typeof vectorTableSource
        >[0]);
  return tiles;
}

export function fieldsOf(layer: Layer): string[] {
  return Object.values(layer.visualChannels).flatMap((value) =>
    value && typeof value === 'object' && 'name' in value ? [(value as { name: string }).name] : [],
  );
}

export type SourceState = {
  tiles: TilejsonResult | null;
  stats: Readonly<Record<string, AttributeStats>>;
  error: Error | null;
  isLoading: boolean;
  retry: () => void;
};

const sourceKey = (dataset: Dataset, reader: Reader) => [
  reader.token,
  dataset.connectionName,
  dataset.type,
  dataset.source,
  dataset.queryParameters,
];

/** One state per dataset, by its id. */
export function useSources(
  datasets: readonly Dataset[],
  layers: readonly Layer[],
  filters: Readonly<Record<string, unknown>>,
  reader: Reader,
): Record<string, SourceState> {
  const tiles = useQueries({
    queries: datasets.map((dataset) => ({
      queryKey: [
        'tiles',
        ...sourceKey(dataset, reader),
        dataset.geoColumn,
        dataset.columns,
        filters[dataset.id] ?? null,
      ],
      queryFn: () => instantiate(dataset, filters[dataset.id], reader),
      staleTime: 60_000,
      retry: 1,
    })),
  });
  const wanted = datasets.flatMap((dataset) => {
    const columns = new Set(layers.filter((layer) => layer.config.dataId === dataset.id).flatMap(fieldsOf));
    return [...columns].map((column) => ({ dataset, column }));
  });
  const stats = useQueries({
    queries: wanted.map(({ dataset, column }) => ({
      queryKey: ['stats', ...sourceKey(dataset, reader), column],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        readStats(dataset, column, reader.token ? { token: reader.token } : {}, signal),
      staleTime: 300_000,
      retry: 1,
    })),
  });
  return Object.fromEntries(
    datasets.map((dataset, at) => {
      const own = wanted
        .map((one, i) => ({ ...one, query: stats[i]! }))
        .filter((one) => one.dataset === dataset);
      const failed = own.find((one) => one.query.error);
      const state: SourceState = {
        tiles: tiles[at]!.data ?? null,
        stats: Object.fromEntries(
          own.flatMap((one) => (one.query.data ? [[one.column, one.query.data]] : [])),
        ),
        error: tiles[at]!.error ?? failed?.query.error ?? null,
        isLoading: tiles[at]!.isPending || own.some((one) => one.query.isPending),
        retry: () => {
          void tiles[at]!.refetch();
          if (failed) void failed.query.refetch();
        },
      };
      return [dataset.id, state];
    }),
  );
}

/** What must be said of where the data comes from: by the tiles, else as noted when the layer was made. */
export function attributionsOf(
  datasets: readonly Dataset[],
  sources: Readonly<Record<string, SourceState>>,
): string[] {
  return datasets.flatMap((dataset) => {
    const said = (sources[dataset.id]?.tiles as { attribution?: string } | null | undefined)?.attribution;
    const text = said || dataset.attribution;
    return text ? [text] : [];
  });
}
