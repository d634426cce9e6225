// Starts the built server on a free port, in a data folder of its own: empty, or with the demo tables and a token for everything.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const OWNER = { email: 'owner@example.org', password: 'owner of the tests' };

/** The program under test: GROMA_BINARY, or where `make build` leaves it. */
export function binary() {
  const path = process.env.GROMA_BINARY ?? join(root, 'target/release/groma');
  if (!existsSync(path)) throw new Error(`${path} is not there; run \`make build\` first`);
  return path;
}

/** Our environment without settings of the program, which knows no others than its own. */
export function neutralEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GROMA_')));
}

/** What the server printed until now, once `pattern` is in it: the match. */
function waitFor(pattern, child, printed) {
  return new Promise((resolve, reject) => {
    const look = () => {
      const match = pattern.exec(printed.join(''));
      if (match) resolve(match);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} and never said ${pattern}:\n${printed.join('')}`)));
    look();
  });
}

/**
 * A running server with the demo tables and its owner; GROMA_TEST_LOG names a file that takes its log.
 * `environment` is what the tests read, `stop` ends it and fails when its log has errors.
 */
export async function startServer() {
  const { url, run, folder, stop } = await startEmptyServer({ GROMA_ADMIN_EMAIL: OWNER.email, GROMA_ADMIN_PASSWORD: OWNER.password });
  try {
    await run('demo');
    const token = await run('token', 'create', '--name', 'black box', '--apis', 'maps,sql,imports', '--grant', '*');
    return { url, token, stop, environment: { GROMA_TEST_URL: url, GROMA_TEST_TOKEN: token, GROMA_TEST_DATA_DIR: folder } };
  } catch (error) {
    await stop().catch(() => {});
    throw new Error(`${error.message}\n${error.stderr ?? ''}`);
  }
}

/**
 * A running server with nothing in it and these settings. `run` runs a command of the program beside it,
 * `hear` waits until it printed what matches a pattern.
 */
export async function startEmptyServer(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'groma-black-box-'));
  const environment = { ...neutralEnvironment(), GROMA_DATA_DIR: folder, GROMA_LISTEN: '127.0.0.1:0', ...settings };
  const log = [];
  const printed = [];
  const child = spawn(binary(), ['serve'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.on('data', (text) => log.push(String(text)));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => printed.push(String(text)));
  const hear = (pattern) => waitFor(pattern, child, printed);
  const run = async (...words) => (await promisify(execFile)(binary(), words, { env: environment })).stdout.trim();
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
    if (process.env.GROMA_TEST_LOG) await writeFile(process.env.GROMA_TEST_LOG, log.join(''));
    const errors = log.join('').split('\n').filter((line) => /\bERROR\b|panicked at/.test(line));
    if (errors.length > 0) throw new Error(`the server's log has errors:\n${errors.join('\n')}`);
  };
  try {
    const [, url] = await hear(/^listening (http\S+)$/m);
    return { url, run, folder, stop, hear };
  } catch (error) {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
