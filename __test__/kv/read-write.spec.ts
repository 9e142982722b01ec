/** What a store promises to one who writes and reads, on every driver. */

import { describe, expect, expectTypeOf, test } from 'vitest';
import { json } from '../../ts/kv/index.ts';
import { drivers, home } from './homes.ts';

describe.each(drivers)('on %s', (driver) => {
  test('what was put is there, what was deleted is not, and a missing key is undefined', async () => {
    const kv = await home(driver).open();
    expect(await kv.put('a', Buffer.from([1, 2]))).toBe(true);
    expect(await kv.put('b', 'text')).toBe(true);
    expect(await kv.get('a')).toEqual(Buffer.from([1, 2]));
    expect(await kv.getMany(['b', 'missing', 'a'])).toEqual([Buffer.from('text'), undefined, Buffer.from([1, 2])]);
    expect(await kv.del('a')).toBe(true);
    expect(await kv.del('a')).toBe(false);
    expect(await kv.get('a')).toBeUndefined();
    expect(await kv.hasMany(['a', 'b'])).toEqual([false, true]);
    expect(kv.count()).toBe(1);
  });

  test('all of it is there again after a restart', async () => {
    const place = home(driver);
    const kv = await place.open({ valueEncoding: 'utf8' });
    for (let index = 0; index < 100; index += 1)
      await kv.put(`key-${index % 10}`, `value-${index}`, { durability: 'written' });
    await kv.del('key-3');
    await kv.close();
    const again = await place.open({ valueEncoding: 'utf8' });
    expect(again.recovery.clean).toBe(true);
    expect(await again.get('key-9')).toBe('value-99');
    expect(await again.get('key-3')).toBeUndefined();
    expect(again.count()).toBe(9);
  });

  test('reads see the writes of the same turn, before anything is committed', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.put('old', '1');
    const writes = [kv.put('new', '2'), kv.del('old'), kv.put('gone', '3'), kv.del('gone')];
    const before = kv.engine.counters().commits;
    expect(kv.getSync('new')).toBe('2');
    expect(kv.getSync('old')).toBeUndefined();
    expect(await kv.getMany(['new', 'old', 'gone', 'other'])).toEqual(['2', undefined, undefined, undefined]);
    expect(kv.engine.counters().commits).toBe(before);
    await Promise.all(writes);
    expect(await kv.getMany(['new', 'old', 'gone'])).toEqual(['2', undefined, undefined]);
  });

  test('conditions are judged against everything written before, also in the same turn', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    const outcomes = await Promise.all([
      kv.put('k', '1', { ifAbsent: true }),
      kv.put('k', '2', { ifAbsent: true }),
      kv.put('k', '3', { ifPresent: true }),
      kv.put('other', '4', { ifPresent: true }),
      kv.del('other', { ifPresent: true }),
    ]);
    expect(outcomes).toEqual([true, false, true, false, false]);
    expect(kv.getSync('k')).toBe('3');
  });

  test('a reader of a key whose write may be refused is told how it ended', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.put('k', 'first');
    const refused = kv.put('k', 'second', { ifAbsent: true });
    expect(kv.getSync('k')).toBe('first');
    expect(await refused).toBe(false);
  });

  test('ifSeq lets only the one write through that has seen the newest version', async () => {
    const kv = await home(driver).open({ valueEncoding: 'json' });
    await kv.put('counter', 0);
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = await kv.getEntry('counter');
        const next = (entry?.value as number) + 1;
        if (await kv.put('counter', next, { ifSeq: entry?.sequence })) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(await kv.get('counter')).toBe(20);
    const write = kv.put('counter', 21);
    await write;
    expect((await kv.getEntry('counter'))?.sequence).toBe(write.sequence);
  });

  test('empty keys and values are keys and values', async () => {
    const kv = await home(driver).open({ valueEncoding: 'utf8' });
    await kv.put('', '');
    expect(await kv.get('')).toBe('');
    expect(await kv.entries().all()).toEqual([['', '']]);
  });

  test('a large value comes back whole, and so do many at once', async () => {
    const kv = await home(driver).open();
    const values = [300_000, 5, 70_000, 0, 1_200_000].map((length, index) => Buffer.alloc(length, index + 1));
    await Promise.all(values.map((value, index) => kv.put(`v${index}`, value)));
    const found = await kv.getMany(values.map((_, index) => `v${index}`));
    expect(found.map((value) => value?.equals(values[found.indexOf(value)] as Buffer))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect((await kv.get('v4'))?.equals(values[4] as Buffer)).toBe(true);
  });
});

test('what is handed to a write may be changed right after the call', async () => {
  const kv = await home('pool').open({ keyEncoding: 'buffer' });
  const [key, value] = [Buffer.from('key'), Buffer.from('value')];
  const write = kv.put(key, value);
  key.fill(0);
  value.fill(0);
  await write;
  expect(await kv.get('key')).toEqual(Buffer.from('value'));
});

test('what is read may be changed without changing the store', async () => {
  const kv = await home('pool').open();
  const write = kv.put('k', 'value');
  kv.getSync('k')?.fill(0);
  await write;
  kv.getSync('k')?.fill(0);
  expect(String(kv.getSync('k'))).toBe('value');
});

test('encodings decide the types, and a codec of a program is one', async () => {
  interface Account {
    owner: string;
    cents: number;
  }
  const dates = { encode: (at: Date) => at.toISOString(), decode: (bytes: Buffer) => new Date(bytes.toString()) };
  const kv = await home('pool').open({ valueEncoding: json<Account>() });
  await kv.put('a', { owner: 'Ada', cents: 100 });
  const account = await kv.get('a');
  expectTypeOf(account).toEqualTypeOf<Account | undefined>();
  expect(account).toEqual({ owner: 'Ada', cents: 100 });
  const seen = await kv.store('seen', { keyEncoding: dates, valueEncoding: 'utf8' });
  await seen.put(new Date('2026-11-21'), 'x');
  expectTypeOf(await seen.keys().all()).toEqualTypeOf<Date[]>();
  expect(await seen.entries().all()).toEqual([[new Date('2026-11-21'), 'x']]);
  await expect(seen.put(new Date('2026-11-22'), 5 as unknown as string)).rejects.toMatchObject({
    code: 'MILLRACE_ENCODING',
  });
});

test('a value that cannot be decoded is an encoding error, not a crash', async () => {
  const kv = await home('pool').open({ valueEncoding: 'json' });
  const raw = await kv.store('default', { valueEncoding: 'utf8' });
  await raw.put('k', 'not json');
  await expect(kv.get('k')).rejects.toMatchObject({ code: 'MILLRACE_ENCODING' });
  expect(() => kv.getSync('k')).toThrow(expect.objectContaining({ code: 'MILLRACE_ENCODING' }));
});

test('what cannot be written is refused by name', async () => {
  const kv = await home('pool').open();
  await expect(kv.put('x'.repeat(70_000), '')).rejects.toMatchObject({ code: 'MILLRACE_TOO_LARGE' });
  await expect(kv.put('k', 'v', { ttlMs: -1 })).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  await expect(kv.put('k', 'v', { ttlMs: 1, expiresMs: 2 })).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  await expect(kv.put('k', 'v', { ifAbsent: true, ifSeq: 1n })).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  await expect(kv.put('k', 'v', { durability: 'always' as 'durable' })).rejects.toMatchObject({
    code: 'MILLRACE_OPTION',
  });
  expect(kv.count()).toBe(0);
});
