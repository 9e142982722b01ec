/** Ranges: which keys, in which order, of which state, and at what price. */

import { describe, expect, test } from 'vitest';
import { drivers, home } from './homes.ts';

const letters = [...'abcdefghij'];

describe.each(drivers)('on %s', (driver) => {
  async function filled() {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.batch(letters.map((key) => ({ type: 'put', key, value: key.toUpperCase() }))).durable;
    return kv;
  }

  test('bounds, direction and limit choose the keys, in the order of their bytes', async () => {
    const kv = await filled();
    const keys = (options: Parameters<typeof kv.keys>[0]) => kv.keys(options).all();
    expect(await keys({})).toEqual(letters);
    expect(await keys({ gt: 'b', lt: 'e' })).toEqual(['c', 'd']);
    expect(await keys({ gte: 'b', lte: 'e' })).toEqual(['b', 'c', 'd', 'e']);
    expect(await keys({ reverse: true, limit: 3 })).toEqual(['j', 'i', 'h']);
    expect(await keys({ reverse: true, lt: 'c' })).toEqual(['b', 'a']);
    expect(await keys({ gt: 'x' })).toEqual([]);
    expect(await keys({ gt: 'e', lt: 'b' })).toEqual([]);
    expect(await keys({ limit: 0 })).toEqual([]);
    expect(await kv.entries({ gte: 'i' }).all()).toEqual([
      ['i', 'I'],
      ['j', 'J'],
    ]);
    expect(await kv.values({ lt: 'c' }).all()).toEqual(['A', 'B']);
  });

  test('a prefix takes what begins with it, up to the last byte there is', async () => {
    const kv = await home(driver).open({ keyEncoding: 'buffer', valueEncoding: 'utf8' });
    const keys = [[1], [1, 255], [1, 255, 255], [2], [255], [255, 255], [255, 255, 3]].map((bytes) =>
      Buffer.from(bytes),
    );
    await Promise.all(keys.map((key) => kv.put(key, '')));
    expect(await kv.keys({ prefix: Buffer.from([1]) }).all()).toEqual(keys.slice(0, 3));
    expect(await kv.keys({ prefix: Buffer.from([1, 255]) }).all()).toEqual(keys.slice(1, 3));
    expect(await kv.keys({ prefix: Buffer.from([255]) }).all()).toEqual(keys.slice(4));
    expect(await kv.keys({ prefix: Buffer.alloc(0) }).all()).toEqual(keys);
  });

  test('a range sees the writes of the running turn', async () => {
    const kv = await filled();
    const write = kv.put('bb', 'new');
    expect(await kv.keys({ gt: 'a', lt: 'c' }).all()).toEqual(['b', 'bb']);
    await write;
  });

  test('a long range is of one state, whatever is written while it is read', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    const count = 3000;
    const keyOf = (index: number): string => String(index).padStart(6, '0');
    const fill = kv.batch();
    for (let index = 0; index < count; index += 1) fill.put(keyOf(index), 'x'.repeat(40));
    await fill.write();
    let seen = 0;
    for await (const [key, value] of kv.entries()) {
      if (seen === 0)
        await kv
          .batch()
          .put(keyOf(count - 1), 'changed')
          .del(keyOf(count - 2))
          .put('zzz', 'new')
          .write();
      expect(key).toBe(keyOf(seen));
      expect(value.length).toBe(40);
      seen += 1;
    }
    expect(seen).toBe(count);
    expect(await kv.get(keyOf(count - 1))).toBe('changed');
    expect(await kv.keys({ reverse: true, limit: 2 }).all()).toEqual(['zzz', keyOf(count - 1)]);
    const backwards = await kv.keys({ reverse: true }).all();
    expect(backwards).toEqual([...backwards].sort().reverse());
    expect(backwards.length).toBe(count);
  });

  test('a snapshot keeps the state it was taken in, for keys, ranges and counts of them', async () => {
    const kv = await filled();
    using before = kv.snapshot();
    await kv.batch().put('a', 'changed').del('b').put('k', 'new').write();
    expect(await before.getMany(['a', 'b', 'k'])).toEqual(['A', 'B', undefined]);
    expect(await before.keys().all()).toEqual(letters);
    expect(await kv.getMany(['a', 'b', 'k'])).toEqual(['changed', undefined, 'new']);
    using after = kv.snapshot();
    await kv.clear();
    expect(await after.get('a')).toBe('changed');
    expect(await before.get('a')).toBe('A');
    expect(await kv.keys().all()).toEqual([]);
    before.close();
    expect(() => before.getSync('a')).toThrow(expect.objectContaining({ code: 'MILLRACE_CLOSED' }));
    expect((await after.keys().all()).length).toBe(10);
  });
});

test('a page of a scan is one crossing', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const fill = kv.batch();
  for (let index = 0; index < 100; index += 1) fill.put(String(index).padStart(4, '0'), 'v');
  await fill.write();
  const before = kv.engine.counters().callsIn as number;
  expect((await kv.entries().all()).length).toBe(100);
  expect((kv.engine.counters().callsIn as number) - before).toBe(1);
});

test('one get or a hundred in one run are one crossing, and none that the turn itself has written', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
  await kv.batch(keys.map((key) => ({ type: 'put', key, value: key }))).durable;
  const crossings = async (work: () => Promise<unknown>): Promise<number> => {
    const before = kv.engine.counters().callsIn as number;
    await work();
    return (kv.engine.counters().callsIn as number) - before;
  };
  expect(await crossings(() => kv.get('key-5'))).toBe(1);
  expect(await crossings(() => kv.getMany(keys))).toBe(1);
  const written = kv.put('key-5', 'new');
  expect(await crossings(() => kv.get('key-5'))).toBe(0);
  await written;
});

test('a range that is left early lets go of its snapshot, and a closed store ends it', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const fill = kv.batch();
  for (let index = 0; index < 3000; index += 1) fill.put(String(index).padStart(6, '0'), 'x'.repeat(40));
  await fill.write();
  for await (const key of kv.keys()) if (key === '000003') break;
  const range = kv.keys();
  await range.next();
  await kv.close();
  await expect(range.all()).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
});

test('an aborted range ends with the reason of its signal', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const fill = kv.batch();
  for (let index = 0; index < 3000; index += 1) fill.put(String(index).padStart(6, '0'), 'x'.repeat(40));
  await fill.write();
  const stop = new AbortController();
  const read = async (): Promise<void> => {
    for await (const key of kv.keys({ signal: stop.signal })) if (key === '000000') stop.abort(new Error('enough'));
  };
  await expect(read()).rejects.toMatchObject({ code: 'MILLRACE_ABORTED', cause: new Error('enough') });
});

test('prefix beside bounds, and a limit that is no number, are refused', async () => {
  const kv = await home('pool').open();
  expect(() => kv.keys({ prefix: 'a', gt: 'b' })).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
  expect(() => kv.keys({ limit: 1.5 })).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
});
