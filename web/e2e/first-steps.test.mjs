// A new installation, claimed with the link that it prints, and from there to a map without touching a mouse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startEmptyServer } from '../../tests/harness/server.mjs';
import { mapIsDrawn, openWorkspace, seriousViolations } from './workspace.mjs';

const OWNER = { email: 'ada@example.org', password: 'a mill of many columns' };

let server;
let workspace;
let page;
before(async () => {
  server = await startEmptyServer();
  workspace = await openWorkspace({ url: server.url, owner: OWNER, stop: server.stop });
});
after(() => workspace?.close());

/** Presses a key and says what has the focus then, and whether people see that it has it. */
async function press(key) {
  await page.keyboard.press(key);
  const { name, isVisible } = await page.evaluate(() => {
    const element = document.activeElement;
    const frame = element.closest('[data-testid=map]');
    const shown = [element, element.closest('.mantine-Input-input')]
      .filter(Boolean)
      .map((one) => getComputedStyle(one));
    if (frame) shown.push(getComputedStyle(frame, '::after'));
    const hasRing = (style) => style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0;
    return {
      name: element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent,
      isVisible: element === document.body || shown.some(hasRing),
    };
  });
  assert.ok(isVisible, `after ${key}: nobody sees that “${name}” has the focus`);
  return name ?? '';
}

/** Tabs until something of this name has the focus. */
async function tabTo(pattern, limit = 40) {
  for (let step = 0; step < limit; step += 1) {
    if (pattern.test(await press('Tab'))) return;
  }
  assert.fail(`${pattern} is not reached with ${limit} tabs`);
}

test('a link that was not printed claims nothing', async () => {
  const stranger = await workspace.visitor();
  await stranger.goto(`${workspace.url}/claim?claim=guessed`);
  await stranger.getByLabel('Organisation').fill('Thieves');
  await stranger.getByLabel('Your name').fill('Mallory');
  await stranger.getByLabel('E-mail').fill('mallory@example.org');
  await stranger.locator('input[name=password]').fill('long enough to pass');
  await stranger.locator('button[type=submit]').click();
  await stranger.getByRole('alert').waitFor();
  await stranger.context().close();
});

test('the printed link makes the owner, says what is missing, and works once', async () => {
  const [link] = await server.hear(/http:\S+\/claim\?claim=\S+/);
  page = await workspace.visitor();
  await page.goto(link);
  await page.getByLabel('Organisation').waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await page.keyboard.type('Surveyors');
  await press('Tab');
  await page.keyboard.type('Ada Example');
  await press('Tab');
  await page.keyboard.type('ada');
  await press('Tab');
  await page.getByText('Enter an e-mail address like name@example.com.').waitFor();
  await page.getByLabel('E-mail').fill(OWNER.email);
  await page.locator('input[name=password]').fill(OWNER.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor();
  const late = await workspace.visitor();
  await late.goto(link);
  await late.getByText('Already set up').waitFor();
  await late.context().close();
});

test('from the sign-in page to a map without a mouse, and the focus is always to be seen', async () => {
  await server.run('demo');
  await page.context().close();
  page = await workspace.visitor();
  await page.goto(`${workspace.url}/data`);
  await page.getByLabel('E-mail').waitFor();
  await page.keyboard.type(OWNER.email);
  await press('Tab');
  await page.keyboard.type(OWNER.password);
  await page.keyboard.press('Enter');
  await page.getByTitle('demo.airports').waitFor();

  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search pages, actions, maps and tables').waitFor();
  await page.keyboard.type('world_air');
  await page.getByRole('button', { name: 'demo.world_airports' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'demo.world_airports' }).waitFor();
  await mapIsDrawn(page);

  await tabTo(/^Create map$/);
  await page.keyboard.press('Enter');
  await page.getByLabel('Title of the map').waitFor();
  await mapIsDrawn(page);
  await tabTo(/^Map: /);
  const centre = () =>
    page.evaluate(() => document.querySelector('[data-testid=map]').gromaMap.getCenter().lng);
  const before = await centre();
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(
    (was) => document.querySelector('[data-testid=map]').gromaMap.getCenter().lng > was + 1,
    before,
  );
});

test('no page asked another machine for anything, and none failed', () => {
  assert.deepEqual(workspace.outside, []);
  assert.deepEqual(workspace.problems, []);
});
