// Odd geometries: each is shown, or left out, the same way by tiles and by SQL; none breaks the tile of its neighbours.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ask, connection, sql, url } from '../harness/groma.mjs';

const SCHEMA = 'odd';

async function geojsonTile(table, z = 0, x = 0, y = 0) {
  const step = await (await ask(`/v3/maps/${connection}/table?name=${SCHEMA}.${table}`)).json();
  assert.ok(step.tilejson, JSON.stringify(step));
  const document = await (await ask(step.tilejson.url[0].slice(url.length))).json();
  assert.ok(document.tiles, JSON.stringify(document));
  const template = document.tiles[0].replace('formatTiles=binary', 'formatTiles=geojson').slice(url.length);
  const response = await ask(template.replace('{z}', z).replace('{x}', x).replace('{y}', y));
  if (response.status === 204) return { features: [], document };
  const tile = await response.json();
  assert.equal(response.status, 200, JSON.stringify(tile));
  return { features: tile.features, document };
}

const ids = ({ features }) => features.map(({ properties }) => properties.id).sort();
const create = (table, rows) => sql(`CREATE OR REPLACE TABLE ${SCHEMA}.${table} AS SELECT * FROM (VALUES ${rows.join(', ')}) AS t (id, geom)`);
const wkt = (id, text) => `(${id}, ST_GeomFromText(${text === null ? 'NULL' : `'${text}'`}))`;

describe('odd geometries', () => {
  before(() => sql(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`));
  after(async () => {
    for (const table of ['nulls', 'nothing', 'holes', 'antimeridian', 'infinite', 'mixed', 'mercator']) {
      await sql(`DROP TABLE IF EXISTS ${SCHEMA}.${table}`);
    }
  });

  it('rows without one are in SQL and not in tiles', async () => {
    await create('nulls', [wkt(1, 'POINT(1 1)'), wkt(2, null), wkt(3, 'POINT EMPTY')]);
    assert.deepEqual(ids(await geojsonTile('nulls')), [1]);
    assert.deepEqual(await sql(`SELECT count(*) AS n FROM ${SCHEMA}.nulls`), [{ n: 3 }]);
  });

  it('an empty table has empty tiles and says what columns it has', async () => {
    await create('nothing', [wkt(1, 'POINT(1 1)')]);
    await sql(`DELETE FROM ${SCHEMA}.nothing`);
    const { features, document } = await geojsonTile('nothing');
    assert.deepEqual(features, []);
    assert.deepEqual(document.schema?.map(({ name }) => name) ?? ['id', 'geom'], ['id', 'geom']);
  });

  it('a hole stays a hole', async () => {
    await create('holes', [wkt(1, 'POLYGON((0 0, 40 0, 40 40, 0 40, 0 0), (10 10, 10 30, 30 30, 30 10, 10 10))')]);
    const { features } = await geojsonTile('holes');
    const coordinates = features[0].geometry.type === 'MultiPolygon' ? features[0].geometry.coordinates[0] : features[0].geometry.coordinates;
    assert.equal(coordinates.length, 2);
    const xs = coordinates[1].map(([x]) => x);
    assert.ok(Math.abs(Math.min(...xs) - 10) < 1 && Math.abs(Math.max(...xs) - 30) < 1, `${xs}`);
  });

  it('a polygon up to the antimeridian and one beyond it are in the tiles that they reach', async () => {
    await create('antimeridian', [
      wkt(1, 'MULTIPOLYGON(((170 -10, 180 -10, 180 10, 170 10, 170 -10)), ((-180 -10, -170 -10, -170 10, -180 10, -180 -10)))'),
      wkt(2, 'POLYGON((170 40, 190 40, 190 50, 170 50, 170 40))'),
    ]);
    assert.deepEqual(ids(await geojsonTile('antimeridian')), [1, 2]);
    assert.deepEqual(ids(await geojsonTile('antimeridian', 3, 7, 3)), [1, 2]);
    assert.ok(ids(await geojsonTile('antimeridian', 3, 0, 3)).includes(1));
    assert.deepEqual(ids(await geojsonTile('antimeridian', 3, 4, 3)), []);
  });

  it('coordinates that are no numbers, or without end, are left out', async () => {
    await sql(`CREATE OR REPLACE TABLE ${SCHEMA}.infinite AS
      SELECT 1 AS id, ST_Point(5, 5) AS geom
      UNION ALL SELECT 2, ST_Point(CAST('NaN' AS DOUBLE), 5)
      UNION ALL SELECT 3, ST_Point(CAST('Infinity' AS DOUBLE), 5)
      UNION ALL SELECT 4, ST_Point(5, CAST('-Infinity' AS DOUBLE))`);
    assert.deepEqual(ids(await geojsonTile('infinite')), [1]);
    assert.deepEqual(await sql(`SELECT count(*) AS n FROM ${SCHEMA}.infinite`), [{ n: 4 }]);
  });

  it('points, lines and polygons may stand in one column', async () => {
    await create('mixed', [wkt(1, 'POINT(1 1)'), wkt(2, 'LINESTRING(0 0, 60 60)'), wkt(3, 'POLYGON((20 0, 60 0, 60 40, 20 0))')]);
    const { features } = await geojsonTile('mixed');
    const types = Object.fromEntries(features.map(({ properties, geometry }) => [properties.id, geometry.type.replace('Multi', '')]));
    assert.deepEqual(types, { 1: 'Point', 2: 'LineString', 3: 'Polygon' });
  });

  it('another reference system is shown where it belongs', async () => {
    // Web Mercator metres of 30° E, 60° N (EPSG:3857).
    await sql(`CREATE OR REPLACE TABLE ${SCHEMA}.mercator AS
      SELECT 1 AS id, ST_SetSRID(ST_Point(3339584.723798207, 8399737.889818357), 3857) AS geom`);
    const { features } = await geojsonTile('mercator', 4, 9, 4);
    const [lon, lat] = features[0].geometry.coordinates;
    assert.ok(Math.abs(lon - 30) < 0.1 && Math.abs(lat - 60) < 0.1, `${lon} ${lat}`);
  });
});
