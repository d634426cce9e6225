// Chromium for the tests: drawn in software, and strict about what pages may ask for.
// Whoever calls brings `chromium` of playwright-core, because packages are found from the caller's folder.

const FLAGS = [
  '--no-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];
/** Software rendering on two cores is slow when something else runs: patience, not failure. */
const PATIENCE_MS = 120_000;

export function launch(chromium) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
}

/**
 * A window of its own, with its own cookies. A request that leaves this machine is refused and put on the list `outside`;
 * errors of the pages go on the list `problems`.
 */
export async function openWindow(browser, options, { outside, problems }) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.route('**/*', (route) => {
    const { protocol, hostname } = new URL(route.request().url());
    const isOurs = ['data:', 'blob:'].includes(protocol) || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
    if (isOurs) return route.continue();
    outside.push(route.request().url());
    return route.abort();
  });
  const page = await context.newPage();
  const remember = (text) => problems.push(`${new URL(page.url()).pathname}: ${text.split('\n').slice(0, 3).join('\n')}`);
  page.on('pageerror', (error) => remember(error.stack ?? error.message));
  page.on('console', (message) => {
    // The browser's own line for every answer that is no success; the pages show those to people.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isAnswer) remember(message.text());
  });
  return page;
}

/** The colours at these places of the page, each `[red, green, blue]`, as they stand on the screen. */
export async function colorsAt(page, places) {
  const picture = await page.screenshot();
  return page.evaluate(
    async ({ encoded, wanted }) => {
      const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return wanted.map(([x, y]) => Array.from(context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data.slice(0, 3)));
    },
    { encoded: picture.toString('base64'), wanted: places },
  );
}

/** Whether two colours differ by no more than the renderer's rounding, per channel. */
export function isColor(found, wanted, tolerance = 4) {
  return found.every((channel, at) => Math.abs(channel - wanted[at]) <= tolerance);
}
