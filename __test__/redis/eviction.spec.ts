/** `maxmemory`: what is refused, what goes, and in which order, by the policies of Redis 7. */
import { describe, expect, it } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { openOwn, openTheirs } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';
import { replyValue, type Value } from './support/resp-reader.ts';

const OUT = { error: "OOM command not allowed when used memory > 'maxmemory'." };
const VALUE = 'v'.repeat(1000);

async function runAll(client: RespConnection, commands: readonly string[][]): Promise<Value[]> {
  const replies: Value[] = [];
  for (let from = 0; from < commands.length; from += 100) {
    const packet = commands.slice(from, from + 100);
    client.send(Buffer.concat(packet.map((args) => encode(args))));
    replies.push(...(await client.take(packet.length)).map(replyValue));
  }
  return replies;
}

/** A field of INFO. */
async function info(client: RespConnection, name: string): Promise<string> {
  const line = String(await client.run('INFO'))
    .split('\r\n')
    .find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1) ?? '';
}

const sets = (count: number, prefix: string): string[][] =>
  Array.from({ length: count }, (_, index) => ['SET', `${prefix}:${index}`, VALUE]);

async function present(client: RespConnection, keys: readonly string[]): Promise<number> {
  const found = await runAll(
    client,
    keys.map((key) => ['TYPE', key]),
  );
  return found.filter((type) => type !== 'none').length;
}

it('without a policy writes are refused in Redis words, reads and deletions go on', async () => {
  await using own = await openOwn('ring', { settings: { maxmemory: '200kb' } });
  await using theirs = await openTheirs();
  using client = await RespConnection.open(own.port);
  using other = await RespConnection.open(theirs.port);
  const replies = await runAll(client, sets(300, 'key'));
  const taken = replies.filter((reply) => reply === 'OK').length;
  expect(taken).toBeGreaterThan(100);
  expect(taken).toBeLessThan(300);
  expect(replies.at(-1)).toEqual(OUT);
  expect(await client.run('GET', 'key:0')).toBe(VALUE);
  await other.run('SET', 'key:0', VALUE);
  await other.run('CONFIG', 'SET', 'maxmemory', '1');
  for (const command of [
    ['SET', 'x', '1'],
    ['LPUSH', 'l', 'x'],
    ['DEL', 'none'],
    ['GET', 'none'],
    ['EXPIRE', 'none', '1'],
  ]) {
    expect([command, await client.run(...command)]).toEqual([command, await other.run(...command)]);
  }
  for (const side of [client, other]) await side.run('MULTI');
  expect(await client.run('SET', 'x', '1')).toEqual(await other.run('SET', 'x', '1'));
  expect(await client.run('EXEC')).toEqual(await other.run('EXEC'));
  expect(await client.run('DEL', ...Array.from({ length: 50 }, (_, index) => `key:${index}`))).toBe(50);
  expect(await client.run('SET', 'x', '1')).toBe('OK');
  expect(Number(await info(client, 'evicted_keys'))).toBe(0);
});

describe.each([
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
])('%s', (policy) => {
  it('keeps what is stored below the limit, and only keys that may go go', async () => {
    await using own = await openOwn('ring', { settings: { maxmemory: '250kb', 'maxmemory-policy': policy } });
    using client = await RespConnection.open(own.port);
    const isVolatile = policy.startsWith('volatile');
    await runAll(client, sets(50, 'kept'));
    const rest = Array.from({ length: 450 }, (_, index) => ['SET', `goes:${index}`, VALUE, 'EX', String(1000 + index)]);
    expect(new Set(await runAll(client, rest))).toEqual(new Set(['OK']));
    const evicted = Number(await info(client, 'evicted_keys'));
    expect(evicted).toBeGreaterThan(200);
    expect(await client.run('DBSIZE')).toBe(500 - evicted);
    expect(Number(await info(client, 'used_memory'))).toBeLessThan(300 * 1024);
    if (isVolatile) {
      expect(
        await present(
          client,
          Array.from({ length: 50 }, (_, index) => `kept:${index}`),
        ),
      ).toBe(50);
    }
  });
});

it('of keys without an expiry none goes by a volatile policy: then writes are refused', async () => {
  await using own = await openOwn('ring', { settings: { maxmemory: '200kb', 'maxmemory-policy': 'volatile-lru' } });
  using client = await RespConnection.open(own.port);
  const replies = await runAll(client, sets(300, 'key'));
  expect(replies.at(-1)).toEqual(OUT);
  expect(Number(await info(client, 'evicted_keys'))).toBe(0);
});

it('volatile-ttl takes what expires soonest', async () => {
  await using own = await openOwn('ring', { settings: { maxmemory: '500kb', 'maxmemory-policy': 'volatile-ttl' } });
  using client = await RespConnection.open(own.port);
  const commands = Array.from({ length: 800 }, (_, index) => {
    return ['SET', `key:${index}`, VALUE, 'EX', index % 2 === 0 ? '1000' : '100000'];
  });
  await runAll(client, commands);
  const late = await present(
    client,
    commands.filter((_, index) => index % 2 === 1).map((args) => args[1] as string),
  );
  const soon = await present(
    client,
    commands.filter((_, index) => index % 2 === 0).map((args) => args[1] as string),
  );
  // By chance both would be about the same.
  expect(late).toBeGreaterThan(3 * soon);
});

