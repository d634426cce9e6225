// From the document to deck.gl: CARTO's own parser reads the layer, so fetchMap draws the same.
import { getLayerDescriptor, type TilejsonResult } from '@carto/api-client';
import { VectorTileLayer } from '@deck.gl/carto';
import type { Layer as DeckLayer } from '@deck.gl/core';
import { ScatterplotLayer } from '@deck.gl/layers';
import type { AttributeStats } from '../api/sql';
import type { TileActivity } from './activity';
import { geometryOf } from './document/create';
import type { Dataset, Geometry, Layer, MapConfig } from './document/types';
import type { LayerPlace } from './MapCanvas';
import type { Reader, SourceState } from './sources';
import { tileFetcher } from './tiles';
import { WORKER_OPTIONS } from './workers';

export function geometryOfTiles(tiles: TilejsonResult | null): Geometry | null {
  return geometryOf(tiles?.tilestats?.layers?.[0]?.geometry);
}

/** TileJSON with the statistics in place, as fetchMap fills them in. */
export function withStats(
  tiles: TilejsonResult,
  stats: Readonly<Record<string, AttributeStats>>,
): TilejsonResult {
  const [first, ...rest] = tiles.tilestats?.layers ?? [];
  if (!first) return tiles;
  const attributes = first.attributes.map((attribute) => stats[attribute.attribute] ?? attribute);
  return {
    ...tiles,
    tilestats: { ...tiles.tilestats, layers: [{ ...first, attributes }, ...rest] },
  } as TilejsonResult;
}

type Drawn = { key: readonly unknown[]; layer: DeckLayer };

/** Remembers what it drew, so that a change of one layer leaves the others untouched. */
export class LayerPainter {
  #drawn = new Map<string, Drawn>();
  #last: DeckLayer[] = [];
  #map = 0;
  #anchor: { layer: DeckLayer; beforeId: string | undefined } | null = null;
  #fetchers = new Map<string, ReturnType<typeof tileFetcher>>();

  constructor(
    readonly activity: TileActivity,
    readonly reader: Reader,
  ) {}

  #fetcher(layerId: string) {
    const known = this.#fetchers.get(layerId);
    if (known) return known;
    const made = tileFetcher(this.activity, layerId, this.reader);
    this.#fetchers.set(layerId, made);
    return made;
  }

  #draw(
    config: MapConfig,
    dataset: Dataset,
    layer: Layer,
    source: SourceState,
    beforeId: string | undefined,
  ) {
    const key = [
      layer,
      source.tiles,
      ...Object.values(source.stats),
      config.visState.layerBlending,
      beforeId,
    ];
    const before = this.#drawn.get(layer.id);
    if (before && before.key.length === key.length && before.key.every((part, at) => part === key[at])) {
      return before.layer;
    }
    const data = withStats(source.tiles!, source.stats);
    const descriptor = getLayerDescriptor({
      mapConfig: config,
      layer,
      dataset: { ...dataset, data },
    } as unknown as Parameters<typeof getLayerDescriptor>[0]);
    const { activity } = this;
    const props = {
      ...descriptor.props,
      loadOptions: { ...descriptor.props.loadOptions, ...WORKER_OPTIONS },
      fetch: this.#fetcher(layer.id),
      highlightColor: [255, 255, 255, 110],
      maxRequests: 8,
      onTileError: () => {},
      onViewportLoad: (tiles: { index: { x: number; y: number; z: number } }[]) =>
        activity.visible(
          layer.id,
          tiles.map(({ index }) => `${index.z}/${index.x}/${index.y}`),
        ),
      ...(beforeId ? { beforeId } : {}),
    };
    const drawn = new VectorTileLayer(props as unknown as ConstructorParameters<typeof VectorTileLayer>[0]);
    this.#drawn.set(layer.id, { key, layer: drawn });
    return drawn;
  }

  /** Bottom layer first, as deck.gl takes them; the very same list when nothing changed. */
  paint(
    config: MapConfig,
    datasets: readonly Dataset[],
    sources: Readonly<Record<string, SourceState>>,
    { beforeId, map }: LayerPlace,
  ): DeckLayer[] {
    if (map !== this.#map) {
      this.#map = map;
      this.#drawn.clear();
      this.#anchor = null;
    }
    const layers = [...config.visState.layers].reverse().flatMap((layer) => {
      const dataset = datasets.find((one) => one.id === layer.config.dataId);
      const source = dataset ? sources[dataset.id] : undefined;
      const isReady = source?.tiles && fieldsReady(layer, source);
      const isKind = layer.type === 'tileset' || layer.type === 'mvt';
      return dataset && source && isReady && isKind
        ? [this.#draw(config, dataset, layer, source, beforeId)]
        : [];
    });
    for (const id of this.#drawn.keys()) {
      if (!config.visState.layers.some((layer) => layer.id === id)) {
        this.#drawn.delete(id);
        this.activity.forget(id);
      }
    }
    if (this.#anchor?.beforeId !== beforeId || !this.#anchor)
      this.#anchor = { layer: anchor(beforeId), beforeId };
    const next = [this.#anchor.layer, ...layers];
    const isSame = next.length === this.#last.length && next.every((layer, at) => layer === this.#last[at]);
    if (!isSame) this.#last = next;
    return this.#last;
  }
}

/** Draw a layer by a column only when the column's statistics are there: no flash of wrong colours. */
function fieldsReady(layer: Layer, source: SourceState): boolean {
  return Object.values(layer.visualChannels).every(
    (value) =>
      !(value && typeof value === 'object' && 'name' in value) ||
      source.stats[(value as { name: string }).name],
  );
}

/** An empty layer that keeps deck's place in the basemap's layer stack while tiles still load. */
function anchor(beforeId: string | undefined): DeckLayer {
  return new ScatterplotLayer({ id: 'groma-anchor', data: [], ...(beforeId ? { beforeId } : {}) });
}
