/** The examples of `millrace/io`, run and looked at: the built package, as a user has it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { scratch } from '../../support/scratch.ts';
import { someBytes } from './drivers.ts';

const examples = join(import.meta.dirname, '../../../examples');

/** Runs a program of one line that imports an example by name. */
function run(program: string, cwd: string): string {
  const text = program.replace(/EXAMPLE\(([^)]+)\)/g, (_, name: string) => pathToFileURL(join(examples, name)).href);
  const file = join(examples, `.spec-${process.pid}.mjs`);
  writeFileSync(file, text);
  try {
    return execFileSync(process.execPath, [file], { cwd, encoding: 'utf8', timeout: 20_000 });
  } finally {
    rmSync(file);
  }
}

test('a file is copied to the byte', () => {
  using folder = scratch('io-example');
  const [from, to, bytes] = [join(folder.path, 'a'), join(folder.path, 'b'), someBytes(5_000_003)];
  writeFileSync(from, bytes);
  const printed = execFileSync(process.execPath, [join(examples, 'io-copy.mjs'), from, to], { encoding: 'utf8' });
  expect(printed).toMatch(/^5000003 bytes, \d+ MB\/s, driver (ring|pool)\n$/);
  expect(readFileSync(to).equals(bytes)).toBe(true);
});

test('appended lines are in the file, in order, behind what was there', () => {
  using folder = scratch('io-example');
  const path = join(folder.path, 'log');
  writeFileSync(path, 'before\n');
  const printed = execFileSync(process.execPath, [join(examples, 'io-append.mjs'), path], { encoding: 'utf8' });
  expect(printed).toBe('1000 lines are durable, 8890 bytes\n');
  const lines = readFileSync(path, 'utf8').split('\n');
  expect([lines[0], lines[1], lines[1000]]).toEqual(['before', 'line 0', 'line 999']);
});

test('files are served whole, absent ones are not found, and nothing outside is served', () => {
  using folder = scratch('io-example');
  mkdirSync(join(folder.path, 'www'));
  writeFileSync(join(folder.path, 'www/big'), Buffer.alloc(3_000_000, 'x'));
  writeFileSync(join(folder.path, 'secret'), 'secret');
  const printed = run(
    `import { get, request } from 'node:http';
     import { openRing } from 'millrace/io';
     import { fileServer } from 'EXAMPLE(io-http.mjs)';
     const ring = await openRing();
     const server = fileServer(ring, 'www').listen(0, '127.0.0.1');
     await new Promise((resolve) => server.once('listening', resolve));
     const { port } = server.address();
     const ask = (path, method = 'GET') => new Promise((resolve, reject) => {
       const asked = request({ port, path, method, host: '127.0.0.1' }, (response) => {
         let bytes = 0;
         response.on('data', (data) => { bytes += data.length; });
         response.on('end', () => resolve([response.statusCode, bytes].join(' ')));
       });
       asked.on('error', reject);
       asked.end();
     });
     const all = [ask('/big'), ask('/big'), ask('/big', 'HEAD'), ask('/none'), ask('/%2e%2e/secret'), ask('/..%2fsecret'), ask('/')];
     console.log((await Promise.all(all)).join(','));
     server.closeAllConnections();
     server.close();
     await ring.close();`,
    folder.path,
  );
  expect(printed).toBe('200 3000000,200 3000000,200 0,404 0,404 0,404 0,404 0\n');
});

test('a growing file is followed, also when it was made shorter', () => {
  using folder = scratch('io-example');
  writeFileSync(join(folder.path, 'log'), 'one ');
  const printed = run(
    `import { appendFileSync, truncateSync } from 'node:fs';
     import { openRing } from 'millrace/io';
     import { tail } from 'EXAMPLE(io-tail.mjs)';
     const ring = await openRing();
     const ending = new AbortController();
     let seen = '';
     for await (const chunk of tail(ring, 'log', { signal: ending.signal })) {
       seen += Buffer.from(chunk).toString();
       if (seen === 'one ') setTimeout(() => appendFileSync('log', 'two '), 5);
       if (seen === 'one two ') setTimeout(() => { truncateSync('log', 0); setTimeout(() => appendFileSync('log', 'end'), 50); }, 5);
       if (seen.endsWith('end')) ending.abort();
     }
     console.log(seen);
     await ring.close();`,
    folder.path,
  );
  expect(printed).toBe('one two end\n');
});
