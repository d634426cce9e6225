// The map document: CARTO's keplerMapConfig as we write it, plus its datasets.

export type Geometry = 'point' | 'line' | 'polygon';

/** `tileset` is drawn by CARTO's VectorTileLayer from dynamic tiles of a table or query. */
export type LayerKind =
  | 'tileset'
  | 'mvt'
  | 'h3'
  | 'quadbin'
  | 'heatmapTile'
  | 'clusterTile'
  | 'raster'
  | 'unknown';

export type Dataset = {
  id: string;
  type: 'table' | 'query';
  /** `schema.table`, or SQL text. */
  source: string;
  connectionName: string;
  connectionId?: string | null;
  geoColumn: string;
  columns: string[] | null;
  format: 'tilejson';
  aggregationExp: string | null;
  aggregationResLevel: number | null;
  queryParameters: Record<string, unknown> | unknown[] | null;
  providerId: string;
  label: string;
  color: string;
  name: string | null;
  /** Of the tables it reads, with links; ours, other clients ignore it. */
  attribution?: string | null;
};

export type FieldRef = { name: string; type: string };

export type ColorRange = {
  name: string;
  type: 'sequential' | 'diverging' | 'qualitative' | 'custom';
  category: string;
  colors: string[];
  colorMap?: [string | number | null, string][];
  uiCustomScaleType?: 'logarithmic';
  reversed?: boolean;
};

export type ColorScale = 'quantile' | 'quantize' | 'custom' | 'ordinal';
export type SizeScale = 'linear' | 'sqrt' | 'log';

export type VisConfig = {
  filled: boolean;
  opacity: number;
  stroked: boolean;
  strokeColor: number[];
  strokeOpacity: number;
  thickness: number;
  radius: number;
  radiusRange: [number, number];
  sizeRange: [number, number];
  colorRange: ColorRange;
  strokeColorRange: ColorRange;
  [other: string]: unknown;
};

export type VisualChannels = {
  colorField: FieldRef | null;
  colorScale: ColorScale;
  strokeColorField: FieldRef | null;
  strokeColorScale: ColorScale;
  radiusField: FieldRef | null;
  radiusScale: SizeScale;
  sizeField: FieldRef | null;
  sizeScale: SizeScale;
  [other: string]: unknown;
};

export type Layer = {
  id: string;
  type: LayerKind;
  config: {
    dataId: string;
    label: string;
    color: number[];
    isVisible: boolean;
    textLabel: unknown[];
    legend: { isHidden: boolean; [other: string]: unknown };
    visConfig: VisConfig;
    [other: string]: unknown;
  };
  visualChannels: VisualChannels;
};

export type PopupField = { name: string; customName?: string; format?: string };

export type PopupEvent = { style: string; fields: PopupField[]; [other: string]: unknown };

export type PopupSettings = {
  layers: Record<string, { enabled: boolean; click: PopupEvent | null; hover: PopupEvent | null }>;
  [other: string]: unknown;
};

export type MapState = {
  longitude: number;
  latitude: number;
  zoom: number;
  pitch: number;
  bearing: number;
  [other: string]: unknown;
};

/** Keys that we do not know are kept as they came: other tools put them there. */
export type MapConfig = {
  mapState: MapState;
  mapStyle: { styleType: string; visibleLayerGroups: Record<string, boolean>; [other: string]: unknown };
  basemapConfig: { styleId: string; visibleLayerGroups: Record<string, boolean>; [other: string]: unknown };
  visState: {
    layers: Layer[];
    layerBlending: 'normal' | 'additive' | 'subtractive';
    interactionConfig: { tooltip: { enabled: boolean; [other: string]: unknown }; [other: string]: unknown };
    [other: string]: unknown;
  };
  popupSettings: PopupSettings;
  legendSettings: Record<string, unknown>;
  filters: Record<string, unknown>;
  [other: string]: unknown;
};

export type MapDocument = {
  title: string;
  description: string;
  datasets: Dataset[];
  config: MapConfig;
};
