/** Large buffers are handed out again, to one taker at a time, and not kept without bound. */

import { expect, test } from 'vitest';
import { LargeBuffers } from '../../../ts/broker/large-buffers.ts';

const MIB = 1024 * 1024;

test('a large buffer that was given back is handed out again for a similar size', () => {
  const buffers = new LargeBuffers();
  const first = buffers.take(MIB + 100);
  expect(first.length).toBeGreaterThanOrEqual(MIB + 100);
  buffers.give(first);
  expect(buffers.take(MIB + 5000) === first).toBe(true);
  expect(buffers.keptBytes).toBe(0);
});

test('two takers never hold the same buffer', () => {
  const buffers = new LargeBuffers();
  buffers.give(buffers.take(MIB));
  const [first, second] = [buffers.take(MIB), buffers.take(MIB)];
  expect(first === second).toBe(false);
});

test('a buffer is at most a quarter larger than what was asked for', () => {
  const buffers = new LargeBuffers();
  for (const bytes of [65_536, 65_537, 300_000, 1_000_001, 9_999_999, 60_000_000]) {
    const { length } = buffers.take(bytes);
    expect(length).toBeGreaterThanOrEqual(bytes);
    expect(length).toBeLessThanOrEqual(Math.max(bytes * 1.25, bytes + 65_536));
  }
});

test('what is kept for later stays below 16 MiB', () => {
  const buffers = new LargeBuffers();
  const taken = Array.from({ length: 20 }, () => buffers.take(5 * MIB));
  for (const buffer of taken) buffers.give(buffer);
  expect(buffers.keptBytes).toBeLessThanOrEqual(16 * MIB);
  expect(buffers.keptBytes).toBeGreaterThan(10 * MIB);
});

test('small buffers are not kept', () => {
  const buffers = new LargeBuffers();
  buffers.give(buffers.take(1000));
  expect(buffers.keptBytes).toBe(0);
});

test('what nobody needed between two trims is let go of, and what was needed stays', () => {
  const buffers = new LargeBuffers();
  const taken = [buffers.take(MIB), buffers.take(MIB)];
  for (const buffer of taken) buffers.give(buffer);
  buffers.trim();
  expect(buffers.keptBytes).toBe(2 * MIB);
  buffers.give(buffers.take(MIB));
  buffers.trim();
  expect(buffers.keptBytes).toBe(MIB);
  buffers.trim();
  expect(buffers.keptBytes).toBe(0);
});
