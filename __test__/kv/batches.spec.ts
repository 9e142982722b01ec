/** Batches: one frame, all of it or nothing, over keys, records and offsets; stores by name; durability. */

import { describe, expect, test } from 'vitest';
import { openKv } from '../../ts/kv/index.ts';
import { openLog } from '../../ts/log/open-log.ts';
import { drivers, home } from './homes.ts';

describe.each(drivers)('on %s', (driver) => {
  test('a batch is one frame: all of it happens, or none', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    const frames = kv.engine.counters().frames as number;
    expect(await kv.batch().put('a', '1').put('b', '2').put('a', '3').del('b').write()).toBe(true);
    expect((kv.engine.counters().frames as number) - frames).toBe(1);
    expect(await kv.entries().all()).toEqual([['a', '3']]);
    expect(await kv.batch().put('c', '4').put('a', '5', { ifAbsent: true }).write()).toBe(false);
    expect(await kv.entries().all()).toEqual([['a', '3']]);
    expect(await kv.batch().write()).toBe(true);
  });

  test('conditions of a batch see what it has done before them', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    const write = kv
      .batch()
      .put('a', '1', { ifAbsent: true })
      .del('a', { ifPresent: true })
      .put('a', '2', { ifAbsent: true });
    expect(await write.write()).toBe(true);
    expect(await kv.get('a')).toBe('2');
  });

  test('stores of a directory have keys of their own, and one batch may write several', async () => {
    const place = home(driver);
    const kv = await place.open({ valueEncoding: 'utf8' });
    const users = await kv.store('users', { valueEncoding: 'json' });
    expect(await kv.batch().put('k', 'mine').putIn(users, 'k', { n: 1 }).write()).toBe(true);
    expect(await users.get('k')).toEqual({ n: 1 });
    expect(kv.stores()).toEqual(['default', 'users']);
    await users.clear();
    expect(await kv.get('k')).toBe('mine');
    await kv.close();
    const again = await place.open({ valueEncoding: 'utf8' });
    expect(again.stores()).toEqual(['default', 'users']);
    expect((await again.store('users')).count()).toBe(0);
    await again.dropStore('users');
    expect(again.stores()).toEqual(['default']);
    await expect(again.store('users', { createIfMissing: false })).rejects.toMatchObject({
      code: 'MILLRACE_UNKNOWN_STORE',
    });
    await expect(users.put('k', 1)).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
    expect((await again.store('users')).count()).toBe(0);
  });

  test('clear with bounds removes what lies between them, without bounds everything by one record', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.batch([...'abcdef'].map((key) => ({ type: 'put', key, value: '' }))).durable;
    await kv.clear({ gte: 'b', lt: 'd' });
    expect(await kv.keys().all()).toEqual(['a', 'd', 'e', 'f']);
    await kv.clear({ limit: 1, reverse: true });
    expect(await kv.keys().all()).toEqual(['a', 'd', 'e']);
    await kv.clear();
    expect(kv.count()).toBe(0);
  });

  test('a key is gone when its time is over, for every read at once, and stays gone after a restart', async () => {
    const place = home(driver);
    const kv = await place.open({ valueEncoding: 'utf8' });
    const soon = kv.engine.wallMs + 3_600_000;
    await kv.put('later', 'x', { expiresMs: soon });
    await kv.put('never', 'x');
    await kv.put('past', 'x', { expiresMs: Math.max(1, kv.engine.wallMs - 1) });
    expect((await kv.getEntry('later'))?.expiresMs).toBe(soon);
    expect((await kv.getEntry('never'))?.expiresMs).toBeUndefined();
    expect(await kv.getMany(['later', 'never', 'past'])).toEqual(['x', 'x', undefined]);
    expect(await kv.keys().all()).toEqual(['later', 'never']);
    expect(await kv.put('past', 'y', { ifAbsent: true })).toBe(true);
    await kv.put('past', 'z', { expiresMs: Math.max(1, kv.engine.wallMs - 1) });
    await kv.close();
    const again = await place.open({ valueEncoding: 'utf8' });
    expect(await again.keys().all()).toEqual(['later', 'never']);
    expect((await again.getEntry('later'))?.expiresMs).toBe(soon);
  });

  test('a write resolves at its level, and durable follows when it is asked for', async () => {
    const kv = await home(driver).open({ flush: 'os', durability: 'written', valueEncoding: 'utf8' });
    const write = kv.put('k', 'v');
    expect(write.level).toBe('written');
    expect(await write).toBe(true);
    await write.durable;
    expect(kv.engine.durableLsn).toBeGreaterThanOrEqual(Number(write.sequence));
    const strong = kv.put('k', 'w', { durability: 'durable' });
    expect(strong.level).toBe('durable');
    await strong;
    expect(kv.engine.durableLsn).toBeGreaterThanOrEqual(Number(strong.sequence));
  });
});

