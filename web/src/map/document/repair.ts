// Reads a stored map whatever its age: what is missing gets its default, what is foreign stays.
import { newConfig, newLayer } from './create';
import type { Dataset, Layer, MapConfig, MapDocument, PopupEvent, PopupSettings } from './types';

type Loose = Record<string, unknown>;

const isRecord = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const recordOr = (value: unknown): Loose => (isRecord(value) ? value : {});
const textOr = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
const numberOr = (value: unknown, fallback: number) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fallback;

const KINDS = new Set(['tileset', 'mvt', 'h3', 'quadbin', 'heatmapTile', 'clusterTile', 'raster']);

function repairLayer(value: unknown, position: number): Layer | null {
  if (!isRecord(value) || !isRecord(value.config) || typeof value.config.dataId !== 'string') return null;
  const config = value.config;
  const vis = recordOr(config.visConfig);
  const defaults = newLayer({
    id: textOr(value.id, `layer-${position}`),
    dataId: config.dataId as string,
    label: textOr(config.label, ''),
    geometry: 'point',
    position,
    basemap: 'positron',
  });
  const type = textOr(value.type, 'tileset');
  return {
    ...value,
    id: defaults.id,
    type: (KINDS.has(type) ? type : 'unknown') as Layer['type'],
    config: {
      ...defaults.config,
      ...config,
      color: Array.isArray(config.color) ? (config.color as number[]) : defaults.config.color,
      isVisible: config.isVisible !== false,
      textLabel: Array.isArray(config.textLabel) ? config.textLabel : defaults.config.textLabel,
      legend: { isHidden: false, ...recordOr(config.legend) },
      visConfig: {
        ...defaults.config.visConfig,
        stroked: false,
        ...Object.fromEntries(Object.entries(vis).filter(([, entry]) => entry !== null)),
      },
    },
    visualChannels: {
      ...defaults.visualChannels,
      ...recordOr(value.visualChannels),
    } as Layer['visualChannels'],
  };
}

function repairEvent(value: unknown): PopupEvent | null {
  if (!isRecord(value)) return null;
  const fields = Array.isArray(value.fields)
    ? value.fields.filter(
        (field): field is { name: string } => isRecord(field) && typeof field.name === 'string',
      )
    : [];
  return { ...value, style: textOr(value.style, 'light'), fields };
}

function repairPopups(value: unknown): PopupSettings {
  const settings = recordOr(value);
  const layers = Object.entries(recordOr(settings.layers)).map(([id, entry]) => {
    const one = recordOr(entry);
    return [
      id,
      {
        ...one,
        enabled: one.enabled !== false,
        click: repairEvent(one.click),
        hover: repairEvent(one.hover),
      },
    ];
  });
  return { coordinates: false, ...settings, layers: Object.fromEntries(layers) };
}

function inOrder(layers: Layer[], order: unknown): Layer[] {
  if (!Array.isArray(order) || order.length === 0) return layers;
  const place = (layer: Layer) => {
    const at = order.indexOf(layer.id);
    return at < 0 ? order.length : at;
  };
  return [...layers].sort((a, b) => place(a) - place(b));
}

function repairConfig(value: unknown): MapConfig {
  const stored = isRecord(value) && isRecord(value.config) ? value.config : recordOr(value);
  const defaults = newConfig('positron');
  const vis = recordOr(stored.visState);
  const state = recordOr(stored.mapState);
  const style = recordOr(stored.mapStyle);
  const basemap = recordOr(stored.basemapConfig);
  const styleId = textOr(style.styleType, textOr(basemap.styleId, 'positron'));
  const groups = recordOr(basemap.visibleLayerGroups ?? style.visibleLayerGroups) as Record<string, boolean>;
  const interaction = recordOr(vis.interactionConfig);
  const layers = (Array.isArray(vis.layers) ? vis.layers : [])
    .map(repairLayer)
    .filter((layer): layer is Layer => layer !== null);
  return {
    ...defaults,
    ...stored,
    mapState: {
      ...defaults.mapState,
      ...state,
      longitude: numberOr(state.longitude, defaults.mapState.longitude),
      latitude: numberOr(state.latitude, defaults.mapState.latitude),
      zoom: numberOr(state.zoom, defaults.mapState.zoom),
      pitch: numberOr(state.pitch, 0),
      bearing: numberOr(state.bearing, 0),
    },
    mapStyle: { ...style, styleType: styleId, visibleLayerGroups: groups },
    basemapConfig: { ...basemap, styleId, visibleLayerGroups: groups },
    visState: {
      ...defaults.visState,
      ...vis,
      layers: inOrder(layers, vis.layerOrder),
      layerBlending:
        vis.layerBlending === 'additive' || vis.layerBlending === 'subtractive'
          ? vis.layerBlending
          : 'normal',
      interactionConfig: { ...interaction, tooltip: { enabled: true, ...recordOr(interaction.tooltip) } },
    },
    popupSettings: repairPopups(stored.popupSettings),
    legendSettings: recordOr(stored.legendSettings),
    filters: recordOr(stored.filters),
  };
}

function repairDataset(value: unknown): Dataset | null {
  if (!isRecord(value) || typeof value.id !== 'string' || typeof value.source !== 'string') return null;
  return {
    ...value,
    id: value.id,
    type: value.type === 'query' ? 'query' : 'table',
    source: value.source,
    connectionName: textOr(value.connectionName, 'carto_dw'),
    geoColumn: textOr(value.geoColumn, 'geom'),
    columns: Array.isArray(value.columns) ? (value.columns as string[]) : null,
    format: 'tilejson',
    aggregationExp: typeof value.aggregationExp === 'string' ? value.aggregationExp : null,
    aggregationResLevel: typeof value.aggregationResLevel === 'number' ? value.aggregationResLevel : null,
    queryParameters: (value.queryParameters as Dataset['queryParameters']) ?? null,
    providerId: textOr(value.providerId, 'carto_dw'),
    label: textOr(value.label, textOr(value.name, value.source)),
    color: textOr(value.color, '#11a579'),
    name: typeof value.name === 'string' ? value.name : null,
  };
}

export function documentFrom(stored: {
  title?: string | null;
  description?: string | null;
  keplerMapConfig: unknown;
  datasets: unknown;
}): MapDocument {
  const datasets = (Array.isArray(stored.datasets) ? stored.datasets : [])
    .map(repairDataset)
    .filter((dataset): dataset is Dataset => dataset !== null);
  return {
    title: stored.title ?? '',
    description: stored.description ?? '',
    datasets,
    config: repairConfig(stored.keplerMapConfig),
  };
}

/** What goes to the server. */
export function contentOf(document: MapDocument) {
  return {
    title: document.title,
    description: document.description,
    keplerMapConfig: { version: 'v1', config: document.config },
    datasets: document.datasets,
  };
}
