/** What a Kafka client reads of keys that Redis clients write: every SET and DEL of a database with a feed, in order. */

import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openKv } from '../../ts/kv/index.ts';
import { serve } from '../../ts/serve.ts';
import { scratch } from '../support/scratch.ts';
import { RespConnection } from './support/resp-connection.ts';

async function watched(args: readonly string[]): Promise<string> {
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const stdin = new PassThrough();
  stdin.end();
  await runCommandLine(['kv', 'watch', ...args], { stdin, stdout, stderr: new PassThrough().resume() });
  return out;
}

test.each(['node', 'ring'] as const)(
  'keys written by Redis clients are a topic for Kafka clients (%s)',
  async (sockets) => {
    using place = scratch('redis-feed');
    const dir = `${place.path}/data`;
    const kv = await openKv(dir, { store: 'redis-0' });
    await kv.setFeed('redis-0', 'keys');
    await kv.close();
    const server = await serve({ dir, kafka: { port: 0, sockets }, redis: { port: 0 } });
    try {
      using client = await RespConnection.open(server.redis?.port ?? 0);
      // Plain SETs in a pipeline are what goes a shorter way when nobody has to hear of them.
      for (let index = 0; index < 50; index += 1) expect(await client.run('SET', `k${index}`, 'v')).toBe('OK');
      expect(await client.run('MSET', 'a', '1', 'b', '2')).toBe('OK');
      expect(await client.run('DEL', 'a')).toBe(1);
      expect(await client.run('FLUSHDB')).toBe('OK');
      const brokers = `127.0.0.1:${server.kafka.port}`;
      const lines = (await watched(['--topic', 'keys', '--brokers', brokers, '-n', '54'])).trimEnd().split('\n');
      expect(lines.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, index) => `put\tk${index}\tv`));
      expect(lines.slice(50)).toEqual(['put\ta\t1', 'put\tb\t2', 'del\ta', 'clear']);
    } finally {
      await server.close();
    }
  },
);
