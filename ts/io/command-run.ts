/**
 * A run of simple Redis commands from many connections, as one call of the addon: rows of numbers, the bytes they point
 * into, and memory for the replies.
 *
 * Not which connections may take part (ts/redis/direct-run.ts). To remember: replies lie in memory that is never written
 * again; of a row's bytes only `consumed` have been acted on.
 */

import type { LevelNumber, NativeEngine } from './native-types.ts';
import { RUN_STRIDE } from './native-types.ts';

/** Memory for replies is taken in pieces of this size. */
const CHUNK_BYTES = 256 * 1024;
/** With less than this left, the next call gets a new one. */
const ROOM_LEAST = 64 * 1024;
const ROWS_LEAST = 64;

/** The rows of one call, used again and again. */
export class CommandRun {
  count = 0;
  /** Where the replies of the latest call lie. */
  replies: Buffer = Buffer.alloc(0);
  readonly #native: NativeEngine;
  #rows = new Float64Array(ROWS_LEAST * RUN_STRIDE);
  #buffers: Uint8Array[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  #used = 0;
  #from = 0;

  constructor(native: NativeEngine) {
    this.#native = native;
  }

  /** Forgets the rows. */
  clear(): void {
    this.count = 0;
    if (this.#buffers.length > 0) this.#buffers = [];
  }

  /**
   * Adds what a connection has sent: `bytes[start, end)`. `stores` are those of its database: strings, heads of collections
   * (0 when there are none), their members.
   */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    stores: readonly [number, number, number],
    protocol: number,
  ): void {
    const at = this.count * RUN_STRIDE;
    // One more row than connections.
    if (at + RUN_STRIDE === this.#rows.length) {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    const buffers = this.#buffers;
    let index = buffers.length - 1;
    if (buffers[index] !== bytes) index = buffers.push(bytes) - 1;
    const rows = this.#rows;
    rows[at] = index;
    rows[at + 1] = start;
    rows[at + 2] = end;
    rows[at + 3] = stores[0];
    rows[at + 4] = stores[1];
    rows[at + 5] = stores[2];
    rows[at + 6] = protocol;
    this.count += 1;
  }

  /**
   * Runs all rows. Answers the LSN that their readers wait for at `level`: 0 when nothing was written, -1 when the engine is
   * gone and nothing was done.
   */
  run(level: LevelNumber): number {
    if (this.#chunk.length - this.#used < ROOM_LEAST) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#used = 0;
    }
    this.#from = this.#used;
    this.replies = this.#chunk;
    const room = this.#chunk.subarray(this.#from);
    const lsn = this.#native.runCommands(this.#rows, this.count, this.#buffers, level, room);
    if (lsn >= 0 && this.count > 0) this.#used = this.#from + this.#value(this.count - 1, 9);
    return lsn;
  }

  #value(row: number, index: number): number {
    return this.#rows[row * RUN_STRIDE + index] as number;
  }

  /** How often each of `RUN_COMMANDS` happened in the latest call, from `countsFrom` on. */
  get counts(): Float64Array {
    return this.#rows;
  }

  get countsFrom(): number {
    return this.count * RUN_STRIDE;
  }

  /** Bytes of the commands that were run. */
  consumed(row: number): number {
    return this.#value(row, 7);
  }

  /** Where the row's replies begin and end in `replies`. */
  start(row: number): number {
    return this.#from + this.#value(row, 8);
  }

  end(row: number): number {
    return this.#from + this.#value(row, 9);
  }

  commands(row: number): number {
    return this.#value(row, 10);
  }

  hits(row: number): number {
    return this.#value(row, 11);
  }

  misses(row: number): number {
    return this.#value(row, 12);
  }

  /** Its last command, as a place in `RUN_COMMANDS`; -1: there was none. */
  last(row: number): number {
    return this.#value(row, 13);
  }

  /** Why it ended: a `RunEnd`. */
  reason(row: number): number {
    return this.#value(row, 14);
  }
}
