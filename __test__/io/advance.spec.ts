/** Listeners learn which partitions a watermark has passed, and what they have learnt is let go of. */

import { expect, test } from 'vitest';
import { Advance } from '../../ts/io/advance.ts';

const report = (error: unknown): never => {
  throw error;
};

test('listeners are told the partitions whose data the watermark has passed, each once a time', () => {
  const advance = new Advance();
  const told: number[][] = [];
  advance.listen((partitions) => told.push([...partitions]));
  advance.placed(1, 7);
  advance.placed(2, 8);
  advance.placed(2, 8);
  advance.placed(3, 9);
  advance.reached(0, report);
  advance.reached(2, report);
  advance.reached(2, report);
  advance.reached(5, report);
  expect(told).toEqual([[7, 8], [9]]);
});

test('a listener that comes between placing and reaching is told', () => {
  const advance = new Advance();
  advance.placed(1, 7);
  const told: number[][] = [];
  advance.listen((partitions) => told.push([...partitions]));
  advance.reached(1, report);
  expect(told).toEqual([[7]]);
});

test('one listener that throws keeps no other from being told', () => {
  const advance = new Advance();
  const told: number[][] = [];
  const errors: unknown[] = [];
  advance.listen(() => {
    throw new Error('mine');
  });
  advance.listen((partitions) => told.push([...partitions]));
  advance.placed(1, 7);
  advance.reached(1, (error) => errors.push(error));
  expect(told).toEqual([[7]]);
  expect(errors).toEqual([new Error('mine')]);
});

test('under load that never rests every append is told once, in order, and nothing piles up', () => {
  const advance = new Advance();
  let next = 0;
  let told = 0;
  advance.listen((partitions) => {
    for (const partition of partitions) if (partition === told) told += 1;
  });
  const count = 3_000_000;
  const before = process.memoryUsage().heapUsed;
  while (next < count) {
    for (let more = 0; more < 100; more += 1, next += 1) advance.placed(next, next);
    // The last ten are always still on their way.
    advance.reached(next - 11, report);
  }
  expect(told).toBe(count - 10);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(count * 8);
});
