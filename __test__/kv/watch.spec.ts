/** What whoever follows a store is told: every change once, in order, whole, and only what a power cut cannot take back. */

import { expect, test } from 'vitest';
import type { Kv, KvChange, KvWatch } from '../../ts/kv/index.ts';
import { Random } from '../support/random.ts';
import { drivers, home } from './homes.ts';

type Change = KvChange<string, string>;

/** The next `count` changes as short text. */
async function take(watch: KvWatch<string, string>, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value } = await watch.next();
    if (!value) break;
    told.push(shown(value));
  }
  return told;
}

function shown(change: Change): string {
  if (change.type === 'clear') return 'clear';
  return change.type === 'put' ? `${change.key}=${change.value}` : `-${change.key}`;
}

/** What a map becomes by a change. */
function apply(map: Map<string, string>, change: Change): void {
  if (change.type === 'clear') map.clear();
  else if (change.type === 'put') map.set(change.key, change.value);
  else map.delete(change.key);
}

test.each(drivers)(
  'changes are told in the order of their commits, batches whole, with positions (%s)',
  async (driver) => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.put('before', '0');
    await using watch = kv.watch();
    await kv.put('a', '1');
    await kv.batch().put('b', '2').del('a').put('b', '3').write();
    await kv.del('never');
    await kv.put('kept', '4', { ifAbsent: true, expiresMs: 4_000_000_000_000 });
    await kv.put('kept', '5', { ifAbsent: true });
    await kv.clear();
    await kv.put('end', '6');
    const told: Change[] = [];
    for await (const change of watch) {
      told.push(change);
      if (change.type === 'put' && change.key === 'end') break;
    }
    expect(told.map(shown)).toEqual(['a=1', 'b=2', '-a', 'b=3', 'kept=4', 'clear', 'end=6']);
    expect(told.map(({ isLast }) => isLast)).toEqual([true, false, false, true, true, true, true]);
    expect(told[4]).toMatchObject({ expiresMs: 4_000_000_000_000, isInitial: false });
    expect((await kv.getEntry('end'))?.sequence).toBe(told.at(-1)?.sequence);
    for (const [index, { position }] of told.entries()) {
      await using rest = kv.watch({ from: position });
      const expected = told.slice(index + 1).map(shown);
      expect(await take(rest, expected.length)).toEqual(expected);
    }
  },
);

test('a prefix chooses keys, and that all keys are gone is told in any case', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  await kv.put('user:0', 'old');
  await using watch = kv.watch({ prefix: 'user:', initial: true });
  await kv.batch().put('other', '1').put('user:1', '2').write();
  await kv.clear();
  expect(await take(watch, 3)).toEqual(['user:0=old', 'user:1=2', 'clear']);
});

test('nothing is told before it is durable, unless `written` is asked for', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8', flush: 'os', durability: 'written' });
  await using sure = kv.watch();
  await using early = kv.watch({ isolation: 'written' });
  await kv.put('a', '1');
  expect(await take(early, 1)).toEqual(['a=1']);
  let isTold = false;
  const first = take(sure, 1).then((told) => {
    isTold = true;
    return told;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isTold).toBe(false);
  await kv.flush();
  expect(await first).toEqual(['a=1']);
});

test('a watcher that is slower than the window learns it, and one that begins anew goes on', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8', durability: 'written' });
  await using watch = kv.watch({ windowBytes: 100_000 });
  const { position } = watch;
  const value = 'v'.repeat(900_000);
  for (let index = 0; index < 20; index += 1) await kv.put(`k${index}`, value);
  await kv.flush();
  await expect(watch.next()).rejects.toMatchObject({ code: 'MILLRACE_FELL_BEHIND', retriable: false });
  expect(await watch.next()).toEqual({ done: true, value: undefined });
  expect(() => kv.watch({ from: position })).toThrow(expect.objectContaining({ code: 'MILLRACE_FELL_BEHIND' }));
  await using again = kv.watch({ initial: true });
  expect((await take(again, 20)).length).toBe(20);
});

