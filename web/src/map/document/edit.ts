// Changes of a map document: each takes one and gives a new one, so that undo is free.
import { hexFromRgb, rgbFromHex } from '../../lib/color';
import { type BasemapId, GROUND, LAYER_GROUPS } from './create';
import type {
  Dataset,
  Layer,
  MapConfig,
  MapDocument,
  MapState,
  PopupField,
  VisConfig,
  VisualChannels,
} from './types';

const withConfig = (document: MapDocument, config: Partial<MapConfig>): MapDocument => ({
  ...document,
  config: { ...document.config, ...config },
});

const withLayers = (document: MapDocument, layers: Layer[]): MapDocument =>
  withConfig(document, {
    visState: { ...document.config.visState, layers, layerOrder: layers.map((layer) => layer.id) },
  });

export function layersOf(document: MapDocument): Layer[] {
  return document.config.visState.layers;
}

export function datasetOf(document: MapDocument, layer: Layer): Dataset | undefined {
  return document.datasets.find((dataset) => dataset.id === layer.config.dataId);
}

export function setTitle(document: MapDocument, title: string): MapDocument {
  return title === document.title ? document : { ...document, title };
}

export function setDescription(document: MapDocument, description: string): MapDocument {
  return description === document.description ? document : { ...document, description };
}

/** The new layer comes on top. */
export function addLayer(
  document: MapDocument,
  dataset: Dataset,
  layer: Layer,
  popup: PopupField[],
): MapDocument {
  const isKnown = document.datasets.some((known) => known.id === dataset.id);
  const next = withLayers(isKnown ? document : { ...document, datasets: [...document.datasets, dataset] }, [
    layer,
    ...layersOf(document),
  ]);
  return setPopup(next, layer.id, { enabled: popup.length > 0, fields: popup });
}

/** A dataset without any layer left goes with its last layer. */
export function removeLayer(document: MapDocument, layerId: string): MapDocument {
  const layers = layersOf(document).filter((layer) => layer.id !== layerId);
  const used = new Set(layers.map((layer) => layer.config.dataId));
  const { [layerId]: _gone, ...popups } = document.config.popupSettings.layers;
  return {
    ...withConfig(withLayers(document, layers), {
      popupSettings: { ...document.config.popupSettings, layers: popups },
    }),
    datasets: document.datasets.filter((dataset) => used.has(dataset.id)),
  };
}

export function duplicateLayer(
  document: MapDocument,
  layerId: string,
  newId: string,
  label: string,
): MapDocument {
  const layers = layersOf(document);
  const at = layers.findIndex((layer) => layer.id === layerId);
  const original = layers[at];
  if (!original) return document;
  const copy: Layer = { ...original, id: newId, config: { ...original.config, label } };
  const popup = document.config.popupSettings.layers[layerId];
  const next = withLayers(document, [...layers.slice(0, at), copy, ...layers.slice(at)]);
  return popup
    ? withConfig(next, {
        popupSettings: {
          ...next.config.popupSettings,
          layers: { ...next.config.popupSettings.layers, [newId]: popup },
        },
      })
    : next;
}

/** `to` is the place in the list, 0 on top. */
export function moveLayer(document: MapDocument, layerId: string, to: number): MapDocument {
  const layers = layersOf(document);
  const from = layers.findIndex((layer) => layer.id === layerId);
  if (from < 0 || from === to || to < 0 || to >= layers.length) return document;
  const rest = layers.filter((layer) => layer.id !== layerId);
  rest.splice(to, 0, layers[from]!);
  return withLayers(document, rest);
}

function changeLayer(document: MapDocument, layerId: string, change: (layer: Layer) => Layer): MapDocument {
  const layers = layersOf(document);
  const next = layers.map((layer) => (layer.id === layerId ? change(layer) : layer));
  return next.some((layer, at) => layer !== layers[at]) ? withLayers(document, next) : document;
}

export function renameLayer(document: MapDocument, layerId: string, label: string): MapDocument {
  return changeLayer(document, layerId, (layer) => ({ ...layer, config: { ...layer.config, label } }));
}

export function setVisible(document: MapDocument, layerId: string, isVisible: boolean): MapDocument {
  return changeLayer(document, layerId, (layer) => ({ ...layer, config: { ...layer.config, isVisible } }));
}

export function setLegendHidden(document: MapDocument, layerId: string, isHidden: boolean): MapDocument {
  return changeLayer(document, layerId, (layer) => ({
    ...layer,
    config: { ...layer.config, legend: { ...layer.config.legend, isHidden } },
  }));
}

export function setColor(document: MapDocument, layerId: string, hex: string): MapDocument {
  return changeLayer(document, layerId, (layer) => ({
    ...layer,
    config: { ...layer.config, color: rgbFromHex(hex) },
  }));
}

