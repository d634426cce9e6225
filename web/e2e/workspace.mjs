// A browser in front of the built server: signed in or not, and strict about what it may ask.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { launch, openWindow } from '../../tests/harness/browser.mjs';
import { OWNER, startServer } from '../../tests/harness/server.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** GROMA_E2E_URL with its owner, or a server of our own with the demo tables. */
async function server() {
  const url = process.env.GROMA_E2E_URL;
  if (!url) return { ...(await startServer()), owner: OWNER };
  const owner = { email: process.env.GROMA_E2E_EMAIL, password: process.env.GROMA_E2E_PASSWORD };
  return { url, owner, stop: async () => {} };
}

/** A browser in front of the server that is given, else of one with the demo tables. */
export async function openWorkspace(given) {
  const { url, owner, stop } = given ?? (await server());
  const browser = await launch(chromium);
  const outside = [];
  const problems = [];

  /** A window of its own, with its own cookies. */
  function visitor({ width = 1440, height = 900, scheme = 'light', locale = 'en-US' } = {}) {
    const options = {
      viewport: { width, height },
      colorScheme: scheme,
      locale,
      permissions: ['clipboard-read', 'clipboard-write'],
    };
    return openWindow(browser, options, { outside, problems });
  }

  async function member(options) {
    const page = await visitor(options);
    await page.goto(`${url}/sign-in`);
    await page.getByLabel('E-mail').or(page.getByLabel('Correo')).fill(owner.email);
    await page.locator('input[name=password]').fill(owner.password);
    await page.locator('button[type=submit]').click();
    await page.locator('#recent').waitFor();
    return page;
  }

  return {
    url,
    owner,
    visitor,
    member,
    outside,
    problems,
    async close() {
      await browser.close();
      await stop();
    },
  };
}

/** Until every layer of the map shows its tiles. */
export async function mapIsDrawn(page) {
  await page.locator('[data-testid=map][data-drawn=true]').waitFor();
  await page.waitForFunction(() => {
    const map = document.querySelector('[data-testid=map]').gromaMap;
    return map.loaded() && !map.isMoving();
  });
}

/** Until the builder says that everything is saved; on a phone it has no room to show it. */
export async function mapIsSaved(page) {
  await page.locator('[data-testid=save-state][data-state=saved]').waitFor({ state: 'attached' });
}

/** Violations that keep people out, as text; nothing when there are none. */
export async function seriousViolations(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }),
  );
  return violations
    .filter((violation) => ['serious', 'critical'].includes(violation.impact))
    .map(
      (violation) =>
        `${violation.id} (${violation.impact}): ${violation.nodes
          .slice(0, 3)
          .map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
          .join(' | ')}`,
    );
}

/** How many pixels of the map have this colour, up to `tolerance` per channel. */
export async function pixelsOf(page, [red, green, blue], tolerance = 12) {
  const picture = await page.locator('[data-testid=map]').screenshot();
  return page.evaluate(
    async ({ bytes, wanted, near }) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (wanted.every((channel, i) => Math.abs(data[at + i] - channel) <= near)) count += 1;
      }
      return count;
    },
    { bytes: [...picture], wanted: [red, green, blue], near: tolerance },
  );
}

export async function writeSql(page, text) {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}
