// From a table to a layer, and to a whole map that shows it.
import type { Table } from '../../api/connections';
import { newId } from '../../lib/id';
import { type BasemapId, drawnAs, newDataset, newDocument, newLayer, popupFields } from './create';
import { addLayer, layersOf, setView } from './edit';
import type { MapDocument } from './types';

/** Words that are written in capitals. */
const SHORT_NAMES = new Set(['us', 'usa', 'uk', 'eu', 'osm', 'poi', 'pois', 'id']);

/** `demo.us_counties` → "US counties" */
export function titleOf(tableName: string): string {
  const words = (tableName.split('.').at(-1) ?? tableName).split(/[_\s]+/).filter(Boolean);
  const text = words
    .map((word) => (SHORT_NAMES.has(word.toLowerCase()) ? word.toUpperCase() : word))
    .join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Adds the table on top; null when it has no geometry. */
export function withTable(
  document: MapDocument,
  connection: string,
  table: Table,
  basemap: BasemapId,
): { document: MapDocument; layerId: string } | null {
  if (!table.geometry) return null;
  const position = layersOf(document).length;
  const known = document.datasets.find(
    (one) => one.type === 'table' && one.source === table.name && one.connectionName === connection,
  );
  const dataset =
    known ??
    newDataset(
      {
        id: newId(),
        connection,
        type: 'table',
        source: table.name,
        geoColumn: table.geometry.column,
        label: titleOf(table.name),
        attribution: table.attribution,
      },
      position,
    );
  const layer = newLayer({
    id: newId(),
    dataId: dataset.id,
    label: titleOf(table.name),
    geometry: drawnAs(table.geometry.type) ?? 'polygon',
    position,
    basemap,
    count: table.rows,
  });
  return { document: addLayer(document, dataset, layer, popupFields(table.columns)), layerId: layer.id };
}

/** The zoom at which the bounds (west, south, east, north) fit a window of this many pixels. */
export function viewOfBounds(
  [west, south, east, north]: readonly [number, number, number, number],
  width = 1000,
  height = 700,
): { longitude: number; latitude: number; zoom: number } {
  const mercator = (latitude: number) =>
    Math.log(Math.tan(Math.PI / 4 + (Math.max(-85, Math.min(85, latitude)) * Math.PI) / 360)) / (2 * Math.PI);
  const spanX = Math.max(1e-6, (east - west) / 360);
  const spanY = Math.max(1e-6, mercator(north) - mercator(south));
  const zoom = Math.min(Math.log2(width / 512 / spanX), Math.log2(height / 512 / spanY));
  const middle = (mercator(north) + mercator(south)) / 2;
  return {
    longitude: (west + east) / 2,
    latitude: (Math.atan(Math.sinh(middle * 2 * Math.PI)) * 180) / Math.PI,
    zoom: Math.max(0.5, Math.min(15, zoom)),
  };
}

export function mapOfTable(connection: string, table: Table, basemap: BasemapId): MapDocument | null {
  const added = withTable(newDocument(titleOf(table.name), basemap), connection, table, basemap);
  if (!added) return null;
  return table.geometry?.bounds
    ? setView(added.document, viewOfBounds(table.geometry.bounds))
    : added.document;
}
