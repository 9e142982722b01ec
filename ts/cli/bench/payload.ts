/**
 * Values of a bench: bytes that do not compress by accident, and batches of them. Not secret, and not random enough to be.
 *
 * Invariant: a batch made once may be sent any number of times: nothing in it depends on where it lands.
 */
import { codecNames } from '../../log/batch-layout.ts';
import { type BatchTools, BatchWriter } from '../../log/record-batch.ts';
import type { LogBenchOptions } from './workload.ts';

/** `size` bytes, the same for the same seed. */
export function payload(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < size; at += 1) {
    // xorshift32: a cheap sequence without a pattern that a codec would find.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

/** Makes batches of `batch` records; each call a copy of its own. `mark` goes into the first bytes of every value. */
export function batchMaker(options: LogBenchOptions, tools: BatchTools): (mark?: number) => Uint8Array {
  const writer = new BatchWriter(tools);
  const value = payload(options.size);
  const codec = codecNames.indexOf(options.compression);
  return (mark) => {
    const now = Date.now();
    if (mark !== undefined) value.writeDoubleLE(mark);
    writer.begin();
    for (let count = 0; count < options.batch; count += 1) writer.add({ value }, now);
    const end = writer.finish(codec);
    return Uint8Array.prototype.slice.call(writer.bytes, 0, end);
  };
}
