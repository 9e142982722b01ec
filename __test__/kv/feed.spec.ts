/**
 * What the full-grade feed promises: a topic with every change of a store, in the frame of the change, in the order of each
 * key; through power cuts the topic and the store always say the same.
 */

import { expect, test } from 'vitest';
import type { Kv, KvChange } from '../../ts/kv/index.ts';
import type { Log } from '../../ts/log/open-log.ts';
import { Random } from '../support/random.ts';
import { drivers, home, small } from './homes.ts';

type Texts = Kv<'utf8', 'utf8'>;

/** What a reader of the topic makes of it, as any Kafka client could: keys, values, nulls. */
async function replayed(log: Log, name: string): Promise<Map<string, string>> {
  const map = new Map<string, string>();
  const topic = await log.topic(name);
  for await (const batch of topic.read({ follow: false, isolation: 'read_uncommitted' })) {
    for (const { key, value } of batch.records()) {
      if (key === null) map.clear();
      else if (value === null) map.delete(String(key));
      else map.set(String(key), String(value));
    }
  }
  return map;
}

async function state(kv: Texts): Promise<Map<string, string>> {
  return new Map(await kv.entries().all());
}

test.each(drivers)('a change and its record are one frame, with tombstones as null values (%s)', async (driver) => {
  const place = home(driver);
  const log = await place.openLog();
  const kv = await place.open({ valueEncoding: 'utf8' });
  await kv.setFeed('default', 'changes');
  const frames = kv.engine.counters().frames as number;
  await kv.put('a', '1');
  expect(await kv.batch().put('b', '2').del('a').write()).toBe(true);
  expect(await kv.put('b', 'never', { ifAbsent: true })).toBe(false);
  expect(await kv.del('b')).toBe(true);
  await kv.put('c', '', { expiresMs: 4_000_000_000_000 });
  expect((kv.engine.counters().frames as number) - frames).toBe(4);
  const topic = await log.topic('changes');
  const found: unknown[] = [];
  for await (const { key, value, headers } of topic.read({ follow: false }).records()) {
    found.push([String(key), value && String(value), headers.map(([name, text]) => [name, String(text)])]);
  }
  expect(found).toEqual([
    ['a', '1', []],
    ['b', '2', []],
    ['a', null, []],
    ['b', null, []],
    ['c', '', [['millrace.expires', '4000000000000']]],
  ]);
});

test('watching goes on from a kept position after a restart, and from a snapshot', async () => {
  const place = home('pool');
  const first = await place.open({ valueEncoding: 'utf8' });
  await first.put('old', '0');
  await first.setFeed('default', 'changes');
  const snapshot = first.snapshot();
  await first.put('a', '1');
  await first.put('b', '2');
  const watch = first.watch({ from: snapshot.position });
  snapshot.close();
  const { value: change } = await watch.next();
  expect(change).toMatchObject({ type: 'put', key: 'a', value: '1' });
  await first.close();
  const kv = await place.open({ valueEncoding: 'utf8' });
  await kv.del('a');
  const rest: KvChange<string, string>[] = [];
  for await (const next of kv.watch({ from: change?.position, follow: false })) rest.push(next);
  expect(rest.map(({ type }) => type)).toEqual(['put', 'del']);
  await using all = kv.watch({ initial: true });
  await kv.put('c', '3');
  const told = [await all.next(), await all.next(), await all.next()].map(({ value }) => value);
  expect(told.map((one) => one && [one.type === 'put' && one.key, one.isInitial])).toEqual([
    ['b', true],
    ['old', true],
    ['c', false],
  ]);
});

