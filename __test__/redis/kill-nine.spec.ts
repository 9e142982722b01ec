/**
 * Promise: kill -9 of the server under load loses nothing that was acknowledged, under any `appendfsync`, and a
 * transaction is there whole or not at all.
 */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { commandLine, freePort } from '../support/server.ts';
import { encode, RespConnection } from './support/resp-connection.ts';
import { replyValue } from './support/resp-reader.ts';

/** Starts the built server, and answers how to kill it. */
async function start(dir: string, flush: string, redis: number): Promise<() => Promise<void>> {
  const kafka = await freePort();
  const args = ['serve', '--dir', dir, '--flush', flush, '--kafka', `127.0.0.1:${kafka}`, '--format', 'json'];
  const child = spawn(process.execPath, [commandLine, ...args, '--redis', `127.0.0.1:${redis}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let printed = '';
  child.stderr.on('data', (chunk) => {
    printed += String(chunk);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
    child.stdout.on('data', () => resolve());
  });
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}

/** Writes until the server dies; answers how many writes were acknowledged, always a prefix. */
async function write(client: RespConnection, name: string): Promise<number> {
  let acknowledged = 0;
  try {
    for (let next = 0; ; next += 10) {
      const batch = Array.from({ length: 10 }, (_, index) =>
        encode(['SET', `${name}:${next + index}`, `v${next + index}`]),
      );
      const transaction = ['MULTI', `INCR ${name}:left`, `INCR ${name}:right`, 'EXEC'].map((line) =>
        encode(line.split(' ')),
      );
      client.send(Buffer.concat([...batch, ...transaction]));
      for (const reply of (await client.take(14)).slice(0, 10)) {
        if (replyValue(reply) !== 'OK') throw new Error(String(reply));
        acknowledged += 1;
      }
    }
  } catch {
    return acknowledged;
  }
}

describe('kill -9 under load', () => {
  it.each(['always', 'interval=1s', 'os'])(
    'loses no acknowledged SET and halves no transaction, --flush %s',
    async (flush) => {
      using place = scratch('redis-kill');
      const dir = `${place.path}/data`;
      const port = await freePort();
      const kill = await start(dir, flush, port);
      const clients = await Promise.all(Array.from({ length: 4 }, () => RespConnection.open(port)));
      const writing = Promise.all(clients.map((client, index) => write(client, `c${index}`)));
      await new Promise((resolve) => setTimeout(resolve, 700));
      await kill();
      const acknowledged = await writing;
      expect(Math.min(...acknowledged)).toBeGreaterThan(0);
      const end = await start(dir, flush, port);
      try {
        using client = await RespConnection.open(port);
        for (const [index, count] of acknowledged.entries()) {
          const keys = Array.from({ length: count }, (_, next) => `c${index}:${next}`);
          const values = (await client.run('MGET', ...keys)) as string[];
          expect(values.findIndex((value, next) => value !== `v${next}`)).toBe(-1);
          const [left, right] = (await client.run('MGET', `c${index}:left`, `c${index}:right`)) as string[];
          expect(left).toBe(right);
        }
      } finally {
        await end();
      }
    },
    60_000,
  );
});
