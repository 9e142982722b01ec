/** Parked operations: woken by their keys, ended by their deadline, gone without a trace. */
import { describe, expect, it } from 'vitest';
import { type ParkedWork, Purgatory } from '../../../ts/broker/purgatory/purgatory.ts';
import { ManualTimers } from '../support/manual-timers.ts';

class Work implements ParkedWork {
  looked = 0;
  expired = 0;
  enough = false;

  tryFinish(): boolean {
    this.looked++;
    return this.enough;
  }

  expire(): void {
    this.expired++;
  }
}

function setUp() {
  const timers = new ManualTimers();
  return { timers, purgatory: new Purgatory(timers) };
}

describe('the purgatory', () => {
  it('lets an operation look once per wake, however many of its keys moved', () => {
    const { purgatory } = setUp();
    const work = new Work();
    purgatory.park(work, [1, 2, 3], 100);
    purgatory.wake([1, 2, 3, 4]);
    expect(work.looked).toBe(1);
    expect(purgatory.size).toBe(1);
  });

  it('does not disturb operations that watch other keys', () => {
    const { purgatory } = setUp();
    const work = new Work();
    purgatory.park(work, [7], 100);
    purgatory.wake([1, 2]);
    expect(work.looked).toBe(0);
  });

  it('holds a hundred thousand operations, and looks at none but those that a wake concerns', () => {
    const { purgatory, timers } = setUp();
    const works = Array.from({ length: 100_000 }, () => new Work());
    for (const [index, work] of works.entries()) purgatory.park(work, [index % 1000], 1000 + (index % 500));
    purgatory.wake([7]);
    const looked = works.reduce((sum, work) => sum + work.looked, 0);
    expect([looked, purgatory.size, purgatory.watchedKeys]).toEqual([100, 100_000, 1000]);
    timers.pass(1249);
    expect(works.every(({ expired }, index) => expired === (index % 500 < 250 ? 1 : 0))).toBe(true);
    timers.pass(250);
    expect([purgatory.size, purgatory.watchedKeys, timers.wheel.size]).toEqual([0, 0, 0]);
  });

  it('ends an operation that finishes: neither keys nor the wheel remember it', () => {
    const { purgatory, timers } = setUp();
    const work = new Work();
    purgatory.park(work, [1, 2], 100);
    work.enough = true;
    purgatory.wake([2]);
    purgatory.wake([1, 2]);
    timers.pass(1000);
    expect(work).toMatchObject({ looked: 1, expired: 0 });
    expect([purgatory.size, purgatory.watchedKeys, timers.wheel.size]).toEqual([0, 0, 0]);
  });

  it('expires an operation at its deadline, not before, and only once', () => {
    const { purgatory, timers } = setUp();
    const work = new Work();
    purgatory.park(work, [1], 500);
    timers.pass(499);
    expect(work.expired).toBe(0);
    timers.pass(1);
    purgatory.wake([1]);
    expect(work).toMatchObject({ looked: 0, expired: 1 });
    expect(purgatory.watchedKeys).toBe(0);
  });

  it('forgets an operation that is dropped', () => {
    const { purgatory, timers } = setUp();
    const work = new Work();
    const parked = purgatory.park(work, [1], 500);
    purgatory.drop(parked);
    purgatory.drop(parked);
    purgatory.wake([1]);
    timers.pass(1000);
    expect(work).toMatchObject({ looked: 0, expired: 0 });
    expect(purgatory.size).toBe(0);
  });

  it('keeps the others when one of several watchers of a key ends', () => {
    const { purgatory } = setUp();
    const works = [new Work(), new Work(), new Work()];
    for (const work of works) purgatory.park(work, [1], 100);
    (works[1] as Work).enough = true;
    purgatory.wake([1]);
    purgatory.wake([1]);
    expect(works.map((work) => work.looked)).toEqual([2, 1, 2]);
  });

  it('survives an operation that ends another one while it looks', () => {
    const { purgatory } = setUp();
    const victim = new Work();
    const parked = purgatory.park(victim, [1], 100);
    const killer: ParkedWork = {
      tryFinish: () => {
        purgatory.drop(parked);
        return true;
      },
      expire: () => {},
    };
    purgatory.park(killer, [1], 100);
    purgatory.wake([1]);
    expect(purgatory.size).toBe(0);
  });

  it('expires everything at once when the broker closes', () => {
    const { purgatory, timers } = setUp();
    const works = [new Work(), new Work()];
    for (const work of works) purgatory.park(work, [1], 100);
    purgatory.expireAll();
    expect(works.map((work) => work.expired)).toEqual([1, 1]);
    expect(timers.wheel.size).toBe(0);
  });
});
