/**
 * What an append resolves with.
 *
 * Not the waiting. To remember: `level` is what is promised already; `durable` is lazy: unread it costs nothing and can
 * never become an unhandled rejection, read it forces a flush if none is on its way. What all appends of a frame have in
 * common is kept once.
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

/** A frame that has its place in the log. */
export interface PlacedFrame {
  readonly flusher: Flusher;
  /** Of its first part, when an append was spread over several. */
  readonly partition: number;
  readonly lsn: number;
  /** Offset of its first record (of its first part). */
  readonly base: number;
  /** The partitions an append was spread over; only for a frame that is one append. */
  readonly parts?: readonly AppendPart[];
}

/** The result of one append. */
export class AppendResult implements AppendPart {
  readonly partition: number;
  readonly count: number;
  /** The durability level that was reached when this was answered. */
  readonly level: Durability;
  readonly #frame: PlacedFrame;
  readonly #delta: number;

  /** `delta` records of the frame lie before this append's first. */
  constructor(frame: PlacedFrame, delta: number, count: number, level: Durability) {
    this.partition = frame.partition;
    this.count = count;
    this.level = level;
    this.#frame = frame;
    this.#delta = delta;
  }

  /** Offset of the first record (of the first part, when keys spread the records over partitions). */
  get baseOffset(): bigint {
    return BigInt(this.#frame.base + this.#delta);
  }

  /** One entry for each partition that took part; all of them lie in one atomic frame. */
  get parts(): readonly AppendPart[] {
    return this.#frame.parts ?? [this];
  }

  /** Resolves when a power cut cannot take this append any more. Rejects with MILLRACE_OUTCOME_UNKNOWN. */
  get durable(): Promise<void> {
    return this.level === 'durable' ? Promise.resolve() : this.#frame.flusher.makeDurable(this.#frame.lsn);
  }
}
