/**
 * Simple commands that are run where they arrive: nobody can tell by what he is answered, told or counted. Whatever has
 * anybody to tell of a command, or to refuse it, closes that way for as long as it is there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from '../../ts/testing/index.ts';
import { type Random, seeded } from '../support/random.ts';
import { pick, value } from './support/random-arguments.ts';
import { type OwnServer, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

/** Commands that were run where they arrived, by now. */
const ran = ({ ring }: OwnServer): number => ring?.counters().ran ?? Number.NaN;

/** A connection whose next simple command is run where it arrives. */
async function armed(own: OwnServer): Promise<RespConnection> {
  const client = await RespConnection.open(own.port);
  await client.run('PING');
  const before = ran(own);
  await client.run('GET', 'nobody');
  expect(ran(own), 'a plain GET is run where it arrives').toBe(before + 1);
  return client;
}

const keys = ['a', 'b', 'c', 'hash', 'list'];

function command(random: Random): string[] {
  const key = pick(random, keys);
  return pick(random, [
    ['GET', key],
    ['SET', key, value(random)],
    ['SET', key, value(random)],
    ['INCR', key],
    ['DEL', key],
    ['EXISTS', key],
    ['MGET', ...keys],
    ['EXPIRE', key, '1000'],
    ['SETEX', key, '1000', value(random)],
    ['HSET', 'hash', 'f', value(random)],
    ['HGET', key, 'f'],
    // Not simple, in between.
    ['APPEND', key, 'x'],
    ['RPUSH', 'list', 'x'],
    ['SET', key, value(random), 'NX'],
    ['PERSIST', key],
    ['SELECT', pick(random, ['0', '0', '3'])],
    ['HELLO', pick(random, ['2', '3'])],
    ['NOSUCH', key],
    ['GET'],
    ['MULTI'],
    ['EXEC'],
    ['EXEC'],
    ['EXEC'],
  ]);
}

/** Replies to the same commands in the same pieces; HELLO tells of the connection itself. */
async function replies(port: number, pieces: readonly Buffer[], counts: readonly number[]): Promise<string[]> {
  using client = await RespConnection.open(port);
  await client.run('PING');
  const all: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    client.send(piece);
    all.push(...(await client.take(counts[index] as number)).map((reply) => reply.toString('latin1')));
  }
  return all.filter((reply) => !reply.includes('server'));
}

it('random commands are answered the same where they arrive and on the way of all commands', async () => {
  await seeded('random commands are answered the same', async (random) => {
    let count = 0;
    for (let round = 0; round < 12; round += 1) {
      const batches = Array.from({ length: 40 }, () =>
        Array.from({ length: random.between(1, 6) }, () => command(random)),
      );
      const pieces = batches.map((batch) => Buffer.concat(batch.map(encode)));
      const counts = batches.map((batch) => batch.length);
      await using short = await openOwn('ring');
      await using long = await openOwn('ring', { settings: { 'slowlog-log-slower-than': '0' } });
      const answers = await replies(short.port, pieces, counts);
      expect(answers).toEqual(await replies(long.port, pieces, counts));
      expect(ran(long)).toBe(0);
      count += ran(short);
    }
    expect(count).toBeGreaterThan(100);
  });
}, 60_000);

it('a command that comes in two pieces, or behind one that is not simple, is answered in its place', async () => {
  await using own = await openOwn('ring');
  using client = await armed(own);
  const bytes = Buffer.concat([
    encode(['SET', 'a', '1']),
    encode(['APPEND', 'a', '2']),
    encode(['GET', 'a']),
    encode(['SET', 'b', 'x'.repeat(100)]),
    encode(['STRLEN', 'b']),
  ]);
  for (let cut = 1; cut < bytes.length; cut += 7) {
    client.send(bytes.subarray(0, cut));
    await sleep(1);
    client.send(bytes.subarray(cut));
    const answers = (await client.take(5)).map(String);
    expect(answers, `cut at ${cut}`).toEqual(['+OK\r\n', ':2\r\n', '$2\r\n12\r\n', '+OK\r\n', ':100\r\n']);
  }
});