export function setStyle(document: MapDocument, layerId: string, style: Partial<VisConfig>): MapDocument {
  return changeLayer(document, layerId, (layer) => ({
    ...layer,
    config: { ...layer.config, visConfig: { ...layer.config.visConfig, ...style } as VisConfig },
  }));
}

/** Style and channels that belong together change in one step (a scale and its palette). */
export function setChannels(
  document: MapDocument,
  layerId: string,
  channels: Partial<VisualChannels>,
  style: Partial<VisConfig> = {},
): MapDocument {
  return changeLayer(document, layerId, (layer) => ({
    ...layer,
    config: { ...layer.config, visConfig: { ...layer.config.visConfig, ...style } as VisConfig },
    visualChannels: { ...layer.visualChannels, ...channels } as VisualChannels,
  }));
}

export type PopupChange = { enabled?: boolean; fields?: PopupField[] };

export function setPopup(document: MapDocument, layerId: string, change: PopupChange): MapDocument {
  const settings = document.config.popupSettings;
  const before = settings.layers[layerId] ?? { enabled: true, click: null, hover: null };
  const click = before.click ?? { style: 'light', fields: [] };
  const layers = {
    ...settings.layers,
    [layerId]: {
      ...before,
      enabled: change.enabled ?? before.enabled,
      click: { ...click, fields: change.fields ?? click.fields },
    },
  };
  return withConfig(document, { popupSettings: { ...settings, layers } });
}

/** A query edited in place: its columns are new, so channels on columns that are gone are let go. */
export function setSource(
  document: MapDocument,
  datasetId: string,
  source: Pick<Dataset, 'type' | 'source' | 'geoColumn' | 'attribution'>,
  columns: readonly { name: string; type: string }[],
): MapDocument {
  const names = new Set(columns.map((column) => column.name));
  const keep = (value: unknown) =>
    value && typeof value === 'object' && 'name' in value && !names.has((value as { name: string }).name)
      ? null
      : value;
  const datasets = document.datasets.map((dataset) =>
    dataset.id === datasetId ? { ...dataset, ...source, columns: null } : dataset,
  );
  let next: MapDocument = { ...document, datasets };
  for (const layer of layersOf(document).filter((one) => one.config.dataId === datasetId)) {
    next = changeLayer(next, layer.id, (one) => ({
      ...one,
      visualChannels: Object.fromEntries(
        Object.entries(one.visualChannels).map(([key, value]) => [key, keep(value)]),
      ) as VisualChannels,
    }));
    const popup = next.config.popupSettings.layers[layer.id];
    const fields = popup?.click?.fields.filter((field) => names.has(field.name)) ?? [];
    next = setPopup(next, layer.id, { fields });
  }
  return next;
}

export function basemapOf(config: Pick<MapConfig, 'mapStyle' | 'basemapConfig'>): BasemapId {
  const id = (config.mapStyle.styleType || config.basemapConfig.styleId).replace(/^custom:/, '');
  return id === 'dark-matter' || id === 'voyager' || id === 'positron' ? id : 'positron';
}

/** Halos drawn in the old ground's colour follow to the new ground. */
export function setBasemap(document: MapDocument, basemap: BasemapId): MapDocument {
  const before = basemapOf(document.config);
  const { customBaseMaps: _ours, ...config } = document.config;
  let next: MapDocument = {
    ...document,
    config: {
      ...(config as MapConfig),
      mapStyle: { ...config.mapStyle, styleType: basemap },
      basemapConfig: { ...config.basemapConfig, styleId: basemap },
    },
  };
  for (const layer of layersOf(document)) {
    if (hexFromRgb(layer.config.visConfig.strokeColor) === GROUND[before]) {
      next = setStyle(next, layer.id, { strokeColor: rgbFromHex(GROUND[basemap]) });
    }
  }
  return next;
}

export function hasLabels(config: Pick<MapConfig, 'basemapConfig'>): boolean {
  return config.basemapConfig.visibleLayerGroups.label !== false;
}

export function setBasemapLabels(document: MapDocument, isVisible: boolean): MapDocument {
  const groups = { ...LAYER_GROUPS, ...document.config.basemapConfig.visibleLayerGroups, label: isVisible };
  return withConfig(document, {
    basemapConfig: { ...document.config.basemapConfig, visibleLayerGroups: groups },
    mapStyle: { ...document.config.mapStyle, visibleLayerGroups: groups },
  });
}

export function setView(document: MapDocument, view: Partial<MapState>): MapDocument {
  return withConfig(document, { mapState: { ...document.config.mapState, ...view } as MapState });
}
