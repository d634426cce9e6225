// examples/deckgl-page as people run it: built with its own packages, on another origin, with a token for one table.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { colorsAt, isColor, launch, openWindow } from '../../harness/browser.mjs';
import { sql, tokenFor, url } from '../../harness/groma.mjs';
import { serveFolder } from './pages.mjs';
import { screenPlace } from './projection.mjs';

const example = fileURLToPath(new URL('../../../examples/deckgl-page', import.meta.url));
const SIZE = { width: 1024, height: 640 };
/** Where the page's map starts. */
const VIEW = { longitude: 10, latitude: 30, zoom: 1.5 };
/** The last colour of CARTO's palette Sunset: more than five million people. */
const LARGEST = [0x5c, 0x53, 0xa5];
/** More than five million people each, from an atlas. */
const LARGE = {
  Lima: [-77.03, -12.04], Bogotá: [-74.08, 4.61], Moscow: [37.62, 55.75], 'Saint Petersburg': [30.31, 59.94], Istanbul: [28.98, 41.01],
  Baghdad: [44.4, 33.34], Karachi: [67.01, 24.86], Lagos: [3.38, 6.45], Singapore: [103.85, 1.29], Chengdu: [104.07, 30.67],
};
const SEA = [[-35, 35], [-20, -15], [75, -15], [-45, 45]];

describe('the example page', { concurrency: 1 }, () => {
  const seen = { outside: [], problems: [] };
  let folder;
  let pages;
  let browser;
  before(async () => {
    if (!existsSync(join(example, 'node_modules/vite'))) throw new Error('the example has no packages: npm --prefix examples/deckgl-page ci');
    folder = await mkdtemp(join(tmpdir(), 'groma-example-'));
    const token = await tokenFor({ grants: ['demo.cities'], apis: 'maps' });
    const environment = { ...process.env, VITE_API_BASE_URL: url, VITE_API_ACCESS_TOKEN: token };
    const words = ['node_modules/vite/bin/vite.js', 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
    await promisify(execFile)(process.execPath, words, { cwd: example, env: environment });
    pages = await serveFolder(folder);
    browser = await launch(chromium);
  });
  after(async () => {
    await browser?.close();
    await pages?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('draws cities by their population, and says how many people live where the mouse is', async () => {
    const page = await openWindow(browser, { viewport: SIZE }, seen);
    await page.goto(pages.origin);
    await page.getByText(/^\d+ tiles loaded$/).waitFor();
    const places = Object.values(LARGE).map((place) => screenPlace(place, VIEW, SIZE));
    // Small towns are drawn over large cities: of the disc something is to be seen.
    const steps = [-3, -2, -1, 0, 1, 2, 3];
    const discs = places.map(([x, y]) => steps.flatMap((dx) => steps.map((dy) => [x + dx, y + dy])));
    const colors = await colorsAt(page, discs.flat());
    const missing = Object.keys(LARGE).filter((_, at) => {
      const own = colors.slice(at * steps.length ** 2, (at + 1) * steps.length ** 2);
      return !own.some((color) => isColor(color, LARGEST));
    });
    assert.deepEqual(missing, [], 'not drawn as a city of millions');

    const at = Object.keys(LARGE).indexOf('Saint Petersburg');
    await page.mouse.move(...places[at]);
    const tooltip = page.getByText(/^.+: \d+$/);
    await tooltip.waitFor();
    const [, name, population] = /^(.+): (\d+)$/.exec(await tooltip.textContent());
    const [longitude, latitude] = LARGE['Saint Petersburg'];
    const [{ n }] = await sql(
      `SELECT count(*) AS n FROM demo.cities WHERE name = '${name.replaceAll("'", "''")}' AND population = ${population} AND abs(ST_X(geom) - ${longitude}) < 1 AND abs(ST_Y(geom) - ${latitude}) < 1`,
    );
    assert.equal(n, 1, `${name}: ${population} is no city there`);
    const water = await colorsAt(page, SEA.map((place) => screenPlace(place, VIEW, SIZE)));
    const first = water[0];
    assert.ok(water.every((color) => isColor(color, first)) && !isColor(first, LARGEST, 24), `${water.join(' | ')}`);
    await page.context().close();
  });

  it('asks no other machine, and nothing fails', () => {
    assert.deepEqual(seen.outside, []);
    assert.deepEqual(seen.problems, []);
  });
});
