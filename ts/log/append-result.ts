/**
 * What an append resolves with.
 *
 * Not the waiting. To remember: `level` is what is promised already; `durable` is lazy: unread it costs nothing and can
 * never become an unhandled rejection, read it forces a flush if none is on its way.
 */

import type { Durability } from '../durability.ts';

/** One partition's share of an append. */
export interface AppendPart {
  readonly partition: number;
  /** Offset of its first record; the others follow without a hole. */
  readonly baseOffset: bigint;
  /** Records. */
  readonly count: number;
}

/** Who can make a frame durable; the engine. */
export interface Flusher {
  makeDurable(lsn: number): Promise<void>;
}

/** The result of one append. */
export class AppendResult implements AppendPart {
  readonly partition: number;
  readonly count: number;
  /** The durability level that was reached when this was answered. */
  readonly level: Durability;
  readonly #base: number;
  readonly #lsn: number;
  readonly #flusher: Flusher;
  readonly #parts: readonly AppendPart[] | undefined;

  constructor(
    flusher: Flusher,
    partition: number,
    base: number,
    count: number,
    level: Durability,
    lsn: number,
    parts?: readonly AppendPart[],
  ) {
    this.partition = partition;
    this.count = count;
    this.level = level;
    this.#base = base;
    this.#lsn = lsn;
    this.#flusher = flusher;
    this.#parts = parts;
  }

  /** Offset of the first record (of the first part, when keys spread the records over partitions). */
  get baseOffset(): bigint {
    return BigInt(this.#base);
  }

  /** One entry for each partition that took part; all of them lie in one atomic frame. */
  get parts(): readonly AppendPart[] {
    return this.#parts ?? [this];
  }

  /** Resolves when a power cut cannot take this append any more. Rejects with MILLRACE_OUTCOME_UNKNOWN. */
  get durable(): Promise<void> {
    return this.level === 'durable' ? Promise.resolve() : this.#flusher.makeDurable(this.#lsn);
  }
}
