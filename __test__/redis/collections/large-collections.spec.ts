/** Promises about collections that are larger than a page, or whose order was changed in the middle many times. */
import { expect, it } from 'vitest';
import { type Random, seeded } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { openOwn } from '../support/redis-servers.ts';
import { encode, RespConnection } from '../support/resp-connection.ts';
import { replyValue, type Value } from '../support/resp-reader.ts';

/** Runs commands in packets; their replies as values. */
async function runAll(client: RespConnection, commands: readonly string[][]): Promise<Value[]> {
  const replies: Value[] = [];
  for (let from = 0; from < commands.length; from += 500) {
    const packet = commands.slice(from, from + 500);
    client.send(Buffer.concat(packet.map((args) => encode(args))));
    replies.push(...(await client.take(packet.length)).map(replyValue));
  }
  return replies;
}

/** Does to an array what a command does to the list; the command. */
function change(random: Random, model: string[], value: string): string[] {
  const pivot = model[random.between(0, Math.min(2, model.length - 1))] as string;
  const at = model.indexOf(pivot);
  switch (random.between(0, 19)) {
    case 0:
      model.shift();
      return ['LPOP', 'l'];
    case 1:
      model.pop();
      return ['RPOP', 'l'];
    case 2:
      model.splice(at, 1);
      return ['LREM', 'l', '1', pivot];
    case 3:
      model.unshift(value);
      return ['LPUSH', 'l', value];
    case 4:
      model.push(value);
      return ['RPUSH', 'l', value];
    case 5:
      model[at] = value;
      return ['LSET', 'l', String(at), value];
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      model.splice(at, 0, value);
      return ['LINSERT', 'l', 'BEFORE', pivot, value];
    default:
      model.splice(at + 1, 0, value);
      return ['LINSERT', 'l', 'AFTER', pivot, value];
  }
}

it('a list into whose middle thousands were put, always at one place, keeps its order', async () => {
  await seeded('a list into whose middle', async (random) => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    const model = Array.from({ length: 300 }, (_, index) => `first ${index}`);
    await client.run('RPUSH', 'l', ...model);
    await runAll(
      client,
      Array.from({ length: 1200 }, (_, index) => change(random, model, `v${index}`)),
    );
    expect(await client.run('LRANGE', 'l', '0', '-1')).toEqual(model);
    const indexes = Array.from({ length: 60 }, () => random.between(0, model.length - 1));
    const found = await runAll(
      client,
      indexes.map((index) => ['LINDEX', 'l', String(index)]),
    );
    expect(found).toEqual(indexes.map((index) => model[index]));
    expect(await client.run('LTRIM', 'l', '10', '-11')).toBe('OK');
    const popped = await runAll(
      client,
      model.slice(10, -10).map(() => ['LPOP', 'l']),
    );
    expect(popped).toEqual(model.slice(10, -10));
    expect(await client.run('EXISTS', 'l')).toBe(0);
  });
}, 30_000);

it('uneven lists whose elements are popped where a position is even do not take themselves for even', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  const model = ['a', 'z', 'between', 'end'];
  await client.run('RPUSH', 'l', 'a', 'z', 'end');
  await client.run('LINSERT', 'l', 'AFTER', 'z', 'between');
  // Halving the room behind a sixteen times leaves an element right before the position that z has.
  for (let round = 0; round < 16; round += 1) {
    const value = `v${round}`;
    await client.run('LINSERT', 'l', 'BEFORE', 'z', value);
    model.splice(-3, 0, value);
  }
  while (model.length > 0) {
    const last = model.length - 1;
    expect(await client.run('LINDEX', 'l', String(last >> 1))).toBe(model[last >> 1]);
    expect(await client.run('LRANGE', 'l', '1', '-1')).toEqual(model.slice(1));
    expect(await client.run('LPOP', 'l')).toBe(model.shift());
  }
});

