// What browsers and caches need: CORS, 204 for nothing, compression, entity tags, cancellation.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { ask, connection, token, url } from '../harness/groma.mjs';

async function templateOf(name) {
  const step = await (await ask(`/v3/maps/${connection}/table?name=${name}`)).json();
  const document = await (await ask(step.tilejson.url[0].slice(url.length))).json();
  return document.tiles[0].slice(url.length);
}
const at = (template, z, x, y) => template.replace('{z}', z).replace('{x}', x).replace('{y}', y);

/** A response as it was sent, not unpacked. */
function raw(path, headers) {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { headers: { Authorization: `Bearer ${token}`, ...headers } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('pages of other people', () => {
  for (const path of [`/v3/maps/${connection}/table`, `/v3/sql/${connection}/query`, '/v3/maps/public/x', '/v3/nothing', '/basemaps/world.json']) {
    it(`may ask for ${path}`, async () => {
      const preflight = await fetch(`${url}${path}`, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://app.example.com',
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization, cache-control, content-type, if-modified-since',
        },
      });
      assert.ok(preflight.ok, `${preflight.status}`);
      const header = (name) => (preflight.headers.get(`access-control-${name}`) ?? '').toLowerCase();
      assert.equal(header('allow-origin'), '*');
      for (const method of ['get', 'post', 'put', 'patch', 'delete']) assert.ok(header('allow-methods').includes(method), method);
      for (const name of ['authorization', 'cache-control', 'content-type', 'if-modified-since']) assert.ok(header('allow-headers').includes(name), name);
      assert.ok(Number(header('max-age')) >= 3600);
    });
  }

  it('may read how much a tile shows', async () => {
    const response = await ask(at(await templateOf('demo.cities'), 0, 0, 0), { headers: { Origin: 'https://app.example.com' } });
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.match(response.headers.get('access-control-expose-headers').toLowerCase(), /groma-fraction-shown|\*/);
    assert.ok(Number(response.headers.get('groma-fraction-shown')) > 0);
  });
});

describe('tiles', () => {
  it('without a feature are 204 without a body', async () => {
    // The middle of the South Pacific.
    const response = await ask(at(await templateOf('demo.us_counties'), 8, 60, 160));
    assert.equal(response.status, 204);
    assert.equal((await response.arrayBuffer()).byteLength, 0);
  });

  it('come packed as the client can unpack, and are the same inside', async () => {
    const path = at(await templateOf('demo.cities'), 0, 0, 0);
    const plain = await raw(path, { 'Accept-Encoding': 'identity' });
    const gzip = await raw(path, { 'Accept-Encoding': 'gzip' });
    const brotli = await raw(path, { 'Accept-Encoding': 'br' });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.deepEqual([gzip.headers['content-encoding'], brotli.headers['content-encoding']], ['gzip', 'br']);
    assert.ok(gunzipSync(gzip.body).equals(plain.body) && brotliDecompressSync(brotli.body).equals(plain.body));
    assert.ok(gzip.body.length < plain.body.length && brotli.body.length < plain.body.length);
    assert.match(plain.headers.vary.toLowerCase(), /accept-encoding/);
  });

  it('are not sent again to who has them, and are when their data changed', async () => {
    const sqlOf = (q) => ask(`/v3/sql/${connection}/query`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ q }) });
    assert.equal((await sqlOf('CREATE OR REPLACE TABLE public.transport_probe AS SELECT 1 AS id, ST_Point(10, 20) AS geom')).status, 200);
    const template = await templateOf('public.transport_probe');
    const first = await ask(at(template, 0, 0, 0));
    const tag = first.headers.get('etag');
    assert.ok(tag);
    assert.equal((await ask(at(template, 0, 0, 0), { headers: { 'If-None-Match': tag } })).status, 304);
    assert.equal((await sqlOf('INSERT INTO public.transport_probe SELECT 2, ST_Point(30, 40)')).status, 200);
    const again = await templateOf('public.transport_probe');
    assert.notEqual(new URL(again, url).searchParams.get('cache'), new URL(template, url).searchParams.get('cache'));
    const fresh = await ask(at(again, 0, 0, 0), { headers: { 'If-None-Match': tag } });
    assert.equal(fresh.status, 200);
    assert.equal(fresh.headers.get('groma-features-total'), '2');
    await sqlOf('DROP TABLE public.transport_probe');
  });

  it('may carry the token in the address, for clients without headers', async () => {
    const path = at(await templateOf('demo.cities'), 0, 0, 0);
    const response = await fetch(`${url}${path}&access_token=${token}`);
    assert.equal(response.status, 200);
  });
});

describe('a request that nobody waits for any more', () => {
  it('does not keep others waiting', async () => {
    const endless = 'SELECT count(*) FROM demo.cities_1000 a, demo.cities_1000 b WHERE ST_Distance(a.geom, b.geom) < 0.000001';
    const given_up = Array.from({ length: 8 }, () => {
      const abort = new AbortController();
      const asked = ask(`/v3/sql/${connection}/query?q=${encodeURIComponent(endless)}`, { signal: abort.signal });
      setTimeout(() => abort.abort(), 300);
      return asked.then(() => assert.fail('it was given up'), (error) => assert.equal(error.name, 'AbortError'));
    });
    await Promise.all(given_up);
    const start = performance.now();
    const response = await ask(`/v3/sql/${connection}/query?q=${encodeURIComponent('SELECT count(*) AS n FROM demo.cities')}`);
    assert.equal(response.status, 200);
    assert.ok(performance.now() - start < 10_000, `${performance.now() - start} ms`);
  });
});
