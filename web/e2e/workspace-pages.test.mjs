// The other pages: importing, tokens, the command palette, Spanish, and deleting with its warning.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { mapIsDrawn, openWorkspace } from './workspace.mjs';

let workspace;
let page;
before(async () => {
  workspace = await openWorkspace();
  page = await workspace.member();
});
after(() => workspace?.close());

const CSV =
  'name,lat,lon,visitors\nForum,41.8925,12.4853,7000000\nPantheon,41.8986,12.4769,\nNowhere,not a number,12.5,3\n';

/** Drops a file on the Data Explorer. */
async function dropFile(name, bytes) {
  await page.goto(`${workspace.url}/data`);
  const transfer = await page.evaluateHandle(
    ([fileName, encoded]) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
      data.items.add(new File([content], fileName));
      return data;
    },
    [name, Buffer.from(bytes).toString('base64')],
  );
  const target = page.getByRole('heading', { name: 'Data', level: 2 });
  for (const event of ['dragenter', 'dragover', 'drop'])
    await target.dispatchEvent(event, { dataTransfer: transfer });
}

test('a CSV file dropped on the explorer is previewed, imported and reported', async () => {
  await dropFile('Roman sights.csv', CSV);
  const dialog = page.getByRole('dialog', { name: /Roman sights\.csv/ });
  await dialog.getByText('Pantheon').waitFor();
  assert.equal(await dialog.getByLabel('Table', { exact: true }).inputValue(), 'roman_sights');
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.getByText('public.roman_sights is ready.').waitFor();
  // The row without a latitude is named, with the reason.
  await dialog.getByText("the latitude 'not a number' is not a number").waitFor();
  await dialog.getByRole('button', { name: 'Open table' }).click();
  await mapIsDrawn(page);
});