test('a log and stores on one directory share one engine, and the last to close closes it', async () => {
  const place = home('pool');
  const log = await place.openLog();
  const kv = await place.open({ valueEncoding: 'utf8' });
  expect(kv.engine).toBe(log.engine);
  const topic = await log.topic('t', { partitions: 1 });
  const reading = topic.read()[Symbol.asyncIterator]().next();
  await log.close();
  await expect(reading).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  await expect(topic.append({ value: 'x' })).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  expect(await kv.put('k', 'v')).toBe(true);
  await kv.close();
  const again = await openKv(place.path, { driver: 'pool', valueEncoding: 'utf8' });
  expect(again.recovery.clean).toBe(true);
  expect(await again.get('k')).toBe('v');
  await again.close();
});

test('a directory that is open is not opened again with other options', async () => {
  const place = home('pool');
  const kv = await place.open({ flush: 'always' });
  await expect(openKv(place.path, { flush: 'os' })).rejects.toMatchObject({ code: 'MILLRACE_OPTION' });
  const log = await openLog(place.path);
  await expect(openLog(place.path)).rejects.toMatchObject({ code: 'MILLRACE_LOCKED' });
  await log.close();
  await kv.close();
});

test('records, keys and offsets of one batch are stored together or not at all', async () => {
  const place = home('pool');
  const log = await place.openLog();
  const kv = await place.open({ valueEncoding: 'utf8' });
  const [input, output] = [await log.topic('in', { partitions: 1 }), await log.topic('out', { partitions: 2 })];
  await input.append([{ value: 'a' }, { value: 'b' }]);
  const { value: batch } = await input.read({ group: 'g', onMissing: 'earliest' }).next();
  if (!batch) throw new Error('nothing was read');
  const write = kv
    .batch()
    .put('seen', '2')
    .append(output, [
      { key: 'x', value: '1' },
      { key: 'y', value: '2' },
    ]);
  const frames = kv.engine.counters().frames as number;
  expect(await write.commit(batch).write()).toBe(true);
  expect((kv.engine.counters().frames as number) - frames).toBe(1);
  const refused = kv.batch().put('seen', '3', { ifAbsent: true }).append(output, { value: 'never' });
  expect(await refused.write()).toBe(false);
  const found: string[] = [];
  for await (const out of output.read({ follow: false }))
    for (const { value } of out.records()) found.push(String(value));
  expect(found.sort()).toEqual(['1', '2']);
  const rest = input.read({ group: 'g', follow: false });
  expect(await rest.next()).toEqual({ done: true, value: undefined });
});

test('a batch takes nothing of another directory, and is written once', async () => {
  const [here, there] = [home('pool'), home('pool')];
  const kv = await here.open({ valueEncoding: 'utf8' });
  const log = await there.openLog();
  const topic = await log.topic('t', { partitions: 1 });
  expect(() => kv.batch().append(topic, { value: 'x' })).toThrow(
    expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }),
  );
  const batch = kv.batch().put('a', '1');
  await batch.write();
  await expect(batch.write()).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  expect(() => batch.put('b', '2')).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
});
