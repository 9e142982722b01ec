/** What callers learn when the disk fails, when more is written than fits, and when a call is aborted. */

import { expect, test } from 'vitest';
import { drivers, home, small } from './homes.ts';

test('a failed flush leaves the outcome of writes unknown, refuses what comes after, and reads go on', async () => {
  const kv = await home('sim').open({ valueEncoding: 'utf8' });
  await kv.put('kept', '1');
  const told: string[] = [];
  kv.onFailure((error) => told.push(error.code));
  kv.engine.failDisk();
  const outcomes = await Promise.allSettled([kv.put('a', '1'), kv.del('kept'), kv.batch().put('b', '2').write()]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { code: 'MILLRACE_OUTCOME_UNKNOWN', retriable: false } });
  }
  await expect(kv.put('c', '1')).rejects.toMatchObject({ code: 'MILLRACE_POISONED' });
  expect(told).toEqual(['MILLRACE_POISONED']);
  expect(await kv.get('never')).toBeUndefined();
});

test('a power cut takes nothing that was acknowledged as durable, and half of no batch', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const place = home('sim', seed);
    const kv = await place.open({ valueEncoding: 'utf8' });
    await kv.batch().put('a', 'sure').put('b', 'sure').write();
    const acknowledged = new Set<number>();
    for (let index = 0; index < 20; index += 1) {
      const write = kv.batch().put(`l${index}`, String(seed)).put(`r${index}`, String(seed)).write();
      write.then(
        () => acknowledged.add(index),
        () => {},
      );
      if (index % 5 === seed % 5) await new Promise((resolve) => setImmediate(resolve));
    }
    kv.engine.cutPower();
    const kept = new Set(acknowledged);
    const again = await place.open({ valueEncoding: 'utf8' });
    expect(await again.getMany(['a', 'b'])).toEqual(['sure', 'sure']);
    for (let index = 0; index < 20; index += 1) {
      const [left, right] = await again.getMany([`l${index}`, `r${index}`]);
      expect(left).toBe(right);
      if (kept.has(index)) expect(left).toBe(String(seed));
    }
    await again.close();
  }
});

test('an aborted write ends the wait at once, and is done all the same', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const stop = new AbortController();
  const write = kv.put('k', 'v', { signal: stop.signal });
  stop.abort(new Error('changed my mind'));
  await expect(write).rejects.toMatchObject({ code: 'MILLRACE_ABORTED', cause: new Error('changed my mind') });
  await kv.flush();
  expect(await kv.get('k')).toBe('v');
  await expect(kv.put('other', 'v', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'MILLRACE_ABORTED',
  });
  expect(await kv.get('other')).toBeUndefined();
});

test('a closed store refuses everything with one clear code', async () => {
  const kv = await home('pool').open();
  await kv.close();
  await kv.close();
  await expect(kv.get('k')).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  await expect(kv.put('k', 'v')).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  await expect(kv.clear()).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  expect(() => kv.getSync('k')).toThrow(expect.objectContaining({ code: 'MILLRACE_CLOSED' }));
  expect(() => kv.keys()).toThrow(expect.objectContaining({ code: 'MILLRACE_CLOSED' }));
});

test.each(drivers)(
  'more than the memory budget written at once is stored in order, and read back from the disk (%s)',
  async (driver) => {
    const place = home(driver);
    const kv = await place.open({ ...small, durability: 'written' });
    const count = 600;
    const bytesOf = (index: number): Buffer => {
      const value = Buffer.alloc(40_000, index % 251);
      value.writeUInt32BE(index);
      return value;
    };
    const writes: Promise<boolean>[] = [];
    for (let index = 0; index < count; index += 1) {
      writes.push(kv.put(`key-${index % 300}`, bytesOf(index)));
      if (index % 100 === 99) await Promise.all(writes.splice(0));
    }
    await Promise.all(writes);
    expect(kv.engine.counters().settles).toBeGreaterThan(0);
    for (let index = 300; index < count; index += 1) {
      expect((await kv.get(`key-${index - 300}`))?.equals(bytesOf(index))).toBe(true);
    }
    let seen = 0;
    for await (const [key, value] of kv.entries()) {
      expect(value.equals(bytesOf(Number(key.slice(4)) + 300))).toBe(true);
      seen += 1;
    }
    expect(seen).toBe(300);
    await kv.close();
    const again = await place.open(small);
    expect(again.count()).toBe(300);
    expect((await again.get('key-7'))?.equals(bytesOf(307))).toBe(true);
  },
);

test('writes that find the engine busy are done later, in their order', async () => {
  const kv = await home('pool').open({ ...small, durability: 'written' });
  const writes: Promise<boolean>[] = [];
  for (let index = 0; index < 300; index += 1) {
    writes.push(kv.put('same', Buffer.alloc(40_000, index % 251)));
    if (index % 60 === 59) {
      expect((await kv.get('same'))?.[0]).toBe(index % 251);
    }
  }
  expect(await Promise.all(writes)).toEqual(writes.map(() => true));
  expect((await kv.get('same'))?.[0]).toBe(299 % 251);
});