const GEOJSON = JSON.stringify({
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { trail: 'Coast path', km: 12.5 },
      geometry: {
        type: 'LineString',
        coordinates: [
          [7.1, 43.6],
          [7.3, 43.7],
          [7.4, 43.75],
        ],
      },
    },
    {
      type: 'Feature',
      properties: { trail: 'Ridge', km: 8 },
      geometry: {
        type: 'LineString',
        coordinates: [
          [7.2, 43.9],
          [7.5, 44],
        ],
      },
    },
  ],
});
const FILES = [
  {
    format: 'GeoJSON',
    name: 'trails.geojson',
    bytes: GEOJSON,
    value: 'Coast path',
    rows: '2 rows',
    kind: 'Lines',
  },
  // Written by DuckDB: three bridges with the year in which they were opened.
  {
    format: 'GeoParquet',
    name: 'bridges.parquet',
    bytes: readFileSync(new URL('./fixtures/bridges.parquet', import.meta.url)),
    value: 'Tower Bridge',
    rows: '3 rows',
    kind: 'Points',
  },
];
for (const { format, name, bytes, value, rows, kind } of FILES) {
  test(`a ${format} file dropped on the explorer becomes a table on a map`, async () => {
    await dropFile(name, bytes);
    const dialog = page.getByRole('dialog', { name: new RegExp(name) });
    await dialog.getByText(value, { exact: true }).waitFor();
    await dialog.getByText(format, { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    await dialog.getByText(/is ready\.$/).waitFor();
    await dialog.getByRole('button', { name: 'Open table' }).click();
    await mapIsDrawn(page);
    await page.getByText(new RegExp(`${rows} · .* · ${kind}`)).waitFor();
  });
}

test('a file that is no table is refused in words', async () => {
  await dropFile('holiday.csv.zip', 'this is neither a table nor a map');
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.keyboard.press('Escape');
});

test('the same file again needs an explicit yes to replace the table', async () => {
  await page
    .getByTestId('import-file')
    .setInputFiles({ name: 'Roman sights.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) });
  const dialog = page.getByRole('dialog', { name: /Roman sights\.csv/ });
  await dialog.getByText(/already exists/).waitFor();
  assert.ok(await dialog.getByRole('button', { name: 'Import', exact: true }).isDisabled());
  await dialog.getByLabel('Replace it with this file').check();
  await dialog.getByRole('button', { name: 'Replace table' }).click();
  await dialog.getByText('public.roman_sights is ready.').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
});

test('deleting a table says which maps it would break', async () => {
  await page.goto(`${workspace.url}/data/carto_dw/public.roman_sights`);
  await page.getByRole('button', { name: 'Create map' }).click();
  await mapIsDrawn(page);
  await page.goto(`${workspace.url}/data/carto_dw/public.roman_sights`);
  await page.getByRole('button', { name: /More for/ }).click();
  await page.getByRole('menuitem', { name: 'Delete table…' }).click();
  const dialog = page.getByRole('dialog', { name: /Delete public\.roman_sights/ });
  await dialog.getByText('One map reads it').waitFor();
  await dialog.getByRole('button', { name: 'Yes, delete' }).click();
  await page.getByText('public.roman_sights is deleted.').waitFor();
});

test('a bookmarked table stands on top of the tree', async () => {
  await page.goto(`${workspace.url}/data/carto_dw/demo.earthquakes`);
  await page.getByRole('button', { name: 'Bookmark', exact: true }).click();
  await page.getByRole('region', { name: 'Bookmarks' }).getByText('demo.earthquakes').waitFor();
});

test('a table is found by a part of its name', async () => {
  await page.getByLabel('Search tables').fill('astana');
  await page.getByTitle('demo.astana_roads').waitFor();
  await page.getByTitle('demo.cities', { exact: true }).waitFor({ state: 'detached' });
});

test('a token shows its secret once and reads what it was granted', async () => {
  await page.goto(`${workspace.url}/developers`);
  await page.getByRole('button', { name: 'New token' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New token' });
  await dialog.getByLabel('Name').fill('Dashboard');
  await dialog.getByPlaceholder('Choose tables').fill('airports');
  await page.getByRole('option', { name: 'demo.airports', exact: true }).click();
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Create token' }).click();
  const secret = await page.getByTestId('token-secret').inputValue();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  const ask = (table) =>
    fetch(`${workspace.url}/v3/maps/carto_dw/table?name=${table}`, {
      headers: { Authorization: `Bearer ${secret}` },
    });
  assert.equal((await ask('demo.airports')).status, 200);
  assert.ok([401, 403].includes((await ask('demo.cities')).status));
  await page.getByRole('button', { name: 'Delete Dashboard' }).click();
  await page.getByRole('button', { name: 'Delete token' }).click();
  await page.getByText('“Dashboard” is deleted.').waitFor();
  assert.equal((await ask('demo.airports')).status, 401);
});

test('the command palette finds pages, tables and actions without a mouse', async () => {
  await page.goto(workspace.url);
  await page.locator('#recent').waitFor();
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search pages, actions, maps and tables').fill('earthq');
  await page.getByRole('button', { name: 'demo.earthquakes' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'demo.earthquakes' }).waitFor();
});

test('the question mark shows the shortcuts of the page', async () => {
  await page.locator('#content').focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Create map').waitFor();
  await page.keyboard.press('Escape');
});

test('the whole page speaks Spanish when asked to, and still after a reload', async () => {
  await page.goto(`${workspace.url}/maps`);
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Español' }).click();
  await page.getByRole('heading', { name: /^Mapas/ }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Nuevo mapa' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'es');
});

test('signing out ends the session', async () => {
  await page.getByRole('button', { name: /^Cuenta de/ }).click();
  await page.getByRole('menuitem', { name: 'Cerrar sesión' }).click();
  await page.getByRole('heading', { name: 'Iniciar sesión' }).waitFor();
  await page.goto(`${workspace.url}/data`);
  await page.getByRole('heading', { name: 'Iniciar sesión' }).waitFor();
});

test('no page asked another machine for anything, and none failed', () => {
  assert.deepEqual(workspace.outside, []);
  assert.deepEqual(workspace.problems, []);
});
