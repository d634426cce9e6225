// Tokens: what they open, where from, and what happens without one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connection, signIn, tokenFor, url } from '../harness/groma.mjs';

const table = (name) => `/v3/maps/${connection}/table?name=${name}`;
const query = (text) => `/v3/sql/${connection}/query?q=${encodeURIComponent(text)}`;
const withToken = (token, path, headers = {}) => fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}`, ...headers } });

async function check(response, status, words) {
  const problem = await response.json();
  assert.equal(response.status, status, JSON.stringify(problem));
  if (words) assert.match(problem.error, words);
}

describe('without a token', () => {
  for (const [what, headers] of [
    ['none', {}],
    ['an empty one', { Authorization: 'Bearer ' }],
    ['the word undefined', { Authorization: 'Bearer undefined' }],
  ]) {
    it(`${what} is asked for one`, async () => {
      await check(await fetch(`${url}${table('demo.cities')}`, { headers }), 401, /^Token not defined$/);
    });
  }

  it('a wrong one is refused', async () => {
    await check(await withToken('gro_not_a_token', table('demo.cities')), 401, /token/i);
    await check(await fetch(`${url}${table('demo.cities')}&access_token=gro_not_a_token`), 401, /token/i);
  });
});

describe('a token', () => {
  it('for a table opens that table and queries on it, and nothing else', async () => {
    const token = await tokenFor({ grants: ['demo.cities'] });
    await check(await withToken(token, table('demo.cities')), 200);
    await check(await withToken(token, query('SELECT count(*) AS n FROM demo.cities')), 200);
    for (const path of [
      table('demo.airports'),
      query('SELECT * FROM demo.airports'),
      query('SELECT * FROM demo.cities, demo.airports'),
      query('SELECT * FROM demo.cities WHERE name IN (SELECT name FROM demo.airports)'),
      query('WITH cities AS (SELECT * FROM demo.airports) SELECT * FROM cities'),
      `/v3/stats/${connection}/demo.airports/name`,
      `/v3/sql/${connection}/model/formula?type=table&source=demo.airports&params=${encodeURIComponent('{"column":"*","operation":"count"}')}`,
    ]) {
      await check(await withToken(token, path), 403);
    }
  });

  it('for a query opens that very query', async () => {
    const text = 'SELECT * FROM demo.cities WHERE name = @name';
    const token = await tokenFor({ grants: [text] });
    const withName = `${query(text)}&queryParameters=${encodeURIComponent('{"name":"Paris"}')}`;
    await check(await withToken(token, withName), 200);
    await check(await withToken(token, query('SELECT * FROM demo.cities')), 403);
    await check(await withToken(token, table('demo.cities')), 403);
  });

  it('for one API does not open another', async () => {
    const token = await tokenFor({ grants: ['*'], apis: 'maps' });
    await check(await withToken(token, table('demo.cities')), 200);
    await check(await withToken(token, query('SELECT 1 AS n')), 403);
  });

  it('cannot write unless it is for everything', async () => {
    const token = await tokenFor({ grants: ['demo.cities'] });
    const response = await fetch(`${url}/v3/sql/${connection}/query`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ q: 'DELETE FROM demo.cities' }),
    });
    await check(response, 403);
  });

  it('for some pages is refused to others, on tiles too', async () => {
    const token = await tokenFor({ grants: ['*'], referers: ['https://maps.example.com/'] });
    const friend = { Referer: 'https://maps.example.com/app/' };
    const step = await (await withToken(token, table('demo.cities'), friend)).json();
    const document = await (await withToken(token, step.tilejson.url[0].slice(url.length), friend)).json();
    const tile = document.tiles[0].slice(url.length).replace('{z}', 0).replace('{x}', 0).replace('{y}', 0);
    assert.equal((await withToken(token, tile, { Origin: 'https://maps.example.com' })).status, 200);
    for (const stranger of [{}, { Origin: 'https://evil.example' }, { Referer: 'https://evil.example/https://maps.example.com' }]) {
      await check(await withToken(token, tile, stranger), 403, /^Unauthorized referer$/);
      await check(await withToken(token, table('demo.cities'), stranger), 403, /^Unauthorized referer$/);
    }
  });

  it('that is deleted opens nothing from that moment on, tiles included', async () => {
    const owner = await signIn();
    const made = await owner.ask('/workspace-api/tokens', {
      method: 'POST',
      body: { name: `to be deleted ${Math.random()}`, allowed_apis: ['maps'], grants: [{ connection_name: connection, source: '*' }], referers: [] },
    });
    const created = await made.json();
    assert.equal(made.status, 201, JSON.stringify(created));
    const step = await (await withToken(created.secret, table('demo.cities'))).json();
    const document = await (await withToken(created.secret, step.tilejson.url[0].slice(url.length))).json();
    const tile = document.tiles[0].slice(url.length).replace('{z}', 0).replace('{x}', 0).replace('{y}', 0);
    assert.equal((await withToken(created.secret, tile)).status, 200);
    const deleted = await owner.ask(`/workspace-api/tokens/${created.id}`, { method: 'DELETE' });
    assert.ok(deleted.ok, await deleted.text());
    await check(await withToken(created.secret, tile), 401);
    await check(await withToken(created.secret, table('demo.cities')), 401);
  });
});

describe('a session', () => {
  it('opens what its person may see, for pages of ours alone', async () => {
    const owner = await signIn();
    assert.equal((await owner.ask(table('demo.cities'))).status, 200);
    const foreign = await fetch(`${url}${table('demo.cities')}`, { headers: { Cookie: owner.cookie, 'Sec-Fetch-Site': 'cross-site' } });
    assert.ok([401, 403].includes(foreign.status), `${foreign.status}`);
  });

  it('changes nothing without the CSRF value, nor for a page of someone else, nor by GET', async () => {
    const owner = await signIn();
    const post = (headers) =>
      fetch(`${url}/workspace-api/tokens`, {
        method: 'POST',
        headers: { Cookie: owner.cookie, 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ name: 'forged', allowed_apis: ['maps'], grants: [], referers: [] }),
      });
    assert.ok([401, 403].includes((await post({ Origin: url })).status), 'no CSRF value');
    assert.ok([401, 403].includes((await post({ Origin: 'https://evil.example', 'X-Groma-Csrf': owner.me.csrf })).status), 'another origin');
    const write = await owner.ask(query('CREATE TABLE public.forged AS SELECT 1 AS n'));
    assert.equal(write.status, 403, await write.text());
  });

  it('ends when its person signs out', async () => {
    const owner = await signIn();
    assert.equal((await owner.ask('/workspace-api/me')).status, 200);
    assert.ok((await owner.ask('/workspace-api/sign-out', { method: 'POST' })).ok);
    assert.equal((await owner.ask('/workspace-api/me')).status, 401);
  });

  it('begins with the right password only, and guessing is slowed down', async () => {
    const guess = (password) =>
      fetch(`${url}/workspace-api/sign-in`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: url },
        body: JSON.stringify({ email: 'guessed@example.org', password }),
      });
    const first = await guess('password 0');
    assert.equal(first.status, 401);
    let refused;
    for (let attempt = 1; attempt <= 20 && !refused; attempt += 1) {
      const response = await guess(`password ${attempt}`);
      if (response.status === 429) refused = await response.json();
    }
    assert.ok(refused.retry_after > 0);
  });
});
