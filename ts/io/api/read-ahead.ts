/**
 * Reading a file in order, several reads ahead.
 *
 * Invariant: a slot is leased from its read's beginning until its chunk has been used; whatever ends the reading early
 * waits for the reads on their way before it gives their slots back.
 */
import { throwIfAborted } from '../../errors.ts';
import type { Arena, Lease } from './arena.ts';
import type { RingFile } from './ring-file.ts';

/** What to read. */
export interface ReadAheadOptions {
  /** First byte, aligned. */
  readonly from: number;
  /** The byte after the last; need not be aligned. */
  readonly end: number;
  readonly alignment: number;
  readonly signal: AbortSignal | undefined;
}

/** Bytes of a file; they hold until the next chunk is asked for. */
export interface Chunk {
  readonly position: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Read {
  readonly lease: Lease;
  readonly position: number;
  readonly count: Promise<number>;
}

/** Reads a slot full, or up to the end of the file, however many reads that takes. */
async function fill(file: RingFile, lease: Lease, position: number, options: ReadAheadOptions): Promise<number> {
  const { signal, alignment } = options;
  let count = 0;
  while (count < lease.length && count % alignment === 0 && position + count < options.end) {
    const went = await file.read(lease.part(count), { position: position + count, signal });
    if (went === 0) break;
    count += went;
  }
  return count;
}

/** The chunks of a file, in order; as many reads ahead as the arena has slots. */
export async function* readAhead(
  file: RingFile,
  arena: Arena,
  options: ReadAheadOptions,
): AsyncGenerator<Chunk, void, undefined> {
  const reads: Read[] = [];
  let next = options.from;
  const begin = (lease: Lease): void => {
    const count = fill(file, lease, next, options);
    // Whoever stops early never looks at it.
    count.catch(() => undefined);
    reads.push({ lease, position: next, count });
    next += arena.slotBytes;
  };
  try {
    while (next < options.end && reads.length < arena.slots) begin(arena.lease());
    for (let read = reads[0]; read !== undefined; read = reads[0]) {
      throwIfAborted(options.signal);
      const { lease, position } = read;
      const count = await read.count;
      if (count > 0) yield { position, bytes: lease.bytes.subarray(0, count) };
      reads.shift();
      lease.release();
      if (count < arena.slotBytes) return;
      if (next < options.end) begin(arena.lease());
    }
  } finally {
    await Promise.allSettled(reads.map(({ count }) => count));
    for (const { lease } of reads) lease[Symbol.dispose]();
  }
}
