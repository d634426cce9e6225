// Runs every black-box test against one server: the built binary, a fresh data folder, the demo tables.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from './harness/server.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The test files below a folder, apart from other people's packages. */
function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
    return entry.name.endsWith('.test.mjs') ? [path] : [];
  });
}

/** Runs `node --test` over the files and gives its exit code. */
function runTests(files, environment) {
  return new Promise((resolve, reject) => {
    const flags = ['--test', '--test-concurrency=2', '--test-reporter=spec'];
    const tests = spawn(process.execPath, [...flags, ...files], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
    });
    tests.on('error', reject);
    tests.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

const wanted = process.argv.slice(2);
const files = testFiles(here).filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
const server = await startServer();
let code = 1;
try {
  code = await runTests(files, server.environment);
} finally {
  await server.stop();
}
process.exitCode = code;
