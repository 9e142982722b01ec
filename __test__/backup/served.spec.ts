/**
 * Promises of backups of a directory that is served: asked for over the Redis port from the same machine, one state while
 * clients write, and refused to everybody else with the reason.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openKv, serve, verifyDirectory } from '../../ts/index.ts';
import type { ByteTransport } from '../../ts/redis/byte-transport.ts';
import { openOwn } from '../redis/support/redis-servers.ts';
import { RespConnection } from '../redis/support/resp-connection.ts';
import { scratch } from '../support/scratch.ts';

const TIMEOUT_MS = 60_000;

async function commandLine(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof texts): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        texts[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('stdout'), stderr: sink('stderr') };
  return { code: await runCommandLine([...args], terminal), ...texts };
}

/** Writes two keys in a transaction, the same number under both, until it is stopped. */
async function write(port: number, isStopped: () => boolean): Promise<number> {
  using client = await RespConnection.open(port);
  let number = 0;
  while (!isStopped()) {
    number += 1;
    await client.run('MULTI');
    await client.run('SET', 'first', String(number));
    await client.run('HSET', 'hash', `field ${number % 100}`, 'x'.repeat(1000));
    await client.run('SET', 'second', String(number));
    await client.run('EXEC');
  }
  return number;
}

/** A server whose clients may have its directory copied. */
async function servedIn(folder: string) {
  const place = join(folder, 'copies');
  const redis = { port: 0, backupDir: place };
  return { place, server: await serve({ dir: join(folder, 'data'), kafka: { port: 0 }, redis }) };
}

it(
  'a copy made while clients write is one state of it, with everything that was answered before',
  async () => {
    using folder = scratch('served-backup');
    const { place, server } = await servedIn(folder.path);
    try {
      const port = server.redis?.port ?? 0;
      let isStopped = false;
      const writing = write(port, () => isStopped);
      using client = await RespConnection.open(port);
      while (Number(await client.run('GET', 'second')) < 20) await new Promise((resolve) => setImmediate(resolve));
      const before = Number(await client.run('GET', 'second'));
      const { code, stdout } = await commandLine([
        'backup',
        '--redis',
        `127.0.0.1:${port}`,
        '--to',
        'monday',
        '--json',
      ]);
      expect(code).toBe(ExitCode.ok);
      expect(JSON.parse(stdout)).toMatchObject({ mark: expect.any(Number), files: expect.any(Number) });
      isStopped = true;
      const written = await writing;
      const again = await commandLine(['backup', '--redis', `127.0.0.1:${port}`, '--to', 'monday']);
      expect(again).toMatchObject({ code: ExitCode.failure, stderr: expect.stringContaining('must be empty') });
      const copy = join(place, 'monday');
      const { findings } = await verifyDirectory(copy, { deep: true });
      expect(findings.filter(({ kind }) => kind !== 'note')).toEqual([]);

      await using kv = await openKv(copy, { store: 'redis-0', keyEncoding: 'utf8', valueEncoding: 'utf8' });
      const first = Number(await kv.get('first'));
      expect(await kv.get('second')).toBe(String(first));
      expect(first).toBeGreaterThanOrEqual(before);
      expect(first).toBeLessThanOrEqual(written);
    } finally {
      await server.close();
    }
  },
  TIMEOUT_MS,
);

it('names that are paths, servers without a place, and other machines are refused', async () => {
  using folder = scratch('served-backup');
  const { place, server } = await servedIn(folder.path);
  try {
    using client = await RespConnection.open(server.redis?.port ?? 0);
    for (const name of ['../out', '/tmp/x', '..', '.hidden', '', 'a/b', 'x'.repeat(65), 'a\0b']) {
      const refused = await client.run('MILLRACE.BACKUP', name);
      expect(JSON.stringify(refused), name).toMatch(
        /ERR .*a backup is named by at most 64 letters, digits, dots, _ and -/,
      );
    }
    expect(existsSync(place)).toBe(false);
    expect(await client.run('MILLRACE.BACKUP', 'a', 'b')).toEqual({ error: 'ERR syntax error' });
  } finally {
    await server.close();
  }
  await using own = await openOwn('node');
  using client = await RespConnection.open(own.port);
  expect(await client.run('MILLRACE.BACKUP', 'a')).toEqual({
    error: 'ERR no place for backups: the server was started without --backup-dir',
  });
  const far = new Far();
  const stranger = own.server.core.connect(far);
  const bytes = Buffer.from('*2\r\n$15\r\nMILLRACE.BACKUP\r\n$1\r\na\r\n');
  stranger.received(bytes, 0, bytes.length);
  while (far.text === '') await new Promise((resolve) => setImmediate(resolve));
  expect(far.text).toBe('-NOPERM backups are made for clients on the same machine only\r\n');
  stranger.close();
});

it('the command line says what is missing', async () => {
  for (const args of [[], ['--dir', 'd', '--redis', '127.0.0.1:1']]) {
    const ended = await commandLine(['backup', '--to', 'x', ...args]);
    expect(ended).toMatchObject({ code: ExitCode.usage, stderr: expect.stringContaining('give either --dir') });
  }
});

/** A connection from another machine. */
class Far implements ByteTransport {
  readonly addresses = { remoteAddress: '10.1.2.3', remotePort: 4, localAddress: '10.1.2.4', localPort: 6379 };
  readonly unsent = 0;
  text = '';
  send(bytes: Buffer, start: number, end: number): void {
    this.text += bytes.toString('latin1', start, end);
  }
  flush(): void {}
  releaseInput(): void {}
  pause(): void {}
  resume(): void {}
  finish(): void {}
  close(): void {}
}