it('ranks, counts and ranges of a sorted set of 5,000 are those of a sorted array', async () => {
  await seeded('ranks, counts and ranges', async (random) => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    const scores = new Map<string, number>();
    const adds: string[][] = [];
    for (let index = 0; index < 5000; index += 1) {
      const score = random.between(-3000, 3000) / 8;
      scores.set(`m${index}`, score);
      adds.push(['ZADD', 'z', String(score), `m${index}`]);
    }
    await runAll(client, adds);
    const sorted = [...scores].sort(([a, left], [b, right]) => left - right || (a < b ? -1 : 1)).map(([name]) => name);
    for (let round = 0; round < 5; round += 1) {
      const [low, high] = [random.between(0, 4999), random.between(0, 4999)].sort((a, b) => a - b) as [number, number];
      expect(await client.run('ZRANGE', 'z', String(low), String(high))).toEqual(sorted.slice(low, high + 1));
      expect(await client.run('ZRANK', 'z', sorted[low] as string)).toBe(low);
      expect(await client.run('ZREVRANK', 'z', sorted[low] as string)).toBe(4999 - low);
      const [min, max] = [scores.get(sorted[low] as string), scores.get(sorted[high] as string)] as [number, number];
      const inside = sorted.filter((name) => (scores.get(name) as number) > min && (scores.get(name) as number) <= max);
      expect(await client.run('ZCOUNT', 'z', `(${min}`, String(max))).toBe(inside.length);
      expect(await client.run('ZRANGEBYSCORE', 'z', `(${min}`, String(max))).toEqual(inside);
    }
    const popped = await runAll(
      client,
      Array.from({ length: 900 }, () => ['ZPOPMIN', 'z']),
    );
    expect(popped.map((pair) => (pair as Value[])[0])).toEqual(sorted.slice(0, 900));
  });
}, 30_000);

/** A sorted array beside the sorted set: by score, then by name. */
function place(model: { name: string; score: number }[], name: string, score: number): number {
  let [low, high] = [0, model.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = model[middle] as { name: string; score: number };
    if (at.score < score || (at.score === score && at.name < name)) low = middle + 1;
    else high = middle;
  }
  return low;
}

it('ranks stay those of a sorted array while it changes, also within a transaction and while the engine settles', async () => {
  await seeded('ranks stay those', async (random) => {
    await using own = await openOwn('sim', { memoryBytes: 8 * 1024 * 1024 });
    using client = await RespConnection.open(own.port);
    const model: { name: string; score: number }[] = [];
    const scores = new Map<string, number>();
    const nameOf = (): string => `member:${random.between(0, 2500)}`;
    /** A change or a question, with what Redis would answer. */
    const next = (): [command: string[], expected: Value] => {
      const name = nameOf();
      const score = scores.get(name);
      const kind = random.between(0, 9);
      if (kind < 5) {
        const added = random.between(-400, 400) / 4;
        if (score !== undefined) model.splice(place(model, name, score), 1);
        model.splice(place(model, name, added), 0, { name, score: added });
        scores.set(name, added);
        return [['ZADD', 'z', String(added), name], Number(score === undefined)];
      }
      if (kind === 5) {
        if (score !== undefined) model.splice(place(model, name, score), 1);
        scores.delete(name);
        return [['ZREM', 'z', name], Number(score !== undefined)];
      }
      if (kind === 6) return [['ZRANK', 'z', name], score === undefined ? null : place(model, name, score)];
      if (kind === 7) {
        const [min, max] = [random.between(-100, 100), random.between(-100, 100)].sort((a, b) => a - b) as [
          number,
          number,
        ];
        const inside = model.filter((at) => at.score >= min && at.score < max).length;
        return [['ZCOUNT', 'z', String(min), `(${max}`], inside];
      }
      const first = random.between(0, model.length + 2);
      const names = model.map((at) => at.name);
      if (kind === 8) return [['ZRANGE', 'z', String(first), String(first + 4)], names.slice(first, first + 5)];
      return [['ZREVRANGE', 'z', String(first), String(first + 4)], names.reverse().slice(first, first + 5)];
    };
    for (let round = 0; round < 60; round += 1) {
      // What makes the engine settle now and then.
      expect(await client.run('SET', 'filler', 'x'.repeat(300_000))).toBe('OK');
      const drawn = Array.from({ length: 150 }, next);
      const isTransaction = random.between(0, 2) === 0;
      const commands = drawn.map(([command]) => command);
      const replies = await runAll(client, isTransaction ? [['MULTI'], ...commands, ['EXEC']] : commands);
      const answers = isTransaction ? (replies.at(-1) as Value[]) : replies;
      drawn.forEach(([command, expected], index) => {
        expect([command, answers[index]]).toEqual([command, expected]);
      });
    }
    expect(model.length).toBeGreaterThan(1000);
  });
}, 60_000);

