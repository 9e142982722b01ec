/** The timing wheel against a plain list of deadlines, and its promises one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimingWheel, WheelTimer } from '../../../ts/broker/purgatory/timing-wheel.ts';

/** Deadlines of every level, and beyond the last. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 2000 }),
  fc.integer({ min: 0, max: 5_000_000 }),
  fc.integer({ min: 0, max: 2 ** 33 }),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), timer: fc.nat(7), delay }),
  fc.record({ kind: fc.constant('cancel' as const), timer: fc.nat(7) }),
  fc.record({ kind: fc.constant('advance' as const), delay }),
);

describe('the timing wheel', () => {
  it('expires exactly what a sorted list would, whatever is set, moved and cancelled', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.array(step, { maxLength: 60 }), (start, steps) => {
        let now = start;
        const wheel = new TimingWheel(now);
        const expired: number[] = [];
        const timers = Array.from({ length: 8 }, (_, id) => new WheelTimer(() => expired.push(id)));
        const model = new Map<number, { deadline: number; setAt: number }>();
        for (const action of steps) {
          if (action.kind === 'set') {
            wheel.set(timers[action.timer] as WheelTimer, now + action.delay);
            model.set(action.timer, { deadline: now + action.delay, setAt: now });
          } else if (action.kind === 'cancel') {
            wheel.cancel(timers[action.timer] as WheelTimer);
            model.delete(action.timer);
          } else {
            now += action.delay;
            expired.length = 0;
            wheel.advance(now);
            // A deadline that was not in the future when it was set is met by the next millisecond.
            const due = [...model].filter(([, { deadline, setAt }]) => Math.max(deadline, setAt + 1) <= now);
            expect([...expired].sort()).toEqual(due.map(([id]) => id).sort());
            for (const id of expired) model.delete(id);
          }
          expect(wheel.size).toBe(model.size);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('names a next time that is never after the earliest deadline', () => {
    fc.assert(
      fc.property(fc.array(delay, { minLength: 1, maxLength: 20 }), (delays) => {
        const wheel = new TimingWheel(1000);
        for (const wait of delays) wheel.set(new WheelTimer(() => {}), 1000 + wait);
        const earliest = 1000 + Math.max(1, Math.min(...delays));
        expect(wheel.nextMs()).toBeLessThanOrEqual(earliest);
        expect(wheel.nextMs()).toBeGreaterThan(1000);
      }),
    );
  });

  it('expires every timer at its very deadline when it is advanced to each next time', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.array(delay, { minLength: 1, maxLength: 12 }), (start, delays) => {
        const wheel = new TimingWheel(start);
        const late: number[] = [];
        for (const wait of delays) {
          const deadline = start + Math.max(1, wait);
          wheel.set(new WheelTimer((now) => late.push(now - deadline)), deadline);
        }
        for (let next = wheel.nextMs(); next !== undefined; next = wheel.nextMs()) wheel.advance(next);
        expect(late).toEqual(delays.map(() => 0));
      }),
      { numRuns: 300 },
    );
  });

  it('expires a timer that lies right behind the start of a coarse slot not with that slot', () => {
    const wheel = new TimingWheel(0);
    let expiredAt = -1;
    wheel.set(
      new WheelTimer((now) => {
        expiredAt = now;
      }),
      1025,
    );
    wheel.advance(1024);
    expect(expiredAt).toBe(-1);
    wheel.advance(1025);
    expect(expiredAt).toBe(1025);
  });

  it('reaches a far deadline in a handful of steps, not millisecond by millisecond', () => {
    const wheel = new TimingWheel(0);
    let expiredAt = -1;
    wheel.set(
      new WheelTimer((now) => {
        expiredAt = now;
      }),
      1_800_000,
    );
    let steps = 0;
    for (let next = wheel.nextMs(); next !== undefined; next = wheel.nextMs()) {
      wheel.advance(next);
      steps++;
    }
    expect(expiredAt).toBe(1_800_000);
    expect(steps).toBeLessThanOrEqual(6);
  });

  it('lets a timer be armed again while it expires', () => {
    const wheel = new TimingWheel(0);
    const times: number[] = [];
    const timer: WheelTimer = new WheelTimer((now) => {
      times.push(now);
      if (times.length < 3) wheel.set(timer, now + 10);
    });
    wheel.set(timer, 5);
    for (let now = 0; now <= 40; now++) wheel.advance(now);
    expect(times).toEqual([5, 15, 25]);
    expect(wheel.size).toBe(0);
  });
});
