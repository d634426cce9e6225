// Tiles hold what SQL shows: every demo table, as table, query and filtered, in CARTO's binary format and as MVT.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { vectorQuerySource, vectorTableSource } from '@carto/api-client';
import { connection, sql, token, url } from '../harness/groma.mjs';
import { DEMO_TABLES, filterOf, keyOf, rowsOf, tally } from './tiles/demo_tables.mjs';
import { contains, name, walk } from './tiles/walk.mjs';

const account = { apiBaseUrl: url, accessToken: token, connectionName: connection };

/** What each kind of source shows of a table, with the SQL condition that says the same. */
async function sourcesOf(table) {
  const plain = await vectorTableSource({ ...account, tableName: `demo.${table}` });
  const { filters, where } = await filterOf(table, plain.schema);
  return [
    ['table', plain, 'TRUE'],
    ['query', await vectorQuerySource({ ...account, sqlQuery: `SELECT * FROM demo.${table}` }), 'TRUE'],
    ['filtered table', await vectorTableSource({ ...account, tableName: `demo.${table}`, filters }), where],
    ['query with a condition', await vectorQuerySource({ ...account, sqlQuery: `SELECT * FROM demo.${table} WHERE ${where}` }), where],
  ];
}

/** Every row is in the leaves, with all its values and where it belongs, and none is there twice. */
function leavesShowEachRowOnce({ leaves, rows, columns, kind }) {
  const expected = tally(rows.map(({ properties }) => keyOf(properties, columns)));
  const leafTallies = leaves.map(({ features }) => tally(features.map(({ properties }) => keyOf(properties, columns))));
  const shown = new Map();
  for (const counts of leafTallies) {
    for (const [key, count] of counts) {
      assert.ok(expected.has(key), `a tile shows what SQL does not: ${key}`);
      // Lines and polygons stand in every tile that they reach, points in one alone.
      shown.set(key, kind === 'points' ? (shown.get(key) ?? 0) + count : Math.max(shown.get(key) ?? 0, count));
      assert.ok(shown.get(key) <= expected.get(key), `shown twice: ${key}`);
    }
  }
  for (const [key, count] of expected) {
    if (kind === 'points') assert.equal(shown.get(key) ?? 0, count, `not shown: ${key}`);
    else assert.ok(shown.has(key), `not shown: ${key}`);
  }
}

/** Points lie where SQL says, to within the grid of the tile (512 cells a side, or MVT's 4096). */
function pointsLieWhereTheyBelong({ leaves, rows, columns }) {
  const places = new Map();
  for (const { properties, position } of rows) {
    const key = keyOf(properties, columns);
    places.set(key, [...(places.get(key) ?? []), position]);
  }
  for (const { tile, features } of leaves) {
    const tolerance = 360 / 2 ** tile.z / 512;
    for (const { properties, position } of features) {
      const candidates = places.get(keyOf(properties, columns));
      // Web Mercator ends at this latitude; what lies beyond is shown at the edge.
      const shown = (latitude) => Math.max(-85.0511288, Math.min(85.0511288, latitude));
      const isNear = ([x, y]) => Math.abs(x - position[0]) <= tolerance && Math.abs(shown(y) - position[1]) <= tolerance;
      assert.ok(candidates.some(isNear), `${name(tile)}: ${position} is not near ${candidates[0]}`);
    }
  }
}

/** What a thinned tile says it leaves out is what lies there beside what it shows. */
async function thinnedTilesSayWhatIsMissing({ leaves, thinned, kind, table, where }) {
  for (const { tile, features, shown, total, fraction } of thinned) {
    assert.equal(features.length, shown, `${name(tile)}: features in the tile`);
    assert.ok(Math.abs(fraction - shown / total) < 0.0001, `${name(tile)}: ${fraction} of ${total} is not ${shown}`);
    if (kind === 'points') {
      const below = leaves.filter((leaf) => contains(tile, leaf.tile)).reduce((sum, leaf) => sum + leaf.features.length, 0);
      assert.equal(total, below, `${name(tile)}: shown and dropped make the whole`);
    } else {
      // Lines and polygons also stand in tiles that they only come close to: between none and a sixteenth of a side.
      const [least, most] = [await countIn(table, where, tile, 0), await countIn(table, where, tile, 1 / 16)];
      assert.ok(least <= total && total <= most, `${name(tile)}: ${total} is not between ${least} and ${most}`);
    }
  }
}

/** How many rows reach into a tile that has grown on each side by a part of its side. */
async function countIn(table, where, { z, x, y }, margin) {
  const side = 2 ** z;
  const longitude = (column) => Math.max(-180, Math.min(180, (column / side) * 360 - 180));
  const latitude = (row) => {
    if (row <= 0 || row >= side) return row <= 0 ? 90 : -90;
    return (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / side))) * 180) / Math.PI;
  };
  const [west, east] = [longitude(x - margin), longitude(x + 1 + margin)];
  const [north, south] = [latitude(y - margin), latitude(y + 1 + margin)];
  const window = `POLYGON((${west} ${south}, ${east} ${south}, ${east} ${north}, ${west} ${north}, ${west} ${south}))`;
  const [{ n }] = await sql(`SELECT count(*) AS n FROM demo.${table} WHERE (${where}) AND ST_Intersects(geom, ST_GeomFromText('${window}'))`);
  return n;
}

describe('tiles of the demo tables', { concurrency: 1 }, () => {
  for (const [table, kind] of Object.entries(DEMO_TABLES)) {
    it(`${table} is the same in tiles as in SQL`, async (test) => {
      for (const [form, source, where] of await sourcesOf(table)) {
        const columns = source.schema.filter((column) => column.type !== 'geometry');
        const rows = await rowsOf(table, kind, where);
        assert.ok(rows.length > 0, `${form}: nothing to compare`);
        for (const format of ['binary', 'mvt']) {
          await test.test(`${form}, ${format}`, async () => {
            const template = source.tiles[0].replace('formatTiles=binary', `formatTiles=${format}`);
            assert.ok(template.includes(`formatTiles=${format}`), template);
            const walked = { ...(await walk(template, token)), rows, columns, kind, table, where };
            for (const { tile, features, shown } of walked.leaves) {
              assert.equal(features.length, shown, `${name(tile)}: features in the tile`);
              assert.ok(features.every((feature) => feature.kind === kind), `${name(tile)}: ${kind}`);
            }
            leavesShowEachRowOnce(walked);
            if (kind === 'points') pointsLieWhereTheyBelong(walked);
            await thinnedTilesSayWhatIsMissing(walked);
          });
        }
      }
    });
  }
});
