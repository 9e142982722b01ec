/**
 * Promises of DUMP and RESTORE: what one of the two servers dumps the other restores as it was, and bytes that are no
 * payload, however their checksum fits, are refused and change nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc64 } from '../../ts/redis/dump/crc64.ts';
import { Random, seeded } from '../support/random.ts';
import { type OwnServer, openOwn, openTheirs } from './support/redis-servers.ts';
import { RespConnection } from './support/resp-connection.ts';
import type { Value } from './support/resp-reader.ts';

const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => String(index + from));
const long = 'long '.repeat(100);
const integers = ['0', '127', '128', '-128', '4095', '-4096', '32767', '-32768', '8388607', '2147483647'];
const wide = [...integers, '-2147483648', '9223372036854775807', '-9223372036854775808', 'x'.repeat(5000)];

/** One key of each layout that redis-server 7 has for it. */
const made: [key: string, command: string, ...args: string[]][] = [
  ['empty', 'SET', ''],
  ['bytes', 'SET', '\0\xff\r\n'],
  ['compressed', 'SET', long],
  ['more', 'SET', 'abc'.repeat(9000)],
  ...integers.map((one): [string, string, string] => [`integer ${one}`, 'SET', one]),
  ['short list', 'RPUSH', ...wide],
  ['long list', 'RPUSH', ...numbers(3000), long],
  ['list of a large one', 'RPUSH', 'a', 'y'.repeat(20_000), 'b'],
  ['integers', 'SADD', ...numbers(100, -50)],
  ['wide integers', 'SADD', '1', '-9223372036854775808', '9223372036854775807'],
  ['set', 'SADD', ...numbers(600), 'x', ''],
  ['short hash', 'HSET', ...wide.flatMap((one) => [`f${one}`.slice(0, 60), one.slice(0, 60)])],
  ['long hash', 'HSET', ...numbers(600).flatMap((one) => [one, long])],
  ['short sorted set', 'ZADD', '1', 'a', '-1.5', 'b', 'inf', 'c', '-inf', 'd', '0.1', 'e'],
  ['long sorted set', 'ZADD', ...numbers(200).flatMap((one) => [`${one}.25`, `m${one}`])],
];

const contents: Readonly<Record<string, readonly string[]>> = {
  string: ['GET', ''],
  list: ['LRANGE', '', '0', '-1'],
  set: ['SMEMBERS', ''],
  hash: ['HGETALL', ''],
  zset: ['ZRANGE', '', '0', '-1', 'WITHSCORES'],
};

async function content(client: RespConnection, key: string): Promise<Value> {
  const type = String(await client.run('TYPE', key));
  const asked = (contents[type] ?? ['TYPE', '']).map((word) => (word === '' ? key : word));
  const value = await client.run(...asked);
  if (!Array.isArray(value) || (type !== 'set' && type !== 'hash')) return [type, value];
  const size = type === 'hash' ? 2 : 1;
  const pairs = Array.from({ length: value.length / size }, (_, at) =>
    JSON.stringify(value.slice(at * size, at * size + size)),
  );
  return [type, pairs.sort()];
}

/** What a key is dumped as; the text has a character a byte. */
async function payloadOf(client: RespConnection, key: string): Promise<Buffer> {
  return Buffer.from(String(await client.run('DUMP', key)), 'latin1');
}

function sealed(body: Buffer): Buffer {
  const checked = Buffer.concat([body, Buffer.from([10, 0])]);
  return Buffer.concat([checked, crc64(checked)]);
}

it('the checksum is that of Redis', () => {
  expect(crc64(Buffer.from('123456789')).readBigUInt64LE(0)).toBe(0xe9c6d914c4b8d9can);
});