describe('who has to be told of a command hears of it', () => {
  it('WATCH: a transaction is given up when another connection has set its key', async () => {
    await using own = await openOwn('ring');
    using writer = await armed(own);
    using watcher = await RespConnection.open(own.port);
    await watcher.run('WATCH', 'k');
    expect(await writer.run('SET', 'k', '1')).toBe('OK');
    await watcher.run('MULTI');
    await watcher.run('SET', 'k', '2');
    expect(await watcher.run('EXEC')).toBe(null);
    expect(await writer.run('GET', 'k')).toBe('1');
  });

  it('client-side caches, keyspace events, monitors and the slow log', async () => {
    await using own = await openOwn('ring');
    using writer = await armed(own);
    using cache = await RespConnection.open(own.port);
    await cache.run('HELLO', '3');
    await cache.run('CLIENT', 'TRACKING', 'ON');
    await cache.run('GET', 'k');
    await writer.run('SET', 'k', '1');
    await expect.poll(() => cache.takeAll()).toEqual([['invalidate', ['k']]]);
    await cache.run('CLIENT', 'TRACKING', 'OFF');

    await cache.run('CONFIG', 'SET', 'notify-keyspace-events', 'KEA');
    await cache.run('SUBSCRIBE', '__keyspace@0__:k');
    await writer.run('SET', 'k', '2');
    await expect.poll(() => cache.takeAll()).toEqual([['message', '__keyspace@0__:k', 'set']]);
    await cache.run('CONFIG', 'SET', 'notify-keyspace-events', '');

    using monitor = await RespConnection.open(own.port);
    await monitor.run('MONITOR');
    await writer.run('SET', 'k', '3');
    await expect.poll(() => String(monitor.takeAll())).toContain('"SET" "k" "3"');
    monitor[Symbol.dispose]();

    await cache.run('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    await writer.run('SET', 'k', '4');
    expect(JSON.stringify(await cache.run('SLOWLOG', 'GET'))).toContain('["SET","k","4"]');
    await cache.run('CONFIG', 'SET', 'slowlog-log-slower-than', '10000');

    const before = ran(own);
    await writer.run('SET', 'k', '5');
    await writer.run('SET', 'k', '6');
    expect(ran(own), 'and the short way is open again').toBeGreaterThan(before);
  });

  it('who is blocked on a key that somebody else fills, and who follows a store', async () => {
    await using own = await openOwn('ring');
    using writer = await armed(own);
    using waiter = await RespConnection.open(own.port);
    waiter.send(encode(['BLPOP', 'l', '0']));
    await sleep(20);
    await writer.run('SET', 'other', '1');
    await writer.run('RPUSH', 'l', 'x');
    expect(String(await waiter.take(1))).toContain('x');
  });

  it('maxmemory refuses writes, and lets them in again', async () => {
    await using own = await openOwn('ring');
    using writer = await armed(own);
    using admin = await RespConnection.open(own.port);
    for (let number = 0; number < 20; number += 1) await writer.run('SET', `k${number}`, 'x'.repeat(1000));
    await admin.run('CONFIG', 'SET', 'maxmemory', '5000');
    expect(await writer.run('SET', 'more', 'x')).toMatchObject({ error: expect.stringMatching(/^OOM/) });
    await admin.run('CONFIG', 'SET', 'maxmemory', '0');
    expect(await writer.run('SET', 'more', 'x')).toBe('OK');
  });
});

describe('a reply is as safe as appendfsync says', () => {
  it('always: neither a SET nor a GET that saw it is answered while the disk stands still', async () => {
    using disk = new SimulatedDisk(3);
    await using own = await openOwn('ring', { disk, appendFsync: 'always' });
    using writer = await armed(own);
    using reader = await armed(own);
    const { statistics } = own.server.core;
    const before = statistics.commands;
    disk.hold();
    try {
      writer.send(encode(['SET', 'k', 'new']));
      await expect.poll(() => statistics.commands).toBe(before + 1);
      reader.send(encode(['GET', 'k']));
      await expect.poll(() => statistics.commands).toBe(before + 2);
      await sleep(100);
      expect([writer.takeAll(), reader.takeAll()]).toEqual([[], []]);
    } finally {
      disk.release();
    }
    const late = [await writer.take(1), await reader.take(1)];
    expect(late.map(String)).toEqual(['+OK\r\n', '$3\r\nnew\r\n']);
  });

  it('a flush that fails closes who waits for it without a reply, and writes are refused from then on', async () => {
    using disk = new SimulatedDisk(4);
    await using own = await openOwn('ring', { disk, appendFsync: 'always' });
    using writer = await armed(own);
    const before = ran(own);
    disk.failFlushes();
    disk.failWrites();
    writer.send(encode(['SET', 'k', 'lost']));
    await expect.poll(() => writer.isClosed).toBe(true);
    expect([writer.takeAll(), ran(own)]).toEqual([[], before + 1]);
    using other = await RespConnection.open(own.port);
    expect(await other.run('SET', 'k', 'x')).toMatchObject({ error: expect.stringMatching(/^MISCONF/) });
  });
});

it('what was run there is counted, by command, by hit and miss, in bytes, and in the list of clients', async () => {
  await using own = await openOwn('ring');
  using client = await armed(own);
  using admin = await RespConnection.open(own.port);
  await admin.run('CONFIG', 'RESETSTAT');
  for (let number = 0; number < 10; number += 1) await client.run('SET', 'k', String(number));
  await client.run('GET', 'k');
  await client.run('GET', 'none');
  const info = String(await admin.run('INFO', 'stats'));
  expect(own.server.core.counters()).toMatchObject({ 'calls.set': 10, 'calls.get': 2 });
  expect(info).toContain('keyspace_hits:1\r\n');
  expect(info).toContain('keyspace_misses:1\r\n');
  expect(Number(/total_net_output_bytes:(\d+)/.exec(info)?.[1])).toBeGreaterThan(60);
  expect(String(await admin.run('CLIENT', 'LIST'))).toMatch(/omem=0 [^\n]*cmd=get/);
});

it('a client that reads nothing is not served without end, is closed in time, and nobody else notices', async () => {
  await using own = await openOwn('ring', { limits: { unsentMs: 300, sweepMs: 50 } });
  using neighbour = await armed(own);
  await neighbour.run('SET', 'large', 'x'.repeat(16_000));
  using greedy = await armed(own);
  greedy.pause();
  for (let number = 0; number < 1000 && !greedy.isClosed; number += 1) {
    greedy.send(encode(['GET', 'large']));
    if (number % 10 === 0) {
      expect(await neighbour.run('GET', 'nobody')).toBe(null);
      expect(own.ring?.counters().connections).toBeGreaterThan(0);
    }
  }
  const held = [...own.server.core.clients.values()].reduce((most, client) => Math.max(most, client.unsent), 0);
  expect(held).toBeLessThan(4 * 1024 * 1024);
  await expect.poll(() => own.server.core.clients.size, { timeout: 5000 }).toBe(1);
  expect(await neighbour.run('EXISTS', 'large')).toBe(1);
}, 30_000);

it('connections that come and go while commands are on their way leave nothing behind', async () => {
  await using own = await openOwn('ring', { appendFsync: 'always' });
  for (let round = 0; round < 30; round += 1) {
    const clients = await Promise.all(Array.from({ length: 8 }, () => RespConnection.open(own.port)));
    await Promise.all(clients.map((client) => client.run('PING')));
    for (const [index, client] of clients.entries()) {
      client.send(encode(['SET', `k${index}`, String(round)]));
      if (index % 2 === 0) client[Symbol.dispose]();
    }
    await Promise.all(clients.filter((_, index) => index % 2 === 1).map((client) => client.take(1)));
    for (const client of clients) client[Symbol.dispose]();
  }
  await expect.poll(() => own.server.core.clients.size).toBe(0);
  await expect.poll(() => own.ring?.counters().slotsHeld).toBe(0);
});
