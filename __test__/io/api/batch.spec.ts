/** Rows of numbers: everything queued completes once, in one callback a turn, refused or not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Arena } from '../../../ts/io/api/index.ts';
import { scratch } from '../../support/scratch.ts';
import { drivers, ringOn } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('writes and reads of many rows come back by their tokens', async () => {
    using folder = scratch('io-batch');
    await using ring = await ringOn(driver, { entries: 16 });
    const path = join(folder.path, 'file');
    const file = await ring.open(path, { flags: 'w+' });
    const arena = new Arena({ slotBytes: 4096, slots: 64 });
    const leases = Array.from({ length: 64 }, (_, at) => {
      const lease = arena.lease();
      lease.bytes.fill(at);
      return lease;
    });
    const results = new Map<number, number>();
    let done: (() => void) | undefined;
    const batch = ring.batch({
      entries: 64,
      onCompletions(completions, count) {
        for (let at = 0; at < count; at += 1) results.set(completions[at * 2] ?? -1, completions[at * 2 + 1] ?? -1);
        if (results.size === 64) done?.();
      },
    });
    const all = () => {
      results.clear();
      return new Promise<void>((resolve) => {
        done = resolve;
        batch.submit();
      });
    };
    for (const [at, lease] of leases.entries()) batch.write(at, file, at * 4096, lease);
    expect(batch.queued).toBe(64);
    expect(() => batch.nop(99)).toThrow(expect.objectContaining({ code: 'MILLRACE_BUSY' }));
    await all();
    expect([...results.values()].every((result) => result === 4096)).toBe(true);
    const written = readFileSync(path);
    expect(leases.every((_, at) => written[at * 4096] === at && written[at * 4096 + 4095] === at)).toBe(true);
    leases.forEach((lease, at) => {
      lease.bytes.fill(255);
      batch.read(at, file, (63 - at) * 4096, lease);
    });
    await all();
    expect(leases.every((lease, at) => lease.bytes[0] === 63 - at)).toBe(true);
    for (const lease of leases) lease.release();
    await file.close();
  });

  test('what is submitted at once has begun before the turn ends, and completes once like all else', async () => {
    await using ring = await ringOn(driver, { entries: 64 });
    await ring.nop();
    const results: number[] = [];
    const { enters } = ring.counters;
    await new Promise<void>((resolve) => {
      const batch = ring.batch({
        onCompletions(completions, count) {
          for (let at = 0; at < count; at += 1) results.push(completions[at * 2] ?? -1);
          if (results.length === 64) resolve();
        },
      });
      for (let token = 0; token < 64; token += 1) {
        batch.nop(token);
        if (batch.queued === 8) batch.submit(true);
      }
    });
    expect([...new Set(results)].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, token) => token));
    expect(results).toHaveLength(64);
    await ring.nop();
    // At the end of the turn it would have been one.
    if (ring.driver.driver === 'ring') expect(ring.counters.enters - enters).toBeGreaterThan(4);
  });

  test('what is refused completes as such, with an error that says why', async () => {
    using folder = scratch('io-batch');
    await using ring = await ringOn(driver);
    const file = await ring.open(join(folder.path, 'file'), { flags: 'w+' });
    const arena = new Arena({ slotBytes: 4096, slots: 2 });
    const [lease, gone] = [arena.lease(), arena.lease()];
    gone.release();
    const results: [number, string][] = [];
    await new Promise<void>((resolve) => {
      const batch = ring.batch({
        onCompletions(completions, count) {
          for (let at = 0; at < count; at += 1) {
            const result = completions[at * 2 + 1] ?? 0;
            results.push([completions[at * 2] ?? -1, result < 0 ? batch.error(result).code : String(result)]);
          }
          if (results.length === 6) resolve();
        },
      });
      batch.read(1, file, 0, lease);
      batch.read(2, file, 0, lease);
      batch.read(3, file, 0, gone);
      batch.write(4, file, 0, lease, 4000, 500);
      batch.nop(5);
      batch.timeout(6, 1000);
      batch.submit();
    });
    expect(Object.fromEntries(results)).toEqual({
      1: '0',
      2: 'MILLRACE_BUFFER_BUSY',
      3: 'MILLRACE_STALE_HANDLE',
      4: 'MILLRACE_ARGUMENT',
      5: '0',
      6: '0',
    });
  });

  test('linked rows run in order, and a cancelled one ends', async () => {
    using folder = scratch('io-batch');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    const file = await ring.open(path, { flags: 'w+' });
    const lease = new Arena({ slotBytes: 4096, slots: 1 }).lease();
    lease.bytes.fill(7);
    const results = new Map<number, number>();
    await new Promise<void>((resolve) => {
      const batch = ring.batch({
        onCompletions(completions, count) {
          for (let at = 0; at < count; at += 1) results.set(completions[at * 2] ?? -1, completions[at * 2 + 1] ?? -1);
          if (results.size === 2) batch.cancel(3);
          if (results.size === 3) resolve();
        },
      });
      batch.timeout(3, 3_600_000_000_000);
      batch.write(1, file, 0, lease, 0, 4096, { durable: true, linked: true });
      batch.datasync(2, file, { linked: true });
      batch.submit();
    });
    expect(Object.fromEntries(results)).toEqual({ 1: 4096, 2: 0, 3: -125 });
    expect(readFileSync(path).length).toBe(4096);
  });
});