it('chance finds all members of a large set, and SPOP gives each of them once', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  const members = Array.from({ length: 1500 }, (_, index) => `member:${String(index).padStart(12, '0')}`);
  await client.run('SADD', 's', ...members);
  const drawn = (await client.run('SRANDMEMBER', 's', '-15000')) as string[];
  const times = new Map<string, number>();
  for (const member of drawn) times.set(member, (times.get(member) ?? 0) + 1);
  // Ten times each on average; by neighbours of a hash hardly one is never met, and none is met always.
  expect(times.size).toBeGreaterThan(1470);
  expect(Math.max(...times.values())).toBeLessThan(60);
  const few = (await client.run('SRANDMEMBER', 's', '100')) as string[];
  expect(new Set(few).size).toBe(100);
  const popped = await runAll(
    client,
    Array.from({ length: 500 }, () => ['SPOP', 's']),
  );
  const rest = (await client.run('SPOP', 's', '5000')) as string[];
  expect([...popped.map(String), ...rest].sort()).toEqual(members);
  expect(await client.run('EXISTS', 's')).toBe(0);
});

it('collections outlive the server', async () => {
  using place = scratch('redis-collections');
  const dir = `${place.path}/data`;
  {
    await using own = await openOwn('ring', { dir, appendFsync: 'always' });
    using client = await RespConnection.open(own.port);
    await client.run('RPUSH', 'l', 'a', 'c');
    await client.run('LINSERT', 'l', 'BEFORE', 'c', 'b');
    await client.run('SADD', 's', 'x', 'y');
    await client.run('ZADD', 'z', '2', 'two', '-inf', 'first', '1.5', 'one');
    await client.run('SADD', 'gone', 'x');
    await client.run('DEL', 'gone');
  }
  await using own = await openOwn('ring', { dir });
  using client = await RespConnection.open(own.port);
  expect(await client.run('LRANGE', 'l', '0', '-1')).toEqual(['a', 'b', 'c']);
  expect(((await client.run('SMEMBERS', 's')) as string[]).toSorted()).toEqual(['x', 'y']);
  expect(await client.run('ZRANGE', 'z', '0', '-1', 'WITHSCORES')).toEqual(['first', '-inf', 'one', '1.5', 'two', '2']);
  expect(await client.run('SADD', 'gone', 'y')).toBe(1);
  expect(await client.run('SMEMBERS', 'gone')).toEqual(['y']);
});

it('nothing is left of collections that are gone, by whatever way, and all of one that stays', async () => {
  await using own = await openOwn('ring', { limits: { sweepMs: 1_000_000 } });
  using client = await RespConnection.open(own.port);
  const { core } = own.server;
  const members = core.databases[0]?.members.store;
  const many = Array.from({ length: 1200 }, (_, index) => `m${index}`);
  for (const key of ['expires', 'persists', 'renamed', 'deleted', 'overwritten', 'moved', 'emptied']) {
    await client.run('SADD', key, ...many);
    await client.run('PEXPIRE', key, key === 'expires' ? '60' : '600000');
  }
  expect(members?.count()).toBe(7 * 1201);
  await client.run('PERSIST', 'persists');
  await client.run('RENAME', 'renamed', 'stays');
  await client.run('PERSIST', 'stays');
  await client.run('DEL', 'deleted');
  await client.run('SET', 'overwritten', 'x');
  await client.run('MOVE', 'moved', '1');
  await client.run('SPOP', 'emptied', '2000');
  await new Promise((resolve) => setTimeout(resolve, 80));
  core.executor.chore(() => core.collections.sweepExpired(core.databases, Date.now() + 120_000));
  const isClean = async (): Promise<boolean> => (await client.run('PING')) === 'PONG' && members?.count() === 2 * 1200;
  for (let tries = 0; tries < 200 && !(await isClean()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(members?.count()).toBe(2 * 1200);
  expect(await client.run('SCARD', 'stays')).toBe(1200);
  expect(((await client.run('SMEMBERS', 'persists')) as string[]).length).toBe(1200);
  expect(core.databases[1]?.members.store.count()).toBe(1201);
});

it('a command that changes more than fits into one frame is refused, and nothing of it is done', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  // Below the size from which a value has a place in a file of its own, and is not in the frame.
  const element = 'x'.repeat(60 * 1024);
  const elements = Array.from({ length: 105 }, () => element);
  for (let round = 0; round < 4; round += 1) await client.run('RPUSH', 'l', ...elements);
  expect(await client.run('COPY', 'l', 'copy')).toMatchObject({ error: expect.stringContaining('more than 24 MiB') });
  expect(await client.run('EXISTS', 'copy')).toBe(0);
  expect(await client.run('RENAME', 'l', 'copy')).toBe('OK');
  expect(await client.run('LLEN', 'copy')).toBe(420);
  const large = 'x'.repeat(4 * 1024 * 1024);
  for (let round = 0; round < 4; round += 1) await client.run('RPUSH', 'large', large, large);
  expect(await client.run('COPY', 'large', 'copy of large')).toBe(1);
  expect(await client.run('LLEN', 'copy of large')).toBe(8);
});
