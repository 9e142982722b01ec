/** Promises about what tools are told of collections. */
import { expect, it } from 'vitest';
import { openOwn, openTheirs } from '../support/redis-servers.ts';
import { RespConnection } from '../support/resp-connection.ts';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));
const long = 'x'.repeat(65);

it('OBJECT ENCODING is that of redis-server for collections made anew', async () => {
  await using own = await openOwn('ring');
  await using theirs = await openTheirs();
  using left = await RespConnection.open(own.port);
  using right = await RespConnection.open(theirs.port);
  const made: [command: string, ...args: string[]][] = [
    ['SADD', ...numbers(512)],
    ['SADD', ...numbers(513)],
    ['SADD', '1', 'x'],
    ['ZADD', ...numbers(128).flatMap((one) => [one, one])],
    ['ZADD', ...numbers(129).flatMap((one) => [one, one])],
    ['ZADD', '1', long],
    ['ZADD', '1', 'x'.repeat(64)],
    ['HSET', ...numbers(512).flatMap((one) => [one, one])],
    ['HSET', ...numbers(513).flatMap((one) => [one, one])],
    ['HSET', 'f', long],
    ['RPUSH', 'a'],
  ];
  for (const [index, [command, ...args]] of made.entries()) {
    for (const side of [left, right]) await side.run(command, `key ${index}`, ...args);
    const encoding = await left.run('OBJECT', 'ENCODING', `key ${index}`);
    expect([command, args.length, encoding]).toEqual([
      command,
      args.length,
      await right.run('OBJECT', 'ENCODING', `key ${index}`),
    ]);
  }
});

it('OBJECT ENCODING follows the thresholds as they are changed, under both of their names', async () => {
  await using own = await openOwn('ring');
  await using theirs = await openTheirs();
  using left = await RespConnection.open(own.port);
  using right = await RespConnection.open(theirs.port);
  const commands: string[][] = [
    ['CONFIG', 'GET', 'hash-max-listpack-entries'],
    ['CONFIG', 'SET', 'hash-max-ziplist-entries', '2', 'zset-max-listpack-value', '5', 'set-max-intset-entries', '3'],
    ['CONFIG', 'GET', 'hash-max-listpack-entries'],
    ['HSET', 'h2', 'a', '1', 'b', '2'],
    ['HSET', 'h3', 'a', '1', 'b', '2', 'c', '3'],
    ['ZADD', 'z5', '1', '12345'],
    ['ZADD', 'z6', '1', '123456'],
    ['SADD', 's3', '1', '2', '3'],
    ['SADD', 's4', '1', '2', '3', '4'],
    ...['h2', 'h3', 'z5', 'z6', 's3', 's4'].map((key) => ['OBJECT', 'ENCODING', key]),
  ];
  for (const command of commands) {
    expect([command, await left.run(...command)]).toEqual([command, await right.run(...command)]);
  }
});

it('MEMORY USAGE of a collection grows with its members', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  for (const [command, size] of [
    ['SADD', 10],
    ['SADD', 1000],
    ['RPUSH', 10],
    ['RPUSH', 1000],
  ] as const) {
    await client.run(command, `${command} ${size}`, ...numbers(size).map((one) => one.padStart(20)));
  }
  for (const command of ['SADD', 'RPUSH']) {
    const few = Number(await client.run('MEMORY', 'USAGE', `${command} 10`));
    const many = Number(await client.run('MEMORY', 'USAGE', `${command} 1000`));
    expect(few).toBeGreaterThan(10 * 20);
    expect(many / few).toBeGreaterThan(50);
    expect(await client.run('MEMORY', 'USAGE', `${command} 1000`, 'SAMPLES', '0')).toBe(many);
  }
});
