/** The promises of the frame cutter: the same messages however the stream is split, and memory bounded by what arrived. */

import { expect, test } from 'vitest';
import { FrameCutter, FramingError, recognise } from '../../../ts/broker/protocol/framing.ts';

const LIMITS = { maxFrameBytes: 1 << 20, minGatherBytes: 16 };

class CountingBudget {
  used = 0;
  most = 0;
  readonly #limit: number;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  take(bytes: number): boolean {
    if (this.used + bytes > this.#limit) return false;
    this.used += bytes;
    this.most = Math.max(this.most, this.used);
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

function frame(payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

function pattern(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff));
}

function cut(chunks: Buffer[], budget = new CountingBudget()): Buffer[] {
  const cutter = new FrameCutter(LIMITS, budget);
  const found: Buffer[] = [];
  for (const chunk of chunks) {
    cutter.push(chunk);
    while (cutter.next()) found.push(Buffer.from(cutter.bytes.subarray(cutter.start, cutter.end)));
  }
  return found;
}

const payloads = [pattern(1, 1), pattern(9, 2), pattern(40, 3), pattern(2, 4)];
const stream = Buffer.concat(payloads.map(frame));

test('a stream split at any one boundary gives the same messages', () => {
  for (let at = 0; at <= stream.length; at += 1) {
    expect(cut([stream.subarray(0, at), stream.subarray(at)])).toEqual(payloads);
  }
});

test('a stream split at any two boundaries gives the same messages', () => {
  for (let first = 0; first <= stream.length; first += 1) {
    for (let second = first; second <= stream.length; second += 1) {
      const chunks = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
      expect(cut(chunks).every((bytes, i) => bytes.equals(payloads[i] as Buffer))).toBe(true);
    }
  }
});

test('a stream that arrives byte by byte gives the same messages', () => {
  expect(cut(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(payloads);
});

test('a message that lies whole in its chunk is not copied', () => {
  const cutter = new FrameCutter(LIMITS, new CountingBudget());
  cutter.push(stream);
  expect(cutter.next()).toBe(true);
  expect(cutter.bytes).toBe(stream);
  expect([cutter.start, cutter.end]).toEqual([4, 5]);
});

test('memory grows with the bytes that arrive, not with the length that is claimed', () => {
  const budget = new CountingBudget();
  const cutter = new FrameCutter(LIMITS, budget);
  const head = Buffer.alloc(4);
  head.writeInt32BE(LIMITS.maxFrameBytes);
  cutter.push(head);
  expect(cutter.next()).toBe(false);
  expect(budget.used).toBeLessThanOrEqual(LIMITS.minGatherBytes);
  for (let arrived = 100; arrived <= 10_000; arrived += 100) {
    cutter.push(Buffer.alloc(100));
    expect(cutter.next()).toBe(false);
    expect(budget.used).toBeLessThanOrEqual(Math.max(LIMITS.minGatherBytes, 8 * arrived));
  }
  cutter.release();
  expect(budget.used).toBe(0);
});

test('a gathered message gives its memory back to the budget when it is whole', () => {
  const budget = new CountingBudget();
  const bytes = frame(pattern(5000, 9));
  expect(cut([bytes.subarray(0, 100), bytes.subarray(100, 4000), bytes.subarray(4000)], budget)).toHaveLength(1);
  expect(budget.used).toBe(0);
  expect(budget.most).toBeGreaterThan(0);
});

test('a message for which the budget has no room is refused', () => {
  const bytes = frame(pattern(5000, 9));
  expect(() => cut([bytes.subarray(0, 1000)], new CountingBudget(500))).toThrow(FramingError);
});

test.each([
  ['empty', 0],
  ['negative', -1],
  ['negative', -2147483648],
  ['oversize', LIMITS.maxFrameBytes + 1],
  ['oversize', 0x7fffffff],
])('%s: a length of %i ends the stream at once', (failure, length) => {
  const head = Buffer.alloc(4);
  head.writeInt32BE(length);
  const budget = new CountingBudget();
  let error: unknown;
  try {
    cut([head], budget);
  } catch (caught) {
    error = caught;
  }
  expect((error as FramingError).failure).toBe(failure);
  expect(budget.most).toBe(0);
});

test.each([
  ['GET / HTTP/1.1\r\n', 'HTTP'],
  ['PRI * HTTP/2.0\r\n', 'HTTP'],
  ['SSH-2.0-x\r\n', 'SSH'],
  ['\x16\x03\x01\x02\x00', 'TLS'],
  ['*1\r\n$4\r\nPING\r\n', 'Redis'],
])('%j is recognised as %s', (text, what) => {
  expect(recognise(Buffer.from(text, 'latin1').readInt32BE(0))).toContain(what);
});

test('a Kafka request is not recognised as anything else', () => {
  expect(recognise(0x12)).toBeUndefined();
});