it.each([
  ['allkeys-lru', 1],
  ['allkeys-lfu', 30],
])('%s spares what is used', async (policy, uses) => {
  await using own = await openOwn('ring', { settings: { maxmemory: '500kb', 'maxmemory-policy': policy } });
  using client = await RespConnection.open(own.port);
  await runAll(client, [...sets(200, 'used'), ...sets(200, 'unused')]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const gets = Array.from({ length: 200 }, (_, index) => ['GET', `used:${index}`]);
  for (let round = 0; round < uses; round += 1) await runAll(client, gets);
  await runAll(client, sets(200, 'new'));
  const used = await present(
    client,
    gets.map((args) => args[1] as string),
  );
  const unused = await present(
    client,
    Array.from({ length: 200 }, (_, index) => `unused:${index}`),
  );
  expect(used).toBeGreaterThan(unused + 30);
});

it('collections go whole, their members too, and others may be told', async () => {
  await using own = await openOwn('ring', {
    settings: { maxmemory: '400kb', 'maxmemory-policy': 'allkeys-random', 'notify-keyspace-events': 'Ee' },
  });
  using client = await RespConnection.open(own.port);
  using listener = await RespConnection.open(own.port);
  using watcher = await RespConnection.open(own.port);
  await listener.run('SUBSCRIBE', '__keyevent@0__:evicted');
  const members = (index: number): string[] =>
    Array.from({ length: 50 }, (_, at) => `${index}:${at}:${'m'.repeat(40)}`);
  await client.run('SADD', 'set:0', ...members(0));
  await watcher.run('WATCH', ...Array.from({ length: 60 }, (_, index) => `set:${index}`));
  for (let index = 1; index < 300; index += 1)
    expect(await client.run('SADD', `set:${index}`, ...members(index))).toBe(50);
  // Reads make room too, until members of what has gone are gone and all is below the limit.
  const { core } = own.server;
  const isQuiet = async (): Promise<boolean> => {
    await client.run('PING');
    return !core.isPurging && core.eviction.used().used < 400 * 1024;
  };
  await expect.poll(isQuiet, { timeout: 30_000 }).toBe(true);
  const evicted = Number(await info(client, 'evicted_keys'));
  expect(evicted).toBeGreaterThan(100);
  expect(await client.run('DBSIZE')).toBe(300 - evicted);
  await expect
    .poll(() => Number(own.server.core.databases[0]?.members.store.count()), { timeout: 30_000 })
    .toBe((300 - evicted) * 50);
  const told: Value[] = [];
  await expect.poll(() => told.push(...listener.takeAll()), { timeout: 30_000 }).toBe(evicted);
  expect(told[0]).toMatchObject(['message', '__keyevent@0__:evicted', expect.stringMatching(/^set:/)]);
  await watcher.run('MULTI');
  await watcher.run('PING');
  expect(await watcher.run('EXEC')).toBe(null);
});

it('what was evicted stays away after a restart', async () => {
  using place = scratch('redis-eviction');
  const dir = `${place.path}/data`;
  const settings = { maxmemory: '200kb', 'maxmemory-policy': 'allkeys-random' };
  let left: Value = [];
  {
    await using own = await openOwn('ring', { dir, settings, appendFsync: 'always' });
    using client = await RespConnection.open(own.port);
    await runAll(client, sets(500, 'key'));
    left = ((await client.run('KEYS', '*')) as string[]).toSorted();
    expect(left.length).toBeLessThan(300);
  }
  await using own = await openOwn('ring', { dir, settings });
  using client = await RespConnection.open(own.port);
  expect(((await client.run('KEYS', '*')) as string[]).toSorted()).toEqual(left);
});

it('the limit and the policy are changed while running, and OBJECT tells what is recorded', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  await runAll(client, sets(300, 'key'));
  expect(await client.run('OBJECT', 'IDLETIME', 'key:0')).toBe(0);
  expect(await client.run('OBJECT', 'FREQ', 'key:0')).toMatchObject({
    error: expect.stringMatching(/^ERR An LFU maxmemory/),
  });
  expect(await client.run('CONFIG', 'SET', 'maxmemory', '100kb')).toBe('OK');
  expect(await client.run('SET', 'x', '1')).toEqual(OUT);
  expect(await client.run('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu')).toBe('OK');
  expect(await client.run('SET', 'x', '1')).toBe('OK');
  expect(Number(await info(client, 'used_memory'))).toBeLessThan(101 * 1024);
  expect(await info(client, 'maxmemory_policy')).toBe('allkeys-lfu');
  const before = (await client.run('OBJECT', 'FREQ', 'x')) as number;
  for (let use = 0; use < 60; use += 1) await client.run('GET', 'x');
  expect(await client.run('OBJECT', 'FREQ', 'x')).toBeGreaterThan(before);
  expect(await client.run('OBJECT', 'IDLETIME', 'x')).toMatchObject({
    error: expect.stringMatching(/^ERR An LFU maxmemory/),
  });
  expect(await client.run('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-something')).toMatchObject({
    error: expect.stringContaining('CONFIG SET failed'),
  });
  expect(await client.run('CONFIG', 'SET', 'maxmemory', '0')).toBe('OK');
  expect((await runAll(client, sets(500, 'more'))).every((reply) => reply === 'OK')).toBe(true);
});
