// Bad requests: each gets a status and JSON words that say what is wrong, and never an empty answer.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, connection, sql, url } from '../harness/groma.mjs';

const maps = `/v3/maps/${connection}`;
const query = (text) => `/v3/sql/${connection}/query?q=${encodeURIComponent(text)}`;
const json = (body) => ({ method: 'POST', headers: { 'Content-Type': 'application/json' }, body });

/** The tile address of a source, as its TileJSON says it. */
async function tilesOf(parameters) {
  const step = await (await ask(`${maps}/table?${new URLSearchParams(parameters)}`)).json();
  const document = await (await ask(step.tilejson.url[0].slice(url.length))).json();
  return document.tiles[0].slice(url.length);
}

async function isExplained(response, status, words) {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/, text);
  const problem = JSON.parse(text);
  assert.equal(typeof problem.error, 'string');
  assert.ok(problem.error.length > 0);
  assert.equal(problem.status, status);
  assert.match(JSON.stringify(problem), words);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  return problem;
}

describe('bad requests', () => {
  for (const [what, path, options, status, words] of [
    ['an address that is not there', '/v3/nothing/here', {}, 404, /./],
    ['an unknown kind of source', `${maps}/hologram?name=demo.cities`, {}, 400, /hologram/],
    ['a verb that does not fit', `${maps}/table?name=demo.cities`, { method: 'DELETE' }, 405, /DELETE|method/i],
    ['no source at all', `${maps}/table`, {}, 400, /name/],
    ['no query at all', `/v3/sql/${connection}/query`, {}, 400, /q/],
    ['broken JSON', `/v3/sql/${connection}/query`, json('{"q": "SELECT 1"'), 400, /JSON/],
    ['JSON that is no object', `/v3/sql/${connection}/query`, json('[1, 2]'), 400, /object/i],
    ['broken filters', `${maps}/table?name=demo.cities&filters=%7Bnot-json`, {}, 400, /filters/],
    ['a filter of an unknown type', `${maps}/table?name=demo.cities&filters=${encodeURIComponent('{"name":{"like":{"values":["a"]}}}')}`, {}, 400, /like/],
    ['broken query parameters', `${query('SELECT 1')}&queryParameters=%7B`, {}, 400, /queryParameters/],
    ['a parameter that was not given', query('SELECT @missing'), {}, 400, /missing/],
    ['a table that is not there', query('SELECT * FROM demo.atlantis'), {}, 404, /atlantis/],
    ['a column that is not there', query('SELECT nope FROM demo.cities'), {}, 400, /nope/],
    ['a function that is not there', query('SELECT st_teleport(geom) FROM demo.cities'), {}, 400, /st_teleport/i],
    ['two statements', query('SELECT 1; DROP TABLE demo.cities'), {}, 400, /statement/i],
    ['a write through the Maps API', `${maps}/query?q=${encodeURIComponent('DELETE FROM demo.cities')}`, {}, 403, /./],
    ['a table made through the Maps API', `${maps}/query?q=${encodeURIComponent('CREATE TABLE demo.probe AS SELECT 1 AS n')}`, {}, 403, /./],
    ['a write through a widget', `/v3/sql/${connection}/model/formula?type=query&source=${encodeURIComponent('DELETE FROM demo.cities')}&params=${encodeURIComponent('{"column":"*","operation":"count"}')}`, {}, 403, /./],
    ['a write through statistics', `/v3/stats/${connection}/name?q=${encodeURIComponent('DELETE FROM demo.cities')}`, {}, 403, /./],
    ['an unknown model', `/v3/sql/${connection}/model/oracle?type=table&source=demo.cities`, {}, 404, /oracle/],
    ['an unknown public map', '/v3/maps/public/00000000-0000-7000-8000-000000000000', {}, 404, /map/],
    ['a map id that is none', '/v3/maps/public/nonsense', {}, 404, /map/],
    ['a hash that was never registered', `${maps}/table/0/0/0?m=${'0'.repeat(32)}&formatTiles=binary`, {}, 404, /./],
  ]) {
    it(`${what} is explained`, async () => {
      await isExplained(await ask(path, options), status, words);
    });
  }

  it('tiles outside the world are refused', async () => {
    const template = await tilesOf({ name: 'demo.cities' });
    for (const [z, x, y] of [[1, 2, 0], [1, 0, 2], [0, -1, 0], [99, 0, 0], ['z', 0, 0], [1, '0.5', 0]]) {
      const path = template.replace('{z}', z).replace('{x}', x).replace('{y}', y);
      await isExplained(await ask(path), 400, /tile|zoom|column|row/i);
    }
  });

  it('a write by POST with a token for everything is done, a read-only query is not taken for one', async () => {
    await sql('CREATE TABLE public.errors_probe AS SELECT 1 AS n');
    assert.deepEqual(await sql('SELECT * FROM public.errors_probe'), [{ n: 1 }]);
    await sql('DROP TABLE public.errors_probe');
  });

  it('what a client means by nothing is nothing', async () => {
    const base = { type: 'table', source: 'demo.cities', params: '{"column":"*","operation":"count"}' };
    const count = async (more) => {
      const response = await ask(`/v3/sql/${connection}/model/formula?${new URLSearchParams({ ...base, ...more })}`);
      const answer = await response.json();
      assert.equal(response.status, 200, JSON.stringify(answer));
      return answer.rows[0].value;
    };
    const all = await count({});
    for (const nothing of ['undefined', 'null', '']) {
      assert.equal(await count({ filters: nothing, filtersLogicalOperator: nothing, queryParameters: nothing, spatialFilters: nothing }), all);
    }
    const response = await ask(`${maps}/table?name=demo.cities&filters=undefined&columns=null`);
    assert.equal(response.status, 200, await response.text());
  });

  it('slashes too many and parameters unknown are overlooked', async () => {
    const response = await ask(`//v3//maps/${connection}//table?name=demo.cities&v=3.4&client=test&tag-mapId=7&whatever=1`);
    assert.equal(response.status, 200, await response.text());
  });
});