describe('DUMP and RESTORE', () => {
  let own: OwnServer;
  let theirs: Awaited<ReturnType<typeof openTheirs>>;
  let left: RespConnection;
  let right: RespConnection;
  beforeAll(async () => {
    own = await openOwn('ring');
    theirs = await openTheirs();
    left = await RespConnection.open(own.port);
    right = await RespConnection.open(theirs.port);
    for (const [key, command, ...args] of made) {
      for (const side of [left, right]) await side.run(command, key, ...args);
    }
  }, 60_000);
  afterAll(async () => {
    for (const side of [left, right]) side[Symbol.dispose]();
    await own[Symbol.asyncDispose]();
    await theirs[Symbol.asyncDispose]();
  }, 60_000);

  it.each(['here to redis-server', 'redis-server to here', 'here to here'])('from %s keeps every type', async (way) => {
    const from = way.startsWith('here') ? left : right;
    const to = way.endsWith('here') ? left : right;
    for (const [key] of made) {
      const copy = `${way}: ${key}`;
      expect(await to.run('RESTORE', copy, '0', await payloadOf(from, key)), copy).toBe('OK');
      expect(await content(to, copy), copy).toEqual(await content(from, key));
      expect(await to.run('PTTL', copy)).toBe(-1);
    }
  });

  it('an expiry is relative or absolute, one that is over removes what was there', async () => {
    const payload = await payloadOf(left, 'short hash');
    for (const side of [left, right]) {
      expect(await side.run('RESTORE', 'expiring', '1000000', payload)).toBe('OK');
      expect(Number(await side.run('PTTL', 'expiring'))).toBeGreaterThan(0);
      expect(await side.run('RESTORE', 'expiring', '4000000000000', payload)).toHaveProperty('error');
      expect(await side.run('RESTORE', 'expiring', '4000000000000', payload, 'REPLACE', 'ABSTTL')).toBe('OK');
      expect(await side.run('PEXPIRETIME', 'expiring')).toBe(4_000_000_000_000);
      expect(await side.run('RESTORE', 'expiring', '1', payload, 'ABSTTL', 'REPLACE')).toBe('OK');
      expect(await side.run('EXISTS', 'expiring')).toBe(0);
    }
  });

  it('a flipped byte anywhere is refused', async () => {
    const payload = await payloadOf(left, 'short sorted set');
    for (let at = 0; at < payload.length; at += 1) {
      const flipped = Buffer.from(payload);
      flipped[at] = (flipped[at] as number) ^ 0x10;
      expect(await left.run('RESTORE', 'flipped', '0', flipped)).toEqual({
        error: 'ERR DUMP payload version or checksum are wrong',
      });
    }
    expect(await left.run('EXISTS', 'flipped')).toBe(0);
  });

  it('bytes with a checksum that fits are a value or bad, and never more', async () => {
    await seeded('hostile payloads', async (seed) => {
      const random = new Random(seed.between(0, 2 ** 30));
      const bodies = await Promise.all(made.map(async ([key]) => (await payloadOf(right, key)).subarray(0, -10)));
      const small = bodies.filter((body) => body.length < 500);
      for (let round = 0; round < 600; round += 1) {
        const body = Buffer.from(small[random.between(0, small.length - 1)] as Buffer);
        for (let flips = random.between(1, 4); flips > 0; flips -= 1) {
          body[random.between(0, body.length - 1)] = random.between(0, 255);
        }
        const cut = random.between(0, 3) === 0 ? body.subarray(0, random.between(0, body.length)) : body;
        const reply = await left.run('RESTORE', 'hostile', '0', sealed(cut), 'REPLACE');
        if (reply !== 'OK') expect(reply).toEqual({ error: 'ERR Bad data format' });
        else expect((await content(left, 'hostile')) as Value[]).toHaveLength(2);
      }
    });
  });

  it.each([
    ['a count of 2^32 strings', [1, 0x80, 0xff, 0xff, 0xff, 0xff, 1, 65]],
    ['a string of 2^60 bytes', [0, 0x81, 0x10, 0, 0, 0, 0, 0, 0, 0, 65]],
    ['a compressed string of 256 MiB', [0, 0xc3, 3, 0x80, 0x10, 0, 0, 0, 1, 65, 65]],
    ['an empty list', [1, 0]],
    ['a member twice', [2, 2, 1, 65, 1, 65]],
    ['a score that is no number', [5, 1, 1, 65, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]],
    ['a stream', [15, 1, 1, 65]],
    ['more behind the value', [0, 1, 65, 66]],
  ])('%s is refused', async (_name, bytes) => {
    expect(await left.run('RESTORE', 'bad', '0', sealed(Buffer.from(bytes)))).toEqual({ error: 'ERR Bad data format' });
    expect(await left.run('EXISTS', 'bad')).toBe(0);
  });
});
