// Every page in light and dark at three sizes: open to everyone (axe), and as pictures in e2e/screenshots to judge by eye.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mapIsDrawn, mapIsSaved, openWorkspace, seriousViolations } from './workspace.mjs';

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];
const folder = fileURLToPath(new URL('./screenshots/', import.meta.url));
mkdirSync(folder, { recursive: true });

let workspace;
let mapId;
before(async () => {
  workspace = await openWorkspace();
  const page = await workspace.member();
  await page.goto(`${workspace.url}/data/carto_dw/demo.us_counties`);
  await page.getByRole('button', { name: 'Create map' }).click();
  await page.locator('[data-testid=save-state]').waitFor();
  mapId = /builder\/([\w-]+)/.exec(page.url())[1];
  await mapIsDrawn(page);
  await page.getByRole('button', { name: /^Share/ }).click();
  await page.getByRole('radio', { name: /Public by link/ }).click();
  await page.getByText('Readers see the newest version').waitFor();
  await page.context().close();
});
after(() => workspace?.close());

const PAGES = [
  { name: 'home', path: () => '/', ready: (page) => page.locator('#recent').waitFor() },
  { name: 'maps', path: () => '/maps', ready: (page) => page.getByRole('table').waitFor() },
  { name: 'data', path: () => '/data', ready: (page) => page.getByTitle('demo.airports').waitFor() },
  { name: 'table-map', path: () => '/data/carto_dw/demo.earthquakes', ready: mapIsDrawn },
  {
    name: 'table-rows',
    path: () => '/data/carto_dw/demo.cities?tab=rows',
    ready: (page) => page.getByRole('cell').first().waitFor(),
  },
  {
    name: 'table-columns',
    path: () => '/data/carto_dw/demo.us_counties?tab=columns',
    ready: (page) =>
      page
        .getByRole('img', { name: /Distribution/ })
        .first()
        .waitFor(),
  },
  { name: 'builder', path: () => `/builder/${mapId}`, ready: mapIsDrawn },
  {
    name: 'style',
    path: () => `/builder/${mapId}`,
    ready: async (page) => {
      await mapIsDrawn(page);
      await page.locator('aside li button').first().click();
      await page.getByRole('tab', { name: 'Style' }).waitFor();
    },
  },
  {
    name: 'sql',
    path: () => `/builder/${mapId}`,
    ready: async (page) => {
      await mapIsDrawn(page);
      await page.locator('[data-testid=map] canvas').focus();
      await page.keyboard.press('q');
      await page.locator('.cm-content').waitFor();
      await page.keyboard.press('Control+Enter');
      await page.getByRole('table', { name: 'Query results' }).waitFor();
      await mapIsDrawn(page);
      // The next page shows the map as it was.
      await page.getByRole('button', { name: /^Undo/ }).click();
      await mapIsSaved(page);
    },
  },
  { name: 'viewer', path: () => `/map/${mapId}`, ready: mapIsDrawn },
  {
    name: 'developers',
    path: () => '/developers',
    ready: (page) => page.getByRole('heading', { name: 'API base URL' }).waitFor(),
  },
];

for (const scheme of ['light', 'dark']) {
  describe(scheme, () => {
    for (const [width, height] of SIZES) {
      test(`pages at ${width} × ${height}`, async () => {
        const page = await workspace.member({ width, height, scheme });
        const violations = [];
        for (const { name, path, ready } of PAGES) {
          await page.goto(workspace.url + path());
          await ready(page);
          await page.screenshot({ path: `${folder}${name}-${width}-${scheme}.png` });
          // Rules do not depend on the size: the widest sees the most.
          if (width === 1440)
            violations.push(...(await seriousViolations(page)).map((text) => `${name}: ${text}`));
        }
        await page.context().close();
        assert.deepEqual(violations, []);
      });
    }
  });
}

test('the sign-in page is open to everyone', async () => {
  for (const scheme of ['light', 'dark']) {
    const page = await workspace.visitor({ scheme });
    await page.goto(`${workspace.url}/sign-in`);
    await page.getByLabel('E-mail').waitFor();
    await page.screenshot({ path: `${folder}sign-in-1440-${scheme}.png` });
    assert.deepEqual(await seriousViolations(page), []);
    await page.context().close();
  }
});

test('no page asked another machine for anything, and none failed', () => {
  assert.deepEqual(workspace.outside, []);
  assert.deepEqual(workspace.problems, []);
});
