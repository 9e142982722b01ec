/**
 * A server where io_uring is refused, as in default containers: it says so, serves by pool and Node's sockets, and keeps
 * what it acknowledged.
 *
 * To remember: the launcher (crates/net/examples/refuse-io-uring.rs) runs any program that way, whole suites too.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { createTopics, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { scratch } from '../support/scratch.ts';
import { commandLine, freePort } from '../support/server.ts';
import { WireConnection } from '../support/wire.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let launcher = '';

beforeAll(() => {
  const args = ['build', '-q', '-p', 'millrace-net', '--example', 'refuse-io-uring', '--message-format', 'json'];
  const built = execFileSync('cargo', args, { cwd: root, encoding: 'utf8' });
  launcher = /"executable":"([^"]+refuse-io-uring)"/.exec(built)?.[1] ?? '';
  expect(launcher).not.toBe('');
}, 300_000);

interface Refused extends AsyncDisposable {
  readonly address: string;
  /** Its first line of JSON. */
  readonly ready: string;
}

async function serveWithout(errno: string, directory: string): Promise<Refused> {
  const address = `127.0.0.1:${await freePort()}`;
  const args = [errno, process.execPath, commandLine, 'serve', '--kafka', address, '--dir', directory];
  const child = spawn(launcher, [...args, '--format', 'json'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  const ready = await firstLine(child);
  const kill = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  return { address, ready, [Symbol.asyncDispose]: kill };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it was ready`)));
    if (child.stdout === null) throw new Error('stdout of the server is not a pipe');
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) resolve(line);
    });
  });
}

test.each(['EPERM', 'ENOSYS'])(
  'a server to which io_uring answers %s serves without it, and loses nothing',
  async (errno) => {
    using directory = scratch('refused');
    const data = join(directory.path, 'data');
    {
      await using server = await serveWithout(errno, data);
      expect(server.ready).toContain('"pool"');
      expect(server.ready).toContain(errno);
      expect(server.ready).toContain('"node"');
      using connection = await WireConnection.open(server.address);
      expect(await createTopics(connection, 'refused', 1)).toBe(0);
      for (const size of [10, 100_000]) {
        expect((await produce(connection, 'refused', 0, encodeBatch([Buffer.alloc(size)]), -1)).error).toBe(0);
      }
    }
    await using again = await serveWithout(errno, data);
    using connection = await WireConnection.open(again.address);
    expect((await fetchPartition(connection, 'refused', 0, 0)).highWatermark).toBe(2);
  },
);
