// New documents, datasets and layers, already good to look at.
import { rgbFromHex, scaled } from '../../lib/color';
import { defaultRange, LAYER_COLORS } from './palettes';
import type { Dataset, Geometry, Layer, MapConfig, MapDocument, PopupField, VisConfig } from './types';

export type BasemapId = 'positron' | 'dark-matter' | 'voyager';

export const LAYER_GROUPS = {
  label: true,
  road: true,
  border: true,
  building: true,
  water: true,
  land: true,
};

/** Ground colours of our basemaps: the halo of points. */
export const GROUND: Record<BasemapId, string> = {
  positron: '#f6f6f4',
  voyager: '#f7f5ee',
  'dark-matter': '#14181d',
};

export function isDark(basemap: BasemapId): boolean {
  return basemap === 'dark-matter';
}

export function newConfig(basemap: BasemapId): MapConfig {
  return {
    mapState: { longitude: 0, latitude: 25, zoom: 1.2, pitch: 0, bearing: 0, isSplit: false },
    mapStyle: { styleType: basemap, visibleLayerGroups: { ...LAYER_GROUPS } },
    basemapConfig: { styleId: basemap, visibleLayerGroups: { ...LAYER_GROUPS } },
    visState: {
      layers: [],
      layerOrder: [],
      filters: [],
      splitMaps: [],
      layerBlending: 'normal',
      interactionConfig: { tooltip: { enabled: true, fieldsToShow: {} } },
      animationConfig: { currentTime: null, speed: 1 },
    },
    layerGrouping: [],
    widgets: [],
    sqlParameters: [],
    popupSettings: { coordinates: false, layers: {} },
    legendSettings: { layers: {}, isOpen: true },
    mapSettings: {},
    filters: {},
    spatialFilter: null,
    uiState: {},
  };
}

export function newDocument(title: string, basemap: BasemapId): MapDocument {
  return { title, description: '', datasets: [], config: newConfig(basemap) };
}

export type SourceWanted = {
  id: string;
  connection: string;
  type: 'table' | 'query';
  source: string;
  geoColumn: string;
  label: string;
  attribution?: string | null;
};

export function newDataset(wanted: SourceWanted, position: number): Dataset {
  return {
    id: wanted.id,
    type: wanted.type,
    source: wanted.source,
    connectionName: wanted.connection,
    geoColumn: wanted.geoColumn,
    columns: null,
    format: 'tilejson',
    aggregationExp: null,
    aggregationResLevel: null,
    queryParameters: null,
    providerId: 'carto_dw',
    label: wanted.label,
    color: LAYER_COLORS[position % LAYER_COLORS.length]!,
    name: null,
    ...(wanted.attribution ? { attribution: wanted.attribution } : {}),
  };
}

/** A polygon's outline half a step from its fill: darker on light ground, lighter on dark. */
function ownOutline(color: readonly number[], basemap: BasemapId): number[] {
  return scaled(color, isDark(basemap) ? 1.25 : 0.72);
}

/** The outline that a layer of one colour came with: nobody has chosen another. */
export function isOwnOutline(layer: Layer, basemap: BasemapId): boolean {
  const { color, visConfig } = layer.config;
  return String(visConfig.strokeColor) === String(ownOutline(color, basemap));
}

/** Four pixels with a halo of one; in a crowd less, or halos would hide the colour. */
function pointSize(count: number): { radius: number; thickness: number } {
  if (count > 20_000) return { radius: 2, thickness: 0.25 };
  return count > 3000 ? { radius: 3, thickness: 0.5 } : { radius: 4, thickness: 1 };
}

/** Many polygons are small: a thin, pale outline, or outlines would hide the colour. */
function outlineWeight(count: number): { thickness: number; strokeOpacity: number } {
  return count > 1000 ? { thickness: 0.5, strokeOpacity: 0.5 } : { thickness: 1, strokeOpacity: 0.9 };
}

function newVisConfig(geometry: Geometry, color: number[], basemap: BasemapId, count: number): VisConfig {
  const ranges = {
    colorRange: defaultRange('sequential', isDark(basemap)),
    strokeColorRange: defaultRange('sequential', isDark(basemap)),
  };
  const base: VisConfig = {
    filled: true,
    opacity: 0.9,
    stroked: false,
    strokeColor: color,
    strokeOpacity: 1,
    thickness: 1,
    radius: 4,
    radiusRange: [2, 24],
    sizeRange: [0.5, 8],
    enable3d: false,
    elevationScale: 5,
    heightRange: [0, 500],
    wireframe: false,
    ...ranges,
  };
  switch (geometry) {
    case 'point':
      return { ...base, stroked: true, strokeColor: rgbFromHex(GROUND[basemap]), ...pointSize(count) };
    case 'line':
      return { ...base, filled: false, stroked: true, thickness: 2, strokeOpacity: 0.9 };
    case 'polygon':
      return {
        ...base,
        opacity: 0.6,
        stroked: true,
        strokeColor: ownOutline(color, basemap),
        ...outlineWeight(count),
      };
  }
}

export type LayerWanted = {
  id: string;
  dataId: string;
  label: string;
  geometry: Geometry;
  /** How many layers there already are: the next colour. */
  position: number;
  basemap: BasemapId;
  /** How many features there are, when known: many points are drawn smaller. */
  count?: number | null;
};

export function newLayer(wanted: LayerWanted): Layer {
  const color = rgbFromHex(LAYER_COLORS[wanted.position % LAYER_COLORS.length]!);
  return {
    id: wanted.id,
    type: 'tileset',
    config: {
      dataId: wanted.dataId,
      label: wanted.label,
      color,
      columns: {},
      isVisible: true,
      hidden: false,
      textLabel: [
        {
          field: null,
          size: 12,
          color: [44, 48, 50],
          outlineColor: [255, 255, 255],
          anchor: 'middle',
          alignment: 'center',
          offset: [0, 0],
        },
      ],
      legend: { isHidden: false },
      visConfig: newVisConfig(wanted.geometry, color, wanted.basemap, wanted.count ?? 0),
    },
    visualChannels: {
      colorField: null,
      colorScale: 'quantile',
      strokeColorField: null,
      strokeColorScale: 'quantile',
      radiusField: null,
      radiusScale: 'sqrt',
      sizeField: null,
      sizeScale: 'linear',
      heightField: null,
      heightScale: 'linear',
      weightField: null,
      weightScale: 'linear',
      rotationField: null,
      rotationScale: 'linear',
    },
  };
}

/** A click shows these columns: at most ten, geometry left out. */
export function popupFields(columns: readonly { name: string; type: string }[]): PopupField[] {
  return columns
    .filter((column) => column.type !== 'geometry' && !column.name.startsWith('_'))
    .slice(0, 10)
    .map((column) => ({ name: column.name }));
}

/** `Point`, `MultiPolygon`, `polygons`… as one of the three ways to draw; null for what is no such word. */
export function geometryOf(type: string | null | undefined): Geometry | null {
  const lower = (type ?? '').toLowerCase();
  if (lower.includes('point')) return 'point';
  if (lower.includes('line')) return 'line';
  if (lower.includes('polygon')) return 'polygon';
  return null;
}

/** The way to draw a column of this type: a mix is drawn as polygons, with all parts; null without geometry. */
export function drawnAs(type: string | null | undefined): Geometry | null {
  return type ? (geometryOf(type) ?? 'polygon') : null;
}