test('a position whose records retention has taken is an error, not a gap', async () => {
  const place = home('pool');
  const log = await place.openLog(small);
  const kv = await place.open({ valueEncoding: 'utf8' });
  await kv.setFeed('default', 'changes');
  const { position } = kv.watch();
  for (let index = 0; index < 40; index += 1) await kv.put(`k${index}`, 'v'.repeat(50_000));
  const partition = log.catalogue.get('changes')?.partitions[0] ?? 0;
  await new Promise<void>((resolve) => {
    kv.engine.submit([{ kind: 'deleteRecords', partition, offset: 30 }], 2, () => resolve());
  });
  await expect(kv.watch({ from: position }).next()).rejects.toMatchObject({ code: 'MILLRACE_FELL_BEHIND' });
  let left = 0;
  for await (const { type } of kv.watch({ from: 'earliest', follow: false })) left += type === 'put' ? 1 : 0;
  expect(left).toBe(10);
});

test('a store has one feed, whose topic may be deleted and whose end is kept', async () => {
  const place = home('pool');
  const log = await place.openLog();
  const kv = await place.open({ valueEncoding: 'utf8' });
  const compacted = { config: { 'cleanup.policy': 'compact,delete' } };
  await expect(kv.setFeed('default', 'compacted', compacted)).rejects.toMatchObject({ code: 'MILLRACE_OPTION' });
  expect(log.topics()).toEqual([]);
  await kv.setFeed('default', 'changes', { config: { 'retention.ms': '-1' } });
  await kv.setFeed('default', 'changes');
  await expect(kv.setFeed('default', 'other')).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  await expect(kv.setFeed('nowhere', 'other')).rejects.toMatchObject({ code: 'MILLRACE_UNKNOWN_STORE' });
  await kv.put('a', '1');
  await log.deleteTopic('changes');
  expect(await kv.put('a', '2')).toBe(true);
  await log.topic('changes', { partitions: 1 });
  expect(await kv.put('a', '3')).toBe(true);
  expect((await replayed(log, 'changes')).size).toBe(0);
  await kv.setFeed('default', 'changes');
  await kv.put('a', '4');
  await kv.endFeed('default');
  await kv.put('a', '5');
  await log.close();
  await kv.close();
  const again = await place.open({ valueEncoding: 'utf8' });
  await again.put('a', '6');
  expect(await replayed(await place.openLog(), 'changes')).toEqual(new Map([['a', '4']]));
});

test('after a power cut anywhere the topic says what the store says', async () => {
  let cuts = 0;
  for (let seed = 1; seed <= 30; seed += 1) {
    const chance = new Random(seed);
    const place = home('sim', seed);
    for (let life = 0; life < 3; life += 1) {
      const log = await place.openLog(small);
      const kv = await place.open({ valueEncoding: 'utf8' });
      if (life === 0) await kv.setFeed('default', 'changes');
      expect(await replayed(log, 'changes'), `seed ${seed}, life ${life}`).toEqual(await state(kv));
      for (let step = chance.between(0, 40); step >= 0; step -= 1) {
        void write(kv, chance, `${life}.${step}`).then(
          () => {},
          () => {},
        );
        if (chance.between(0, 3) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      kv.engine.cutPower();
      cuts += 1;
      await Promise.allSettled([kv.close(), log.close()]);
    }
    const log = await place.openLog(small);
    const kv = await place.open({ valueEncoding: 'utf8' });
    expect(await replayed(log, 'changes'), `seed ${seed}`).toEqual(await state(kv));
    await kv.close();
    await log.close();
  }
  expect(cuts).toBe(90);
}, 90_000);

function write(kv: Texts, chance: Random, value: string): Promise<boolean> {
  const key = (): string => `k${chance.between(0, 12)}`;
  const durability = chance.between(0, 2) === 0 ? 'written' : 'durable';
  const what = chance.between(0, 20);
  if (what === 0) return kv.clear({ durability }).then(() => true);
  if (what < 4) return kv.del(key(), { durability });
  if (what < 8) return kv.put(key(), value, { ifAbsent: true, durability });
  if (what < 12) return kv.batch().put(key(), value).del(key()).put(key(), value.repeat(2000)).write({ durability });
  return kv.put(key(), value, { durability });
}
