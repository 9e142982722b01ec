/**
 * Which batches of a read belong to aborted transactions: what a reader of committed data leaves out (rule 22).
 *
 * Not the look-up (the engine knows who aborted what). To remember: batches are asked for in offset order, each once; an
 * aborted transaction reaches from its first offset to its producer's next marker.
 */

import { type BatchHeader, isTransactional, producerIdOf } from './batch-view.ts';
import type { AbortedTransaction } from './types.ts';

export class AbortedRecords {
  /** By first offset; what was passed is gone. */
  readonly #coming: AbortedTransaction[];
  /** Producers in the middle of an aborted transaction. */
  readonly #open = new Set<number>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether the batch at `at` belongs to an aborted transaction; markers end them. */
  has(bytes: Buffer, at: number, header: BatchHeader): boolean {
    while (this.#coming[0] && this.#coming[0].firstOffset <= header.lastOffset) {
      this.#open.add((this.#coming.shift() as AbortedTransaction).producerId);
    }
    if (this.#open.size === 0) return false;
    const producerId = producerIdOf(bytes, at);
    if (header.control) return this.#open.delete(producerId);
    return isTransactional(header) && this.#open.has(producerId);
  }
}
