// Decodes tiles with CARTO's and loaders.gl's own loaders into rows: the properties of each feature, and where it lies.

import '@deck.gl/carto';
import { parse } from '@loaders.gl/core';
import { MVTLoader } from '@loaders.gl/mvt';

/** Properties that tiles add to the columns of the source. */
const isOurs = (name) => name.startsWith('_carto_');

/** The features of a tile's response, as `{ properties, position, kind }`. */
export async function decode(response, tile) {
  const type = response.headers.get('content-type');
  const bytes = await response.arrayBuffer();
  if (type === 'application/vnd.mapbox-vector-tile') return decodeMvt(bytes, tile);
  // The loader is chosen by the content type, as in a deck.gl layer.
  const again = new Response(bytes, { headers: { 'Content-Type': type } });
  return decodeBinary(await parse(again, { worker: false }));
}

async function decodeMvt(bytes, tile) {
  const features = await parse(bytes, MVTLoader, {
    worker: false,
    mvt: { coordinates: 'wgs84', tileIndex: tile, shape: 'geojson' },
  });
  return features.map(({ properties, geometry }) => ({
    kind: { Point: 'points', LineString: 'lines', Polygon: 'polygons' }[geometry.type.replace('Multi', '')],
    position: firstPosition(geometry.coordinates),
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !isOurs(name))),
  }));
}

function firstPosition(coordinates) {
  return typeof coordinates[0] === 'number' ? coordinates : firstPosition(coordinates[0]);
}

function decodeBinary({ points, lines, polygons }) {
  return [
    ...featuresOf('points', points),
    ...featuresOf('lines', lines),
    ...featuresOf('polygons', polygons),
  ];
}

/** One feature per entry of `properties`; numbers are given once per vertex, and all of a feature's have to agree. */
function featuresOf(kind, part) {
  const features = part.properties.map((properties) => ({ kind, properties: { ...properties }, position: null }));
  const ids = part.featureIds.value;
  const { value: positions, size } = part.positions;
  if (ids.length * size !== positions.length) throw new Error(`${kind}: ${ids.length} ids for ${positions.length} numbers`);
  for (let vertex = 0; vertex < ids.length; vertex += 1) {
    const feature = features[ids[vertex]];
    const isFirst = feature.position === null;
    if (isFirst) feature.position = Array.from(positions.subarray(vertex * size, vertex * size + size));
    for (const [name, { value }] of Object.entries(part.numericProps)) {
      if (isFirst) feature.properties[name] = Number.isNaN(value[vertex]) ? null : value[vertex];
      else if (!Object.is(value[vertex], feature.properties[name] ?? NaN)) throw new Error(`${name} differs within a feature`);
    }
  }
  for (const feature of features) {
    if (feature.position === null) throw new Error(`a feature of ${kind} has no vertex`);
    for (const name of Object.keys(feature.properties)) if (isOurs(name)) delete feature.properties[name];
  }
  return features;
}
