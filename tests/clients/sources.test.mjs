// The current @carto/api-client: sources, SQL, errors, and requests too long for a URL.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CartoAPIError, query, vectorQuerySource, vectorTableSource } from '@carto/api-client';
import { connection, sql, token, url } from '../harness/groma.mjs';
import { walk } from './tiles/walk.mjs';

const account = { apiBaseUrl: url, accessToken: token, connectionName: connection };

/** The names of the cities that a source's tiles show, sorted. */
async function namesIn(source) {
  const { leaves } = await walk(source.tiles[0], token);
  return leaves.flatMap(({ features }) => features.map(({ properties }) => properties.name)).sort();
}

async function namesBySql(where) {
  const rows = await sql(`SELECT name FROM demo.populated_places WHERE ${where}`);
  return rows.map(({ name }) => name).sort();
}

describe('sources', () => {
  it('describe themselves in TileJSON with every column, bounds and zooms', async () => {
    const source = await vectorTableSource({ ...account, tableName: 'demo.populated_places' });
    const columns = await sql('SELECT * FROM demo.populated_places LIMIT 1');
    assert.deepEqual(source.schema.map(({ name }) => name), Object.keys(columns[0]));
    assert.equal(source.schema.find(({ name }) => name === 'geom').type, 'geometry');
    assert.equal(source.accessToken, token);
    assert.equal(source.minzoom, 0);
    assert.ok(source.maxzoom >= 16);
    const [west, south, east, north] = source.bounds;
    assert.ok(west >= -180 && west < -100 && south < 0 && east > 100 && east <= 180 && north > 50, `${source.bounds}`);
    const [layer] = source.tilestats.layers;
    assert.equal(layer.geometry, 'Point');
    const listed = layer.attributes.map(({ attribute }) => attribute);
    for (const { name, type } of source.schema) assert.ok(type === 'geometry' || listed.includes(name), `${name} is not listed`);
    const tile = new URL(source.tiles[0]);
    assert.ok(tile.search.length > 1 && !/\.(pbf|mvt|json)$/.test(tile.pathname));
    assert.notEqual([...tile.searchParams.keys()][0], 'client');
    assert.equal(source.properties_tiles, undefined);
  });

  it('reach the warehouse under carto_dw and under its own name', async () => {
    for (const connectionName of ['carto_dw', 'warehouse']) {
      const source = await vectorTableSource({ ...account, connectionName, tableName: 'demo.airports' });
      assert.equal(source.tiles.length, 1);
    }
  });

  it("find tables under the names in CARTO's examples", async () => {
    const short = await vectorTableSource({ ...account, tableName: 'demo.populated_places' });
    const long = await vectorTableSource({ ...account, tableName: 'carto-demo-data.demo_tables.populated_places' });
    assert.deepEqual(long.schema, short.schema);
    const query = await vectorQuerySource({ ...account, sqlQuery: 'SELECT * FROM carto-demo-data.demo_tables.populated_places' });
    assert.deepEqual(query.schema, short.schema);
  });

  it('give the columns that were asked for, and no others', async () => {
    const source = await vectorTableSource({ ...account, tableName: 'demo.populated_places', columns: ['name', 'pop_max'] });
    const { leaves } = await walk(source.tiles[0], token);
    const [first] = leaves[0].features;
    assert.deepEqual(Object.keys(first.properties).sort(), ['name', 'pop_max']);
  });

  it('different queries have different TileJSON addresses, the same query has the same', async () => {
    const urlOf = async (sqlQuery) => (await vectorQuerySource({ ...account, sqlQuery })).tiles[0];
    const one = await urlOf('SELECT geom, name FROM demo.airports');
    assert.equal(await urlOf('SELECT geom, name FROM demo.airports'), one);
    assert.notEqual(await urlOf("SELECT geom, name FROM demo.airports WHERE name LIKE 'A%'"), one);
    assert.ok(!decodeURIComponent(one).includes('SELECT') && !one.includes(token), one);
  });

  for (const [style, sqlQuery, queryParameters] of [
    ['@name', 'SELECT * FROM demo.populated_places WHERE pop_max > @low AND pop_max < @high', { low: 1e6, high: 5e6 }],
    [':name', 'SELECT * FROM demo.populated_places WHERE pop_max > :low AND pop_max < :high', { low: 1e6, high: 5e6 }],
    ['$1', 'SELECT * FROM demo.populated_places WHERE pop_max > $1 AND pop_max < $2', [1e6, 5e6]],
    [':1', 'SELECT * FROM demo.populated_places WHERE pop_max > :1 AND pop_max < :2', [1e6, 5e6]],
    ['?', 'SELECT * FROM demo.populated_places WHERE pop_max > ? AND pop_max < ?', [1e6, 5e6]],
  ]) {
    it(`take query parameters written ${style}`, async () => {
      const source = await vectorQuerySource({ ...account, sqlQuery, queryParameters });
      assert.deepEqual(await namesIn(source), await namesBySql('pop_max > 1000000 AND pop_max < 5000000'));
    });
  }

  for (const [name, filters, where] of [
    ['in', { name: { in: { values: ['Paris', 'Nairobi', "N'Djamena"] } } }, "name IN ('Paris', 'Nairobi', 'N''Djamena')"],
    ['between', { pop_max: { between: { values: [[1e6, 2e6], [1e7, null]] } } }, '(pop_max BETWEEN 1000000 AND 2000000) OR pop_max >= 10000000'],
    ['closed_open', { pop_max: { closed_open: { values: [[1e6, 2e6]] } } }, 'pop_max >= 1000000 AND pop_max < 2000000'],
    ['stringSearch', { name: { stringSearch: { values: ['SAO'], params: {} } } }, "name LIKE '%São%' OR name LIKE '%Sao%' OR name LIKE '%sao%' OR name LIKE '%são%'"],
    ['two columns', { name: { stringSearch: { values: ['san'] } }, pop_max: { between: { values: [[1e6, 1e8]] } } }, "lower(name) LIKE '%san%' AND pop_max >= 1000000"],
  ]) {
    it(`filter by ${name}`, async () => {
      const source = await vectorTableSource({ ...account, tableName: 'demo.populated_places', filters });
      assert.deepEqual(await namesIn(source), await namesBySql(where));
    });
  }
});

