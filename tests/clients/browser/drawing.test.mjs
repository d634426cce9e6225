// CARTO's layer in Chromium, on a page of another origin: the right colour at the right places, and nowhere else.
// Where places stand on the screen comes from projection.mjs, not from the clients.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { colorsAt, isColor, launch, openWindow } from '../../harness/browser.mjs';
import { connection, sql, token, tokenFor, url } from '../../harness/groma.mjs';
import { serveFolder } from './pages.mjs';
import { screenPlace } from './projection.mjs';

const SIZE = { width: 1024, height: 640 };
const STYLE = `${url}/basemaps/gl/positron-nolabels-gl-style/style.json`;
const PAINT = [214, 40, 120];

/** Known by name and place to everybody; longitude and latitude from an atlas, good to a tenth of a degree. */
const CITIES = {
  London: [-0.13, 51.51], Paris: [2.35, 48.86], Madrid: [-3.7, 40.42], Rome: [12.5, 41.9], Berlin: [13.4, 52.52],
  Moscow: [37.62, 55.75], Istanbul: [28.98, 41.01], Cairo: [31.24, 30.04], Khartoum: [32.53, 15.59], Lagos: [3.38, 6.45],
  Kinshasa: [15.31, -4.32], Luanda: [13.23, -8.84], 'Cape Town': [18.42, -33.93], Riyadh: [46.72, 24.69], Tehran: [51.42, 35.69],
  Kabul: [69.17, 34.53], Karachi: [67.01, 24.86], Bangalore: [77.59, 12.97], Bangkok: [100.5, 13.75], 'Sao Paulo': [-46.63, -23.55],
};
const SEA = [
  [-35, 35], [-45, 45], [-30, 5], [-20, -15], [-10, -30], [0, -5], [75, -15], [60, -25], [90, -5], [62, 14], [88, 13], [18, 34.8], [34, 43.3],
];
const LAND = [[3, 27], [18, 27], [27, 26], [18, 18], [50, 21], [68, 47], [22, -23]];

/** Well inside each country. */
const COUNTRIES = {
  DZ: [2, 28], LY: [18, 27], EG: [27, 26], ML: [-3, 17], NE: [9, 17], TD: [18, 15], SD: [30, 15], ET: [39, 8], KE: [38, 1], TZ: [35, -6],
  CD: [23, -3], AO: [17, -12], NA: [17, -21], BW: [24, -22], ZA: [23, -30], ZM: [26, -14], MZ: [38.5, -14], MG: [46.5, -19], NG: [8, 9], CM: [12.5, 5],
};
const NOT_AFRICA = [
  [-4, 40], [33, 39], [44, 33], [45, 24], [55, 33], [48, 15.7], [-12, 38], [18, 35], [38.4, 20], [-30, 20],
  [-30, -10], [-15, -30], [0, -5], [0, 1], [5, -20], [55, -30], [60, 0], [62, 14], [41.3, -19.5], [60, 24],
];

const channels = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

