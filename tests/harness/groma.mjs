// The server under test, as the tests see it: addresses, plain requests, SQL, and a signed-in owner.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { OWNER, binary, neutralEnvironment } from './server.mjs';

/** Base URL of the server. */
export const url = required('GROMA_TEST_URL');
/** A token for everything. */
export const token = required('GROMA_TEST_TOKEN');
/** The connection under which CARTO's examples look for data. */
export const connection = 'carto_dw';

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with \`npm --prefix tests/clients test\``);
  return value;
}

/** Asks the server as the token's owner would; `path` is appended to the base URL. */
export function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  return fetch(`${url}${path}`, { ...options, headers });
}

/** The rows of one SQL statement. */
export async function sql(text, queryParameters) {
  const response = await ask(`/v3/sql/${connection}/query`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ q: text, queryParameters }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${answer.error}: ${text}`);
  return answer.rows;
}

/** Runs a command of the program against the running server, and gives what it prints. */
export async function command(...words) {
  const environment = { ...neutralEnvironment(), GROMA_DATA_DIR: process.env.GROMA_TEST_DATA_DIR };
  const { stdout } = await promisify(execFile)(binary(), words, { env: environment });
  return stdout.trim();
}

/** A token with these grants, APIs and referers, of a name of its own. */
export async function tokenFor({ grants, apis = 'maps,sql', referers = [] }) {
  const name = `test ${process.pid} ${Math.random()}`;
  const words = grants.flatMap((grant) => ['--grant', grant]).concat(referers.flatMap((page) => ['--referer', page]));
  return command('token', 'create', '--name', name, '--apis', apis, ...words);
}

/** Signs the owner in; gives `ask`, which sends the cookie and the CSRF value as our pages do. */
export async function signIn() {
  const signedIn = await fetch(`${url}/workspace-api/sign-in`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url },
    body: JSON.stringify(OWNER),
  });
  const me = await signedIn.json();
  if (!signedIn.ok) throw new Error(`the owner cannot sign in: ${me.error}`);
  const cookie = signedIn.headers.getSetCookie()[0].split(';')[0];
  const asOwner = (path, { method = 'GET', body, headers = {} } = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        Cookie: cookie,
        Origin: url,
        'X-Groma-Csrf': me.csrf,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  return { me, cookie, ask: asOwner };
}