describe('query()', () => {
  it('gives rows, schema and meta', async () => {
    const answer = await query({ ...account, sqlQuery: 'SELECT count(*) AS n, max(name) AS last FROM demo.airports' });
    assert.equal(answer.rows.length, 1);
    assert.ok(answer.rows[0].n > 100);
    assert.deepEqual(answer.schema.map(({ name }) => name), ['n', 'last']);
    assert.equal(answer.schema[1].type, 'string');
    assert.equal(typeof answer.meta.cacheHit, 'boolean');
  });

  it('gives geometries as GeoJSON and times as ISO 8601', async () => {
    const { rows } = await query({
      ...account,
      sqlQuery: "SELECT ST_Point(1.5, 2.5) AS geom, TIMESTAMP '2026-02-03 04:05:06' AS at, 9007199254740993 AS big, true AS yes, CAST(NULL AS INT) AS no",
    });
    assert.deepEqual(rows[0].geom, { type: 'Point', coordinates: [1.5, 2.5] });
    assert.match(rows[0].at, /^2026-02-03T04:05:06(\.0+)?(Z|\+00:00)?$/);
    assert.equal(rows[0].big, '9007199254740993');
    assert.deepEqual([rows[0].yes, rows[0].no], [true, null]);
  });

  it('takes a query of 100 kB, and one at each side of the 7000 characters where the client changes to POST', async () => {
    for (const length of [6_000, 6_999, 7_000, 7_001, 7_200, 100_000]) {
      const padding = 'x'.repeat(length);
      const { rows } = await query({ ...account, sqlQuery: `SELECT length('${padding}') AS n` });
      assert.equal(rows[0].n, length);
      const source = await vectorQuerySource({ ...account, sqlQuery: `SELECT * FROM demo.airports WHERE name <> '${padding}'` });
      assert.ok(source.tiles[0].length < 1000, 'tile addresses stay short: they cannot be POSTed');
    }
  });
});

describe('errors', () => {
  /** The error that the client makes of the server's answer. */
  async function errorOf(promise) {
    const error = await promise.then(() => assert.fail('it succeeded'), (error) => error);
    assert.ok(error instanceof CartoAPIError, `${error}`);
    assert.equal(typeof error.responseJson.error, 'string');
    assert.equal(error.responseJson.status, error.response.status);
    return error;
  }
  const table = (tableName, more = {}) => vectorTableSource({ ...account, tableName, ...more });

  for (const [what, ask, status, words] of [
    ['an unknown table', () => table('demo.atlantis'), 404, /atlantis/],
    ["an example's table that we do not have", () => table('carto-demo-data.demo_tables.retail_stores'), 404, /retail_stores[\s\S]*populated_places/],
    ['an unknown connection', () => table('demo.cities', { connectionName: 'nowhere' }), 404, /nowhere/],
    ['an unknown column', () => table('demo.cities', { columns: ['nope'] }), 400, /nope/],
    ['a wrong geometry column', () => table('demo.cities', { spatialDataColumn: 'the_geom' }), 400, /the_geom/],
    ['a column that is no geometry', () => table('demo.cities', { spatialDataColumn: 'name' }), 400, /name/],
    ['an unknown filter column', () => table('demo.cities', { filters: { nope: { in: { values: [1] } } } }), 400, /nope|Column not found/],
    ['bad SQL', () => query({ ...account, sqlQuery: 'SELEKT 1' }), 400, /SELEKT/],
    ['two statements', () => query({ ...account, sqlQuery: 'SELECT 1; SELECT 2' }), 400, /statement/i],
    ['a file from outside', () => query({ ...account, sqlQuery: "SELECT * FROM read_parquet('/etc/passwd')" }), 400, /read_parquet/],
    ['a path as a table', () => query({ ...account, sqlQuery: "SELECT * FROM '/etc/passwd'" }), 404, /passwd/],
    ['a wrong token', () => table('demo.cities', { accessToken: 'gro_wrong' }), 401, /token/i],
  ]) {
    it(`${what} is explained`, async () => {
      const error = await errorOf(ask());
      const { responseJson } = error;
      assert.equal(error.response.status, status, error.message);
      assert.match(`${responseJson.error} ${responseJson.hint ?? ''}`, words);
      assert.match(error.message, /API request failed/);
    });
  }
});