describe('deck.gl on a page of another origin', { concurrency: 1 }, () => {
  const seen = { outside: [], problems: [] };
  let folder;
  let pages;
  let browser;
  let basemap;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'groma-page-'));
    const root = fileURLToPath(new URL('./page', import.meta.url));
    await build({ root, configFile: false, logLevel: 'error', worker: { format: 'es' }, build: { outDir: folder, target: 'es2022', minify: false, chunkSizeWarningLimit: 9000 } });
    pages = await serveFolder(folder);
    browser = await launch(chromium);
    const { layers } = await (await fetch(STYLE)).json();
    const colorOf = (id) => channels(layers.find((layer) => layer.id === id).paint[id === 'background' ? 'background-color' : 'fill-color']);
    basemap = { sea: [colorOf('water')], land: ['background', 'landcover_wood', 'landcover_grass', 'ice_landcover'].map(colorOf) };
  });
  after(async () => {
    await browser?.close();
    await pages?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page with this map and waits until it is drawn; its state says when it failed. */
  async function open(map, watched = seen) {
    const page = await openWindow(browser, { viewport: SIZE }, watched);
    const wanted = { apiBaseUrl: url, accessToken: token, connectionName: connection, style: STYLE, ...map };
    await page.goto(`${pages.origin}/?map=${encodeURIComponent(JSON.stringify(wanted))}`);
    await page.waitForFunction(() => document.body.dataset.state);
    const state = await page.evaluate(() => document.body.dataset.state);
    return { page, state };
  }

  const onScreen = (places, view) => places.map((place) => screenPlace(place, view, SIZE));

  /** The properties of what can be picked at each place. */
  const picked = (page, places) => page.evaluate((all) => all.map(([x, y]) => window.pick(x, y)), places);

  async function isPainted(page, places, names) {
    const colors = await colorsAt(page, places);
    const wrong = names.filter((_, at) => !isColor(colors[at], PAINT)).map((name) => `${name} ${colors[names.indexOf(name)]}`);
    assert.deepEqual(wrong, [], `not painted ${PAINT}; see ${await pictureOf(page, wrong)}`);
  }

  async function isBasemap(page, places, wanted) {
    const colors = await colorsAt(page, places);
    const wrong = places.map((place, at) => `${place} ${colors[at]}`).filter((_, at) => !wanted.some((one) => isColor(colors[at], one)));
    assert.deepEqual(wrong, [], `none of the basemap's ${wanted.join(' | ')}; see ${await pictureOf(page, wrong)}`);
  }

  /** Where a picture of the page lies, for whoever has to find out why a place is wrong. */
  async function pictureOf(page, wrong) {
    if (wrong.length === 0) return '';
    const path = join(tmpdir(), `groma-drawing-${process.pid}.png`);
    await page.screenshot({ path });
    return path;
  }

  it('draws the points of a filtered table at twenty known cities, and the basemap at twenty places without any', async () => {
    const view = { longitude: 20, latitude: 15, zoom: 2 };
    const filters = { pop_max: { between: { values: [[3_000_000, null]] } } };
    const { page, state } = await open({
      source: { tableName: 'demo.populated_places', filters, columns: ['name', 'pop_max'] },
      layer: { getFillColor: PAINT, getPointRadius: 5, pointRadiusUnits: 'pixels', stroked: false },
      view,
    });
    assert.equal(state, 'drawn');
    assert.notEqual(pages.origin, new URL(url).origin);

    const names = Object.keys(CITIES);
    const places = onScreen(Object.values(CITIES), view);
    await isPainted(page, places, names);
    const found = await picked(page, places);
    assert.deepEqual(found.map((one) => one?.name), names);
    const truth = await sql('SELECT name, pop_max FROM demo.populated_places WHERE pop_max >= 3000000');
    for (const { name, pop_max } of found) assert.ok(truth.some((row) => row.name === name && row.pop_max === pop_max), `${name} has not ${pop_max} people`);

    const sea = onScreen(SEA, view);
    const land = onScreen(LAND, view);
    assert.equal(sea.length + land.length, 20);
    await isBasemap(page, sea, basemap.sea);
    await isBasemap(page, land, basemap.land);
    assert.ok((await picked(page, [...sea, ...land])).every((one) => one === null));
    await page.context().close();
  });

  it('draws the polygons of a query with parameters in twenty countries, and the basemap at twenty places outside', async () => {
    const view = { longitude: 18, latitude: 2, zoom: 2.2 };
    const { page, state } = await open({
      source: { sqlQuery: 'SELECT geom, iso_a2, name FROM demo.countries WHERE continent = @continent', queryParameters: { continent: 'Africa' } },
      layer: { getFillColor: PAINT, stroked: false },
      view,
    });
    assert.equal(state, 'drawn');
    const codes = Object.keys(COUNTRIES);
    const places = onScreen(Object.values(COUNTRIES), view);
    await isPainted(page, places, codes);
    assert.deepEqual((await picked(page, places)).map((one) => one?.iso_a2), codes);
    const empty = onScreen(NOT_AFRICA, view);
    assert.equal(empty.length, 20);
    await isBasemap(page, empty, [...basemap.sea, ...basemap.land]);
    assert.ok((await picked(page, empty)).every((one) => one === null));
    await page.context().close();
  });

  it("draws with a token for pages of this address, and tells the page why one for others' pages does not", async () => {
    const map = {
      source: { tableName: 'demo.world_airports', columns: ['name'] },
      layer: { getFillColor: PAINT, pointRadiusUnits: 'pixels', getPointRadius: 3 },
      view: { longitude: 0, latitude: 20, zoom: 1 },
    };
    const grants = ['demo.world_airports'];
    const ours = await open({ ...map, accessToken: await tokenFor({ grants, referers: [`${pages.origin}/`] }) });
    assert.equal(ours.state, 'drawn');
    await ours.page.context().close();
    // What deck.gl says of it on the console is no failure here.
    const refused = { outside: seen.outside, problems: [] };
    const others = await open({ ...map, accessToken: await tokenFor({ grants, referers: ['https://example.org'] }) }, refused);
    assert.match(others.state, /^failed: [\s\S]*Unauthorized referer/);
    await others.page.context().close();
  });

  it('asked no other machine, and nothing failed', () => {
    assert.deepEqual(seen.outside, []);
    assert.deepEqual(seen.problems, []);
  });
});
