/**
 * Promises: BITFIELD and BITOP leave the bytes, the replies and the keyspace events that redis-server 7 leaves, at the ends of
 * every width too; a command with an error in it changes nothing; an expiry stays where a string is changed in part.
 */
import { expect, it } from 'vitest';
import { type Random, seeded } from '../support/random.ts';
import { pick } from './support/random-arguments.ts';
import { openOwn, openTheirs } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';
import { replyValue } from './support/resp-reader.ts';

const ROUNDS = 40;
const COMMANDS = 50;
const keys = ['a', 'b', 'c', 'd'];

/** A width, and a number at or near one of its ends. */
function typeAndNumber(random: Random): [type: string, number: string] {
  const isSigned = random.between(0, 1) === 0;
  const bits = pick(random, [1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 62, 63, ...(isSigned ? [64] : [])]);
  const most = 2n ** BigInt(isSigned ? bits - 1 : bits) - 1n;
  const ends = [most, -most - 1n, 0n, 2n ** 63n - 1n, -(2n ** 63n), -1n, BigInt(random.between(0, 2 ** 31))];
  const number = BigInt.asIntN(64, pick(random, ends) + BigInt(random.between(-2, 2)));
  return [`${isSigned ? 'i' : 'u'}${bits}`, String(number)];
}

function operation(random: Random): string[] {
  const [type, number] = typeAndNumber(random);
  const place = random.between(0, 3) === 0 ? `#${random.between(0, 4)}` : String(random.between(0, 90));
  const overflow = pick(random, [[], ['OVERFLOW', pick(random, ['WRAP', 'SAT', 'FAIL'])]]);
  const kind = pick(random, ['GET', 'SET', 'INCRBY', 'INCRBY']);
  return [...overflow, kind, type, place, ...(kind === 'GET' ? [] : [number])];
}

function command(random: Random): string[] {
  const key = pick(random, keys);
  const operations = Array.from({ length: random.between(1, 4) }, () => operation(random)).flat();
  const join = pick(random, ['AND', 'OR', 'XOR']);
  return pick(random, [
    ['BITFIELD', key, ...operations],
    ['BITFIELD', key, ...operations],
    ['BITFIELD', key, ...operations],
    ['BITOP', join, pick(random, keys), ...Array.from({ length: random.between(1, 3) }, () => pick(random, keys))],
    ['BITOP', 'NOT', pick(random, keys), pick(random, keys)],
    ['SET', key, 'x'.repeat(random.between(0, 12))],
    ['DEL', key],
  ]);
}

/** Replies of `commands`, what the keys hold behind them, and the events they made. */
async function outcome(port: number, commands: readonly string[][]): Promise<unknown[]> {
  using client = await RespConnection.open(port);
  using listener = await RespConnection.open(port);
  expect(await client.run('CONFIG', 'SET', 'notify-keyspace-events', 'EA')).toBe('OK');
  await listener.run('PSUBSCRIBE', '__keyevent@0__:*');
  const all = [...commands, ...keys.map((key) => ['GET', key]), ['SET', 'the end', 'x']];
  client.send(Buffer.concat(all.map((args) => encode(args))));
  const replies = (await client.take(all.length)).map((reply) => reply.toString('latin1'));
  const events: string[] = [];
  for (;;) {
    const [, , channel, key] = replyValue((await listener.take(1))[0] as Buffer) as string[];
    if (key === 'the end') return [...replies, events];
    events.push(`${channel} ${key}`);
  }
}

it('random fields and bit operations are what they are in redis-server', async () => {
  await seeded('random fields', async (random) => {
    await using own = await openOwn('ring');
    await using theirs = await openTheirs();
    for (let round = 0; round < ROUNDS; round += 1) {
      const commands = Array.from({ length: COMMANDS }, () => command(random));
      const [ours, expected] = await Promise.all([outcome(own.port, commands), outcome(theirs.port, commands)]);
      const wrong = ours.findIndex((one, index) => JSON.stringify(one) !== JSON.stringify(expected[index]));
      expect({ command: commands[wrong], ours: ours[wrong] }).toEqual({
        command: commands[wrong],
        ours: expected[wrong],
      });
    }
  });
}, 60_000);

it('a counter of few bits stays at its end, fails there, or comes round, as it was asked to', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  const add = (overflow: string) => client.run('BITFIELD', 'hits', 'OVERFLOW', overflow, 'INCRBY', 'u2', '100', '1');
  expect([await add('SAT'), await add('SAT'), await add('SAT'), await add('SAT')]).toEqual([[1], [2], [3], [3]]);
  expect(await add('FAIL')).toEqual([null]);
  expect(await add('WRAP')).toEqual([0]);
});

it('a command with an error in it changes nothing, and a part that is changed keeps the expiry of the string', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  await client.run('SET', 'a', 'abc', 'EX', '1000');
  expect(await client.run('BITFIELD', 'a', 'SET', 'u8', '0', '65', 'SET', 'u64', '0', '1')).toMatchObject({
    error: expect.stringContaining('Invalid bitfield type'),
  });
  expect(await client.run('GET', 'a')).toBe('abc');
  expect(await client.run('BITFIELD', 'a', 'SET', 'u8', '#1', '66')).toEqual([98]);
  expect(await client.run('GET', 'a')).toBe('aBc');
  expect(await client.run('TTL', 'a')).toBeGreaterThan(990);
  expect(await client.run('BITOP', 'OR', 'a', 'a')).toBe(3);
  expect(await client.run('TTL', 'a')).toBe(-1);
});

it('the read-only form reads and writes nothing', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  await client.run('SET', 'a', 'a');
  expect(await client.run('BITFIELD_RO', 'a', 'GET', 'u8', '0', 'GET', 'i8', '#9')).toEqual([97, 0]);
  expect(await client.run('BITFIELD_RO', 'a', 'SET', 'u8', '0', '1')).toMatchObject({
    error: 'ERR BITFIELD_RO only supports the GET subcommand',
  });
  expect(await client.run('EXISTS', 'b')).toBe(0);
});
