/** Promises of `millrace check`: one line, and the exit codes that monitoring systems know: 0, 1, 2, 3. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openLog, serve } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

async function check(...argv: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough().resume() };
  return { code: await runCommandLine(['check', ...argv], terminal), out };
}

/** What a server of whatever kind answers to everything. */
async function answering(status: number, body: string): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const well = { version: '1', uptimeSeconds: 5, driver: { driver: 'ring' }, connections: 0, topics: 2 };

it('a running server is ok, with figures behind a bar', async () => {
  using folder = scratch('check');
  await using log = await openLog(folder.path);
  await using server = await serve({ log, kafka: { port: 0 }, http: { port: 0 } });
  const { host, port } = server.http ?? { host: '', port: 0 };
  const found = await check('--http', `${host}:${port}`);
  expect(found).toMatchObject({ code: 0, out: expect.stringMatching(/^MILLRACE OK - version .+ \| topics=0 .+\n$/) });
});

it.each([
  ['a failed flush', { poisoned: true }, 2, 'CRITICAL - a flush failed'],
  ['a full disk', { diskFull: true }, 2, 'CRITICAL - the disk is full'],
  ['damage that the opening met', { recovery: { damage: [{}] } }, 1, 'WARNING - its opening met damage in 1 places'],
  ['nothing of that', {}, 0, 'OK - '],
])('%s is told with its code', async (_, change, code, words) => {
  const status = { poisoned: false, diskFull: false, recovery: { damage: [] }, ...well, ...change };
  await using server = await answering(200, JSON.stringify(status));
  const found = await check('--http', server.address);
  expect(found).toMatchObject({ code, out: expect.stringContaining(`MILLRACE ${words}`) });
});

it('a server that is not there is critical, one of another kind and a wrong argument are unknown', async () => {
  const gone = await answering(200, '');
  await gone[Symbol.asyncDispose]();
  expect(await check('--http', gone.address)).toMatchObject({ code: 2, out: expect.stringContaining('CRITICAL') });
  await using other = await answering(200, '<html>');
  expect(await check('--http', other.address)).toMatchObject({ code: 3, out: expect.stringContaining('UNKNOWN') });
  await using closed = await answering(401, 'no');
  expect(await check('--http', closed.address)).toMatchObject({ code: 3, out: expect.stringContaining('UNKNOWN') });
  expect(await check('--no-such-flag')).toMatchObject({ code: 3, out: '' });
});
