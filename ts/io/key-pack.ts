/**
 * The keys of one run of reads, packed: rows of numbers and one array that holds all short keys.
 *
 * Not the reading (kv-reads.ts). To remember: keys are copied here, so that a run costs one array at the boundary
 * whatever the number of its keys.
 */

import { KV_GET_STRIDE } from './native-types.ts';

const ROWS_LEAST = 16;
const BYTES_LEAST = 4096;
/** Above this, a run's memory is given back when the next one begins. */
const BYTES_KEPT = 1024 * 1024;

/** A run of keys, used again and again. */
export class KeyPack {
  rows: Float64Array = new Float64Array(ROWS_LEAST * KV_GET_STRIDE);
  count = 0;
  #bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_LEAST);
  #used = 0;

  /** The one array that the rows point into. */
  get buffers(): Uint8Array[] {
    return [this.#bytes];
  }

  /** Forgets the keys. */
  clear(): void {
    this.count = 0;
    this.#used = 0;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafeSlow(BYTES_LEAST);
    if (this.rows.length > BYTES_KEPT / 8) this.rows = new Float64Array(ROWS_LEAST * KV_GET_STRIDE);
  }

  /** Adds a key; its row is the number of keys before it. */
  add(store: number, snapshot: number, key: Uint8Array): void {
    const at = this.count * KV_GET_STRIDE;
    if (at === this.rows.length) this.#growRows();
    const end = this.#used + key.length;
    if (end > this.#bytes.length) this.#growBytes(end);
    this.#bytes.set(key, this.#used);
    const rows = this.rows;
    rows[at] = store;
    rows[at + 1] = snapshot;
    rows[at + 2] = 0;
    rows[at + 3] = this.#used;
    rows[at + 4] = end;
    this.#used = end;
    this.count += 1;
  }

  /** Makes the question of row `from` that of row `to`, which is not behind it. */
  move(from: number, to: number): void {
    this.rows.copyWithin(to * KV_GET_STRIDE, from * KV_GET_STRIDE, (from + 1) * KV_GET_STRIDE);
  }

  #growRows(): void {
    const larger = new Float64Array(this.rows.length * 2);
    larger.set(this.rows);
    this.rows = larger;
  }

  #growBytes(least: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(least, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}
