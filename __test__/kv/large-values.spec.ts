/** Promises of large values through the public API: larger than a frame, in any order with others, after a restart. */

import { describe, expect, it } from 'vitest';
import { drivers, home, small } from './homes.ts';

const MIB = 1024 * 1024;

describe.each(drivers)('large values on %s', (driver) => {
  it('come back whole, overwritten and deleted ones never', async () => {
    const place = home(driver);
    const options = { ...small, largeValueBytes: '16kb' } as const;
    const value = (seed: number): Buffer => Buffer.alloc(20_000 + seed * 1_000, seed);
    {
      const kv = await place.open(options);
      for (let round = 0; round < 4; round += 1) {
        await Promise.all(Array.from({ length: 20 }, (_, at) => kv.put(`key/${at}`, value(at + round))));
      }
      await kv.del('key/3');
      expect((await kv.get('key/5'))?.equals(value(8))).toBe(true);
      await kv.close();
    }
    const kv = await place.open(options);
    for (let at = 0; at < 20; at += 1) {
      const found = await kv.get(`key/${at}`);
      expect(at === 3 ? found === undefined : found?.equals(value(at + 3))).toBe(true);
    }
    const found: [string, number][] = [];
    for await (const [key, one] of kv.entries()) found.push([key, one.length]);
    expect(found.length).toBe(19);
    expect(kv.stats().largeFiles).toBeGreaterThan(0);
  });
});

describe('a value larger than any frame', () => {
  it('is put, read, and read again after a restart', async () => {
    const place = home('ring');
    const value = Buffer.alloc(40 * MIB, 'millrace');
    {
      const kv = await place.open();
      const both = [kv.put('huge', value), kv.put('huge too', value.subarray(1))];
      expect(await Promise.all(both)).toEqual([true, true]);
      expect((await kv.get('huge'))?.equals(value)).toBe(true);
      await kv.close();
    }
    const kv = await place.open();
    expect((await kv.get('huge'))?.equals(value)).toBe(true);
    expect((await kv.get('huge too'))?.equals(value.subarray(1))).toBe(true);
  });

  it('is refused where large files are switched off', async () => {
    const kv = await home('ring').open({ largeValueBytes: 0 });
    await expect(kv.put('huge', Buffer.alloc(40 * MIB))).rejects.toMatchObject({ code: 'MILLRACE_TOO_LARGE' });
    expect(await kv.put('small', Buffer.from('still'))).toBe(true);
  });
});
