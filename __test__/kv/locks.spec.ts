/**
 * What a lock promises: one holder at a time, a token that only grows, a grant that no power cut takes back, and writes
 * that a stale token cannot make.
 */

import { expect, test } from 'vitest';
import type { Kv, KvLock } from '../../ts/kv/index.ts';
import { type LockClock, Locks } from '../../ts/kv/locks.ts';
import { Stores } from '../../ts/kv/stores.ts';
import { Random } from '../support/random.ts';
import { drivers, home } from './homes.ts';

type Texts = Kv<'utf8', 'utf8'>;

/** Clocks in the hand of the test. */
class Hands implements LockClock {
  monotonic = 1000;
  wall = 1_700_000_000_000;

  monotonicMs(): number {
    return this.monotonic;
  }

  wallMs(): number {
    return this.wall;
  }

  pass(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
  }
}

/** Lets everything happen that is ready to. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test.each(drivers)('a lock has one holder, and those who wait get it in their order (%s)', async (driver) => {
  const kv = await home(driver).open({ valueEncoding: 'utf8' });
  let holders = 0;
  const order: number[] = [];
  const tokens: bigint[] = [];
  await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      await using lock = await kv.lock('job', { ttlMs: 60_000 });
      holders += 1;
      expect(holders).toBe(1);
      order.push(index);
      tokens.push(lock.token);
      await new Promise((resolve) => setImmediate(resolve));
      expect(lock.isHeld).toBe(true);
      holders -= 1;
    }),
  );
  expect(order).toEqual(order.map((_, index) => index));
  expect(tokens).toEqual([...tokens].sort((left, right) => Number(left - right)));
  expect(new Set(tokens).size).toBe(12);
  const store = await kv.store('millrace.locks', { createIfMissing: false });
  await kv.flush();
  expect(store.count()).toBe(0);
});

test('a lock is not waited for by tryLock, by an aborted wait or by a closed handle', async () => {
  const place = home('pool');
  const kv = await place.open({ valueEncoding: 'utf8' });
  const other = await place.open();
  const lock = await kv.lock('a', { ttlMs: 60_000 });
  expect(await kv.tryLock('a', { ttlMs: 1000 })).toBeUndefined();
  await expect(kv.lock('a', { ttlMs: 1000, signal: AbortSignal.timeout(10) })).rejects.toMatchObject({
    code: 'MILLRACE_ABORTED',
  });
  const waiting = other.lock('a', { ttlMs: 1000 });
  const own = await other.lock('b', { ttlMs: 60_000 });
  await other.close();
  await expect(waiting).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  expect(own.lost.aborted).toBe(true);
  expect(await lock.release()).toBe(true);
  expect(await lock.release()).toBe(false);
  expect((await kv.tryLock('a', { ttlMs: 1000 }))?.token).toBeGreaterThan(lock.token);
  for (const ttlMs of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
    await expect(kv.lock('a', { ttlMs })).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  }
});

test('a write that names a lock is done while it is held with that token, and never by a stale one', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  await expect(kv.put('k', 'x', { fence: { name: 'a', token: 7n } })).rejects.toMatchObject({
    code: 'MILLRACE_FENCED',
  });
  const first = await kv.lock('a', { ttlMs: 60_000 });
  expect(await kv.put('k', '1', { fence: first })).toBe(true);
  expect(await kv.put('k', '2', { fence: first, ifAbsent: true })).toBe(false);
  expect(await first.extend(90_000)).toBe(true);
  expect(await kv.batch().put('k', '3').write({ fence: first })).toBe(true);
  await first.release();
  const second = await kv.lock('a', { ttlMs: 60_000 });
  const refused = { code: 'MILLRACE_FENCED', retriable: false };
  await expect(kv.put('k', 'stale', { fence: first })).rejects.toMatchObject(refused);
  await expect(kv.del('k', { fence: first })).rejects.toMatchObject(refused);
  await expect(kv.batch().put('k', 'stale').write({ fence: first })).rejects.toMatchObject(refused);
  expect(await kv.del('k', { fence: second })).toBe(true);
  expect(first.isHeld).toBe(false);
});

test('the wall clock may jump: nobody gets a lock before its time, and nobody waits longer', async () => {
  const kv = await home('pool').open({ valueEncoding: 'utf8' });
  const hands = new Hands();
  Locks.of(Stores.of(kv.engine), hands);
  const lock = await kv.lock('a', { ttlMs: 100 });
  hands.wall += 1_000_000;
  expect(await kv.tryLock('a', { ttlMs: 100 })).toBeUndefined();
  expect(await kv.put('k', '1', { fence: lock })).toBe(true);
  hands.wall -= 9_000_000;
  hands.pass(99);
  expect(lock.isHeld).toBe(true);
  expect(await kv.tryLock('a', { ttlMs: 100 })).toBeUndefined();
  hands.pass(200);
  expect(lock.isHeld).toBe(false);
  expect(await lock.extend()).toBe(false);
  const next = await kv.tryLock('a', { ttlMs: 100 });
  expect(next?.token).toBeGreaterThan(lock.token);
  await expect(kv.put('k', '2', { fence: lock })).rejects.toMatchObject({ code: 'MILLRACE_FENCED' });
});

test('after a restart a lock is kept for the rest of its time and no longer, whatever the wall clock did', async () => {
  for (const jump of [0, -5_000_000, 60]) {
    const place = home('pool');
    const hands = new Hands();
    const first = await place.open({ valueEncoding: 'utf8' });
    Locks.of(Stores.of(first.engine), hands);
    const lock = await first.lock('a', { ttlMs: 100 });
    await first.close();
    hands.wall += jump;
    const kv = await place.open({ valueEncoding: 'utf8' });
    Locks.of(Stores.of(kv.engine), hands);
    expect(await kv.tryLock('a', { ttlMs: 100 })).toBeUndefined();
    expect(await kv.put('k', '1', { fence: lock })).toBe(true);
    hands.pass(jump === 60 ? 41 : 101);
    const next = await kv.tryLock('a', { ttlMs: 100 });
    expect(next?.token).toBeGreaterThan(lock.token);
    await kv.close();
  }
});

test('no power cut gives a lock to two, takes a grant back, or makes a token twice', async () => {
  let grants = 0;
  for (let seed = 1; seed <= 25; seed += 1) {
    const chance = new Random(seed);
    const place = home('sim', seed);
    const hands = new Hands();
    let newest = 0n;
    /** Who was told of having it, and until when nobody else may. */
    const held = new Map<string, { lock: KvLock; until: number }>();
    for (let life = 0; life < 3; life += 1) {
      const kv: Texts = await place.open({ valueEncoding: 'utf8', flush: 'os', durability: 'written' });
      Locks.of(Stores.of(kv.engine), hands);
      for (let step = chance.between(1, 12); step > 0; step -= 1) {
        const name = `l${chance.between(0, 2)}`;
        const ttlMs = chance.between(50, 400);
        const before = held.get(name);
        const asked = kv.tryLock(name, { ttlMs }).then(
          (lock) => {
            if (!lock) return;
            grants += 1;
            if (before)
              expect(hands.monotonic, `seed ${seed}: ${name} given twice`).toBeGreaterThanOrEqual(before.until);
            expect(lock.token, `seed ${seed}: the token is not new`).toBeGreaterThan(newest);
            newest = lock.token;
            held.set(name, { lock, until: hands.monotonic + ttlMs });
          },
          () => {},
        );
        // Now and then the power goes before the answer.
        if (chance.between(0, 5) === 0) break;
        await Promise.race([asked, settle()]);
        await asked;
        if (before && chance.between(0, 3) === 0) {
          const isMine = held.get(name)?.lock === before.lock;
          if ((await before.lock.release()) && isMine) held.delete(name);
        }
        hands.pass(chance.between(0, 60));
      }
      kv.engine.cutPower();
      await kv.close().catch(() => {});
      await settle();
      hands.pass(chance.between(0, 30));
    }
    // A grant that was told is on the disk: its token still fences, unless its time was over.
    const kv: Texts = await place.open({ valueEncoding: 'utf8' });
    Locks.of(Stores.of(kv.engine), hands);
    for (const [name, { lock, until }] of held) {
      if (hands.monotonic >= until) continue;
      expect(await kv.tryLock(name, { ttlMs: 10 }), `seed ${seed}: ${name} was forgotten`).toBeUndefined();
      expect(await kv.put('k', 'v', { fence: lock })).toBe(true);
    }
    await kv.close();
  }
  expect(grants).toBeGreaterThan(70);
}, 90_000);
