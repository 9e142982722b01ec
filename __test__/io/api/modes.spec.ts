/** Modes and what is registered: each works or says why not, and does the same. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Arena, capabilities, openRing, type Ring } from '../../../ts/io/api/index.ts';
import { registration, ringRefusal } from '../../support/hardship.ts';
import { scratch } from '../../support/scratch.ts';
import { codeOf, drivers, ringOn } from './drivers.ts';

describe('a ring with a kernel thread and registered files and memory', () => {
  test('does the same as any other', async () => {
    using folder = scratch('io-modes');
    if (ringRefusal !== undefined) {
      expect(await codeOf(openRing({ driver: 'ring', mode: 'sqpoll' }))).toBe('MILLRACE_DRIVER');
      return;
    }
    await using ring = await openRing({ driver: 'ring', mode: 'sqpoll', registeredFiles: 4 });
    expect(ring.driver.refused).toEqual([]);
    expect(ring.driver.flags).toContain('SQPOLL');
    const arena = new Arena({ slotBytes: 4096, slots: 1024 });
    expect(ring.registerArena(arena)).toEqual(registration);
    expect(ring.registerArena(arena).available).toBe(registration.available);
    // More files than are registered, opened and closed again and again.
    for (let round = 0; round < 3; round += 1) {
      const files = await Promise.all(
        Array.from({ length: 6 }, (_, at) => ring.open(join(folder.path, `${at}`), { flags: 'w+', direct: true })),
      );
      const leases = files.map(() => arena.lease());
      await Promise.all(
        files.map(async (file, at) => {
          const lease = leases[at] ?? arena.lease();
          lease.bytes.fill(round * 10 + at);
          expect(await file.write(lease, { position: 0, durable: true })).toBe(4096);
          lease.bytes.fill(255);
          expect(await file.read(lease, { position: 0 })).toBe(4096);
          expect(lease.bytes.every((byte) => byte === round * 10 + at)).toBe(true);
          await file.datasync();
          lease.release();
          await file.close();
        }),
      );
    }
  });
});

describe.skipIf(ringRefusal !== undefined)('a ring whose loop stays awake while the device has something', () => {
  /** Writes and reads a block again and again; what the loop slept meanwhile, of the whole time. */
  async function sleptShare(ring: Ring, path: string): Promise<number> {
    await using file = await ring.open(path, { flags: 'w+' });
    const arena = new Arena({ slotBytes: 4096, slots: 1 });
    using lease = arena.lease();
    const before = performance.eventLoopUtilization();
    for (let at = 0; at < 100; at += 1) {
      lease.bytes.fill(at);
      expect(await file.write(lease, { position: 0 })).toBe(4096);
      lease.bytes.fill(255);
      expect(await file.read(lease, { position: 0 })).toBe(4096);
      expect(lease.bytes[100]).toBe(at);
    }
    return 1 - performance.eventLoopUtilization(before).utilization;
  }

  test('does the same, sleeps less, and lets others on the loop have their turns', async () => {
    using folder = scratch('io-awake');
    await using asleep = await openRing({ driver: 'ring' });
    const share = await sleptShare(asleep, join(folder.path, 'asleep'));
    await using awake = await openRing({ driver: 'ring', busyPollMicros: 10_000 });
    expect(awake.driver.refused).toEqual([]);
    let hadTurn = false;
    setTimeout(() => {
      hadTurn = true;
    }, 20);
    let awakeShare = 1;
    while (!hadTurn) awakeShare = await sleptShare(awake, join(folder.path, 'awake'));
    expect(awakeShare).toBeLessThan(Math.max(share / 2, 0.05));
  });

  test('sleeps when the device has nothing, whoever else is waited for', async () => {
    await using ring = await openRing({ driver: 'ring', busyPollMicros: 10_000 });
    await ring.nop();
    const before = process.cpuUsage();
    await ring.timeout(500);
    // Of the processor, not of time: on a machine that is busy a loop that is awake may just not be let run.
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(250_000);
  });
});

describe.each(drivers)('on driver %s', (driver) => {
  test('what is not to be had is refused with the reason, and the rest works', async () => {
    await using ring = await ringOn(driver, { mode: 'iopoll', registeredFiles: 1, busyPollMicros: 50 });
    expect(ring.driver.refused.find(({ feature }) => feature === 'iopoll')?.reason).toMatch(/polled for/);
    const isAwake = !ring.driver.refused.some(({ feature }) => feature === 'busy poll');
    expect(isAwake).toBe(ring.driver.driver === 'ring');
    expect(await codeOf(ring.nop())).toBe('resolved');
    const { available, reason } = ring.registerArena(new Arena({ slots: 64 }));
    expect([available, reason !== '']).toEqual([driver === 'ring' && registration.available, true]);
  });
});

test('options out of range are refused', async () => {
  for (const options of [
    { entries: 0 },
    { entries: 5000 },
    { threads: 65 },
    { registeredFiles: -1 },
    { entries: 1.5 },
    { busyPollMicros: 10_001 },
  ]) {
    expect(await codeOf(openRing(options))).toBe('MILLRACE_OPTION');
  }
  expect(await codeOf(openRing({ driver: 'sim' as 'auto' }))).toBe('MILLRACE_OPTION');
  expect(await codeOf(openRing({ mode: 'defer' as 'sqpoll' }))).toBe('MILLRACE_OPTION');
});

test('capabilities name kernel, driver, file system and limits, and a reason for everything', async () => {
  using folder = scratch('io-capabilities');
  const found = await capabilities(folder.path);
  expect(found.kernel).toMatch(/^\d+\.\d+/);
  expect(['ring', 'pool']).toContain(found.driver);
  const { ring, sqpoll, iopoll, registeredFiles, registeredBuffers, direct, durableWrites, dontCache, atomicWrites } =
    found;
  for (const one of [
    ring,
    sqpoll,
    iopoll,
    registeredFiles,
    registeredBuffers,
    direct,
    durableWrites,
    dontCache,
    atomicWrites,
  ]) {
    expect(one).toMatchObject({ available: expect.any(Boolean), reason: expect.stringMatching(/./) });
  }
  expect([iopoll.available, durableWrites.available]).toEqual([false, true]);
  expect(found.limits.openFiles).toBeGreaterThan(0);
  expect(found.device.flushP50Ns).toBeGreaterThan(0);
});
