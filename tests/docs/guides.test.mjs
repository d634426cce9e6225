// What the guides tell people to type works as it stands there: every block of code is run, and a new one needs a line here.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connection, signIn, sql, token, url } from '../harness/groma.mjs';
import { binary, neutralEnvironment } from '../harness/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
/** The address in the guides, which is the program's default. */
const DEFAULT_ADDRESS = 'http://127.0.0.1:8080';

/** The blocks of code of a page, each with its language. */
async function blocksOf(path) {
  const text = await readFile(join(root, path), 'utf8');
  const blocks = [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)];
  return blocks.map(([, indent, language, code]) => ({ language, code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }));
}

describe('the guides', { concurrency: 1 }, () => {
  let folder;
  let mapId;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'groma-guides-'));
    // What the guides find on the reader's machine: the program, the packages of a page, and files to import.
    await symlink(binary(), join(folder, 'groma'));
    await symlink(join(root, 'tests/clients/node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'shops.csv'), 'name,latitude,longitude\nCorner shop,51.5,-0.12\nKiosk,52.5,13.4\n');
    await writeFile(join(folder, 'cities.csv'), 'name,lat,lon\nRome,41.9,12.5\n');
    mapId = await sharedMap();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function sharedMap() {
    const owner = await signIn();
    const dataset = { id: '5f1d7a4e-0000-4000-8000-000000000003', type: 'table', source: 'demo.cities', connectionName: connection, geoColumn: 'geom', columns: null };
    const made = await owner.ask('/workspace-api/maps', { method: 'POST', body: { title: 'A map of the guides', datasets: [dataset] } });
    const { id } = await made.json();
    const shared = await owner.ask(`/workspace-api/maps/${id}/privacy`, { method: 'POST', body: { privacy: 'public' } });
    assert.equal(shared.status, 200, await shared.text());
    return id;
  }

  /** Runs a block as a shell would after `PATH` was set; gives what it prints. */
  async function shell(code) {
    const environment = { ...neutralEnvironment(), GROMA_DATA_DIR: process.env.GROMA_TEST_DATA_DIR, TOKEN: token, PATH: `${folder}:${process.env.PATH}` };
    const { stdout } = await run('sh', ['-e', '-c', code.replaceAll(DEFAULT_ADDRESS, url)], { cwd: folder, env: environment });
    return stdout;
  }

  /** Runs a block of JavaScript and gives the value that `wanted` then has. */
  async function javascript(code, wanted) {
    const file = join(folder, `block-${Math.random()}.mjs`);
    const text = code.replaceAll(DEFAULT_ADDRESS, url).replace('the id in the map’s link', mapId);
    await writeFile(file, `const TOKEN = ${JSON.stringify(token)};\n${text}\nconsole.log('\\n' + JSON.stringify(${wanted}));\n`);
    const { stdout } = await run(process.execPath, [file], { cwd: folder, env: neutralEnvironment() });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }

  const count = async (table) => (await sql(`SELECT count(*) AS n FROM ${table}`))[0].n;
  /** What each block of each guide does, in the order in which they stand there. */
  const GUIDES = {
    'connect-to-your-data.md': [
      async ({ code }) => {
        await shell(code);
        assert.equal(await count('public.shops'), 2);
      },
    ],
    'run-a-server.md': [
      // The harness started the server under test with this very command.
      ({ code }) => assert.equal(code.trim(), 'groma serve'),
      async ({ code }) => {
        const printed = await shell(code);
        assert.equal(await count('public.cities'), 1);
        assert.match(printed, /34006/);
        assert.match(printed.trim().split('\n').at(-1), /^gro_\S{30,}$/);
      },
    ],
    'your-first-application.md': [
      async ({ code }) => assert.match((await shell(code)).trim(), /^gro_\S{30,}$/),
      async ({ code }) => {
        const { rows, schema, meta } = JSON.parse(await shell(code));
        const largest = await sql('SELECT name, population FROM demo.cities ORDER BY population DESC LIMIT 3');
        assert.deepEqual(rows, largest);
        assert.deepEqual(schema.map(({ name }) => name), ['name', 'population']);
        assert.ok(meta);
      },
      async ({ code }) => assert.equal(await javascript(code, '[(await data).tiles.length, layer.props.getFillColor({properties: {population: 5e6}}).length]').then(([tiles]) => tiles), 1),
      async ({ code }) => assert.equal(await javascript(code, 'map.title'), 'A map of the guides'),
      async ({ code }) => {
        const categories = await javascript(code, 'categories');
        const [most] = await sql('SELECT country AS name, sum(population) AS value FROM demo.cities GROUP BY country ORDER BY 2 DESC LIMIT 1');
        assert.deepEqual(categories.toSorted((one, other) => other.value - one.value)[0], most);
      },
    ],
    'your-first-map.md': [
      async ({ code }) => {
        const [{ n }] = await sql(`SELECT count(*) AS n FROM (${code})`);
        assert.ok(n > 1000);
      },
    ],
  };

  it('all stand in this test', async () => {
    assert.deepEqual((await readdir(join(root, 'docs/guides'))).filter((name) => name.endsWith('.md')).sort(), Object.keys(GUIDES).sort());
  });

  for (const [guide, checks] of Object.entries(GUIDES)) {
    it(`${guide}: every block of code works`, async (test) => {
      const blocks = await blocksOf(`docs/guides/${guide}`);
      assert.equal(blocks.length, checks.length, `${guide} has ${blocks.length} blocks of code, this test knows ${checks.length}`);
      for (const [at, block] of blocks.entries()) {
        await test.test(block.code.trim().split('\n')[0], () => checks[at](block));
      }
    });
  }

  it('name only make targets that there are', async () => {
    const makefile = await readFile(join(root, 'Makefile'), 'utf8');
    for (const page of ['README.md', 'CONTRIBUTING.md', ...Object.keys(GUIDES).map((guide) => `docs/guides/${guide}`)]) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, target] of text.matchAll(/(?:^|`)make ([a-z-]+)/gm)) {
        assert.match(makefile, new RegExp(`(^|\\s)${target}(\\s[^\\n]*)?:`, 'm'), `${page}: make ${target}`);
      }
    }
  });

  it('link only to what is there', async () => {
    for (const page of ['README.md', 'CONTRIBUTING.md', ...Object.keys(GUIDES).map((guide) => `docs/guides/${guide}`)]) {
      const text = await readFile(join(root, page), 'utf8');
      const folderOf = page.includes('/') ? page.slice(0, page.lastIndexOf('/')) : '.';
      for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        await readFile(join(root, folderOf, target)).catch((error) => {
          if (error.code !== 'EISDIR') throw new Error(`${page} links to ${target}, which is not there`);
        });
      }
    }
  });
});
