// The main job: from sign-in to a map of one's own that a stranger sees.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mapIsDrawn, mapIsSaved, openWorkspace, pixelsOf, writeSql } from './workspace.mjs';

let workspace;
let page;
before(async () => {
  workspace = await openWorkspace();
});
after(() => workspace?.close());

/** The first layer colour: what the airports are drawn in. */
const LAYER = [0x11, 0xa5, 0x79];

test('a stranger is asked to sign in, and a wrong password is said to be wrong', async () => {
  const stranger = await workspace.visitor();
  await stranger.goto(`${workspace.url}/maps`);
  await stranger.getByLabel('E-mail').fill(workspace.owner.email);
  await stranger.locator('input[name=password]').fill('not this one');
  await stranger.getByRole('button', { name: 'Sign in' }).click();
  await stranger.getByRole('alert').getByText('E-mail or password is wrong.').waitFor();
  await stranger.context().close();
});

test('the owner signs in and opens a demo table', async () => {
  page = await workspace.member();
  await page.getByRole('link', { name: 'Data', exact: true }).click();
  await page.getByTitle('demo.airports').click();
  await mapIsDrawn(page);
  assert.ok((await pixelsOf(page, LAYER)) > 200, 'the airports are on the map');
  await page.getByRole('tab', { name: 'Rows' }).click();
  await page.getByRole('cell').first().waitFor();
});

test('a map of the table is one click away, and is saved by itself', async () => {
  await page.getByRole('button', { name: 'Create map' }).click();
  await page.getByLabel('Title of the map').fill('Airports of the world');
  await page.keyboard.press('Enter');
  await mapIsDrawn(page);
  await mapIsSaved(page);
  await page.reload();
  await mapIsDrawn(page);
  assert.equal(await page.getByLabel('Title of the map').inputValue(), 'Airports of the world');
});

test('a query with a mistake says where it is', async () => {
  await page.locator('[data-testid=map] canvas').focus();
  await page.keyboard.press('q');
  await page.locator('.cm-content').waitFor();
  await writeSql(page, 'SELECT *, popx\nFROM demo.cities');
  await page.keyboard.press('Control+Enter');
  await page
    .getByRole('alert')
    .getByText(/line 1, column 11/)
    .waitFor();
  await page.locator('.cm-lintRange-error').waitFor();
});

test('a query that works shows its rows and joins the map', async () => {
  await writeSql(page, 'SELECT *\nFROM demo.cities\nWHERE population > 1000000');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('table', { name: 'Query results' }).getByRole('cell').first().waitFor();
  await page.getByRole('button', { name: 'Close SQL' }).click();
  await page
    .getByRole('button', { name: /Query on Cities/ })
    .first()
    .waitFor();
  await mapIsDrawn(page);
});

test('it is styled by a column, with a legend that says the classes', async () => {
  await page
    .getByRole('button', { name: /^Query on Cities/ })
    .first()
    .click();
  await page.getByRole('combobox', { name: 'Colour by' }).first().click();
  await page.getByRole('option', { name: 'population', exact: true }).click();
  await page.getByRole('combobox', { name: 'Size by' }).click();
  await page.getByRole('option', { name: 'population', exact: true }).click();
  const legend = page.getByRole('region', { name: 'Legend' });
  await legend.getByText('Colour: population').waitFor();
  await legend.getByText('Size: population').waitFor();
  await page.getByRole('button', { name: 'Back to layers' }).click();
  await mapIsDrawn(page);
});

/** Clicks where the map has this place, longitude first. */
async function clickAt(window, place) {
  const at = await window.evaluate((lonlat) => {
    const map = document.querySelector('[data-testid=map]').gromaMap;
    const { x, y } = map.project(lonlat);
    const { left, top } = map.getCanvas().getBoundingClientRect();
    return [left + x, top + y];
  }, place);
  await window.mouse.click(...at);
}
const LIMA = [-77.03, -12.04];

test('a click on a city shows its columns, until it is closed', async () => {
  await clickAt(page, LIMA);
  const popup = page.getByRole('article');
  await popup.getByText('Lima', { exact: true }).waitFor();
  await popup.getByText('7,737,002').waitFor();
  await page.keyboard.press('Escape');
  await popup.waitFor({ state: 'detached' });
});

test('undo takes the last step back and redo brings it again', async () => {
  const legend = page.getByRole('region', { name: 'Legend' });
  await page.getByRole('button', { name: /^Undo/ }).click();
  await legend.getByText('Size: population').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^Redo/ }).click();
  await legend.getByText('Size: population').waitFor();
  await mapIsSaved(page);
});

let link;

test('it is shared by link', async () => {
  await page.getByRole('button', { name: /^Share/ }).click();
  await page.getByRole('radio', { name: /Public by link/ }).click();
  link = await page.getByTestId('share-link').inputValue();
  assert.match(link, /\/map\/[0-9a-f-]+$/);
  await page.getByText('Readers see the newest version').waitFor();
  await page.keyboard.press('Escape');
});

test('a second, anonymous browser sees it with title, legend, attribution and pop-up', async () => {
  const stranger = await workspace.visitor();
  await stranger.goto(link);
  await stranger.getByRole('heading', { name: 'Airports of the world' }).waitFor();
  await mapIsDrawn(stranger);
  assert.ok((await pixelsOf(stranger, LAYER)) > 200, 'the airports are on the public map');
  await stranger.getByRole('region', { name: 'Legend' }).getByText('Colour: population').waitFor();
  assert.match(await stranger.getByRole('region', { name: 'Attribution' }).textContent(), /GeoNames/);
  await clickAt(stranger, LIMA);
  await stranger.getByRole('article').getByText('Lima', { exact: true }).waitFor();
  await stranger.context().close();
});

test('later changes stay a draft until they are published', async () => {
  const stranger = await workspace.visitor();
  await page.getByLabel('Title of the map').fill('Airports, second edition');
  await page.keyboard.press('Enter');
  await mapIsSaved(page);
  await stranger.goto(link);
  await stranger.getByRole('heading', { name: 'Airports of the world' }).waitFor();
  await page.getByRole('button', { name: /^Share/ }).click();
  await page.getByRole('button', { name: 'Publish updates' }).click();
  await page.getByText('Readers see the newest version').waitFor();
  await page.keyboard.press('Escape');
  await stranger.reload();
  await stranger.getByRole('heading', { name: 'Airports, second edition' }).waitFor();
  await stranger.context().close();
});

test('a second window that saved first is not overwritten unasked', async () => {
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByLabel('Title of the map').fill('From the other window');
  await other.keyboard.press('Enter');
  await mapIsSaved(other);
  await other.close();
  await page.getByLabel('Title of the map').fill('From this window');
  await page.keyboard.press('Enter');
  await page.getByText('This map was changed elsewhere').waitFor();
  await page.getByRole('button', { name: 'Take the newer version' }).click();
  assert.equal(await page.getByLabel('Title of the map').inputValue(), 'From the other window');
});

test('a private map is nothing to a stranger', async () => {
  await page.getByRole('button', { name: /^Share/ }).click();
  await page.getByRole('radio', { name: /Private/ }).click();
  await page.getByTestId('share-link').waitFor({ state: 'detached' });
  const stranger = await workspace.visitor();
  await stranger.goto(link);
  await stranger.getByText('There is no public map here').waitFor();
  await stranger.context().close();
});

test('no page asked another machine for anything, and none failed', () => {
  assert.deepEqual(workspace.outside, []);
  assert.deepEqual(workspace.problems, []);
});