test('a position of another life, of the future or of no store at all is refused', async () => {
  const place = home('pool');
  const first = await place.open({ valueEncoding: 'utf8' });
  const { position } = first.watch();
  await first.put('a', '1');
  await first.close();
  const kv = await place.open({ valueEncoding: 'utf8' });
  expect(() => kv.watch({ from: position })).toThrow(expect.objectContaining({ code: 'MILLRACE_FELL_BEHIND' }));
  for (const from of ['s99999999', 'nonsense', 's1.', 'f00.1', 'earliest']) {
    expect(() => kv.watch({ from })).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
  }
});

test('watching ends with its signal, its handle, its store and its journal, each by its own code', async () => {
  const place = home('sim');
  const kv = await place.open({ valueEncoding: 'utf8' });
  const other = await place.open({ valueEncoding: 'utf8' });
  const stop = new AbortController();
  const aborted = kv.watch({ signal: stop.signal }).next();
  stop.abort();
  await expect(aborted).rejects.toMatchObject({ code: 'MILLRACE_ABORTED' });
  const closed = other.watch().next();
  await other.close();
  await expect(closed).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  const watch = kv.watch();
  const ended = watch.next();
  await watch.close();
  expect(await ended).toEqual({ done: true, value: undefined });
  const store = await kv.store('gone', { valueEncoding: 'utf8' });
  await using last = store.watch();
  await kv.dropStore('gone');
  expect(await take(last, 1)).toEqual(['clear']);
  await expect(last.next()).rejects.toMatchObject({ code: 'MILLRACE_UNKNOWN_STORE' });
  const failed = kv.watch().next();
  kv.engine.failDisk();
  await Promise.allSettled([kv.put('a', '1')]);
  await expect(failed).rejects.toMatchObject({ code: 'MILLRACE_POISONED' });
});

test.each(drivers)(
  'a state and what follows it have every change once, whatever is written meanwhile (%s)',
  async (driver) => {
    const chance = new Random(11);
    const roll = (below: number): number => chance.between(0, below - 1);
    const kv = await home(driver).open({ valueEncoding: 'utf8', durability: 'written' });
    let isWriting = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let round = 0; round < 120; round += 1) {
        const key = `k${roll(40)}`;
        if (roll(10) === 0) await kv.batch().del(key).put(`w${writer}`, String(round)).write();
        else if (roll(60) === 0) await kv.clear();
        else await kv.put(key, `${writer}-${round}`);
      }
    });
    const finished = Promise.all(writers).then(() => {
      isWriting = false;
    });
    const followers = Array.from({ length: 5 }, async (_, follower) => {
      for (let wait = 0; wait < follower * 7; wait += 1) await new Promise((resolve) => setImmediate(resolve));
      const map = new Map<string, string>();
      const changes: KvWatch<string, string> =
        follower % 2 === 0 ? kv.watch({ initial: true }) : await fromSnapshot(kv, map);
      await using watch = changes;
      for await (const change of watch) {
        apply(map, change);
        if (change.type === 'put' && change.key === 'the end') return map;
      }
      return map;
    });
    await finished;
    expect(isWriting).toBe(false);
    await kv.put('the end', '', { durability: 'durable' });
    const state = new Map(await kv.entries().all());
    for (const map of await Promise.all(followers)) expect([...map].sort()).toEqual([...state]);
  },
);

async function fromSnapshot(kv: Kv<'utf8', 'utf8'>, map: Map<string, string>): Promise<KvWatch<string, string>> {
  // The first watcher opens the window, so that a snapshot's position lies in it.
  await kv.watch().close();
  using snapshot = kv.snapshot();
  for await (const [key, value] of snapshot.entries()) map.set(key, value);
  return kv.watch({ from: snapshot.position });
}
