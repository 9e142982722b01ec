/** Waiters are released by watermark, in submission order, each once. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Code } from '../../ts/io/native-types.ts';
import { Waiters } from '../../ts/io/waiters.ts';

interface Seen {
  lsn: number;
  level: 'written' | 'durable';
  failure: number;
}

function watched(): { waiters: Waiters; seen: Seen[]; add(lsn: number, level: 'written' | 'durable'): void } {
  const waiters = new Waiters((error) => {
    throw error;
  });
  const seen: Seen[] = [];
  return {
    waiters,
    seen,
    add(lsn, level) {
      const waiter = { lsn, release: (failure: number) => seen.push({ lsn, level, failure }) };
      if (level === 'written') waiters.addWritten(waiter);
      else waiters.addDurable(waiter);
    },
  };
}

describe('waiters', () => {
  test('a watermark releases everyone at or below it and nobody above', () => {
    const { waiters, seen, add } = watched();
    for (const lsn of [1, 2, 3]) add(lsn, 'durable');
    waiters.release(3, 2);
    expect(seen.map(({ lsn }) => lsn)).toEqual([1, 2]);
    expect(waiters.length).toBe(1);
  });

  test('written waiters do not wait for durable ones behind them', () => {
    const { waiters, seen, add } = watched();
    add(1, 'durable');
    add(2, 'written');
    waiters.release(2, 0);
    expect(seen.map(({ lsn }) => lsn)).toEqual([2]);
  });

  test('when both watermarks move at once the older frame is answered first', () => {
    const { waiters, seen, add } = watched();
    add(1, 'written');
    add(2, 'durable');
    add(3, 'written');
    add(4, 'durable');
    waiters.release(4, 4);
    expect(seen.map(({ lsn }) => lsn)).toEqual([1, 2, 3, 4]);
  });

  test('a failure reaches everyone who is left, in order, once', () => {
    const { waiters, seen, add } = watched();
    add(1, 'durable');
    add(2, 'written');
    add(3, 'durable');
    waiters.release(0, 0);
    waiters.fail(Code.poisoned);
    waiters.fail(Code.poisoned);
    expect(seen).toEqual([1, 2, 3].map((lsn) => expect.objectContaining({ lsn, failure: Code.poisoned })));
  });

  test('a waiter that throws is reported, and the others are released all the same', () => {
    const reported: unknown[] = [];
    const waiters = new Waiters((error) => reported.push(error));
    let released = 0;
    const bad = new Error('bad');
    for (const lsn of [1, 2]) {
      waiters.addDurable({
        lsn,
        release() {
          released += 1;
          throw bad;
        },
      });
    }
    waiters.release(2, 2);
    expect([released, reported]).toEqual([2, [bad, bad]]);
  });

  test('whatever the watermarks do, each waiter is released once, exactly when its own has passed it', () => {
    const step = fc.record({
      add: fc.array(fc.constantFrom('written' as const, 'durable' as const), { maxLength: 5 }),
      written: fc.nat(4),
      durable: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { waiters, seen, add } = watched();
        const all: { lsn: number; level: 'written' | 'durable' }[] = [];
        let [lsn, written, durable] = [0, 0, 0];
        for (const { add: levels, written: more, durable: evenMore } of steps) {
          for (const level of levels) {
            lsn += 1;
            all.push({ lsn, level });
            add(lsn, level);
          }
          written = Math.min(lsn, written + more);
          durable = Math.min(written, durable + evenMore);
          waiters.release(written, durable);
          const due = all.filter((one) => one.lsn <= (one.level === 'written' ? written : durable));
          expect(seen).toHaveLength(due.length);
        }
        expect(new Set(seen.map((one) => one.lsn)).size).toBe(seen.length);
      }),
      { seed: 20, numRuns: 200 },
    );
  });
});
