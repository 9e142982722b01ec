/** Promises of `millrace serve` as a process: what it says, how it refuses, how it ends. Needs the built command line. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { ClientConnection } from '../../ts/client/connection.ts';
import { scratch } from '../support/scratch.ts';
import { commandLine, freePort, startServer } from '../support/server.ts';

let folder: ReturnType<typeof scratch>;
let dir = '';
beforeEach(() => {
  folder = scratch('serve');
  dir = join(folder.path, 'data');
});
afterEach(() => folder[Symbol.dispose]());

function serve(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [commandLine, 'serve', ...args], { encoding: 'utf8', timeout: 20_000 });
}

/** Names, sizes and contents of a folder, as one digest. */
function digestOf(path: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    // Who holds the lock is written into it; that is no data.
    if (entry.name === 'lock') continue;
    const file = join(entry.parentPath, entry.name);
    hash.update(`${file} ${statSync(file).size}\n`);
    if (entry.isFile()) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

describe('serve', () => {
  it('says address, data directory, driver and why, flush policy and what a power cut can take', async () => {
    await using server = await startServer({ directory: dir, flush: 'interval=100ms', driver: 'pool' });
    const output = server.output();
    expect(output).toContain(`serves Kafka on ${server.address}`);
    expect(output).toMatch(new RegExp(`data +${dir}`));
    expect(output).toMatch(/driver +pool: \S+/);
    expect(output).toMatch(/flush +interval=100ms/);
    expect(output).toMatch(/acks=all +waits for durable: a power cut loses nothing acknowledged/);
    expect(output).toMatch(/acks=1 +waits for written: a power cut loses at most the last 100 ms/);
    expect(output).toMatch(/recovery +new directory/);
  });

  it('prints one line of JSON on stdout with the same facts', async () => {
    await using server = await startServer({ directory: dir });
    const facts = JSON.parse(
      server
        .output()
        .split('\n')
        .find((line) => line.startsWith('{')) ?? '',
    );
    expect(facts).toMatchObject({ event: 'ready', kafka: server.address, dir, flush: 'always', pid: server.pid });
    expect(['ring', 'pool']).toContain(facts.driver.driver);
  });

  it('ends with exit code 0 on SIGTERM, and finds the clean mark when it is started again', async () => {
    const first = await startServer({ directory: dir });
    expect(await first.stop()).toBe(0);
    expect(first.output()).toMatch(/closed cleanly/);
    await using second = await startServer({ directory: dir });
    expect(second.output()).toMatch(/recovery +closed cleanly before/);
  });

  it('says after kill -9 that it was not closed, and serves again', async () => {
    const first = await startServer({ directory: dir });
    await first.kill();
    await using second = await startServer({ directory: dir });
    expect(second.output()).toMatch(/recovery +not closed before/);
    await using client = await ClientConnection.open({ host: '127.0.0.1', port: second.port });
    expect((await client.request(metadataApi, { topics: null })).topics).toEqual([]);
  });

  it('refuses a busy port in one line and does not touch the directory', async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
      const child = spawn(process.execPath, [commandLine, 'serve', '--kafka', `127.0.0.1:${port}`, '--dir', dir]);
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
      expect(stderr).toMatch(new RegExp(`^millrace: 127\\.0\\.0\\.1:${port} is in use[^\\n]*\\n$`));
      expect(existsSync(dir)).toBe(false);
    } finally {
      other.close();
    }
  });

  it('refuses a directory that another process has open, in one line', async () => {
    await using server = await startServer({ directory: dir });
    const second = serve('--kafka', '127.0.0.1:0', '--dir', dir);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/^millrace: another process[^\n]*\n$/);
    expect(server.running()).toBe(true);
  });

  it('refuses a directory of a newer format in one line and changes nothing in it', async () => {
    const server = await startServer({ directory: dir });
    await server.stop();
    const manifest = openSync(join(dir, 'manifest'), 'r+');
    writeSync(manifest, Uint8Array.of(99), 0, 1, 8);
    const before = digestOf(dir);
    const result = serve('--kafka', '127.0.0.1:0', '--dir', dir);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^millrace: [^\n]*format[^\n]*\n$/);
    expect(digestOf(dir)).toBe(before);
  });

  it.each([
    [['--flush', 'sometimes'], /sometimes/],
    [['--driver', 'steam'], /steam/],
    [['-X', 'no.such.setting=1'], /no\.such\.setting/],
    [['-X', 'num.partitions=none'], /num\.partitions/],
    [['--kafka', 'localhost'], /HOST:PORT/],
    [['--kafka', '203.0.113.1:9092', '--insecure'], /no address of this machine/],
    [['--kafka', '0.0.0.0:9092'], /without TLS.*--insecure/],
  ])('refuses %j and does not touch the directory', (args, reason) => {
    const result = serve('--dir', dir, ...args);
    expect([1, 2]).toContain(result.status);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(reason);
    expect(existsSync(dir)).toBe(false);
  });

  it('with --check-config prints what it would do and opens nothing', () => {
    const result = serve('--check-config', '--dir', dir, '--flush', 'bytes=64kb', '-X', 'num.partitions=3');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toContain(`dir=${dir}\n`);
    expect(result.stdout).toContain('flush=bytes=65536\n');
    expect(result.stdout).toContain('num.partitions=3\n');
    expect(existsSync(dir)).toBe(false);
  });

  it('refuses a data directory that is a file', () => {
    mkdirSync(dir);
    const file = join(dir, 'file');
    writeSync(openSync(file, 'w'), 'x');
    const result = serve('--kafka', '127.0.0.1:0', '--dir', file);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toMatch(/^millrace: [^\n]+\n$/);
  });
});
