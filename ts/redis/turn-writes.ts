/**
 * What the commands of a turn have written: the effects of one frame, how to undo them, and what is to be told of them.
 *
 * Not the views that reads go through (store-view.ts). To remember: a command is whole or undone: `rollback` leaves the
 * effects, the views and the news as they were at `mark`.
 */

import type { KvEffect } from '../log/types.ts';
import { isGivenAway } from './protocol/parser.ts';

/** A change of a key that somebody may have to hear of. */
export interface Touched {
  readonly db: number;
  /** A character a byte; null: every key of the database. */
  readonly key: string | null;
}

/** A keyspace event. */
export interface KeyEvent {
  readonly db: number;
  /** Its class, as in notify-keyspace-events. */
  readonly kind: string;
  readonly event: string;
  readonly key: Buffer;
}

export interface WriteMark {
  readonly effects: number;
  readonly undo: number;
  readonly touched: number;
  readonly events: number;
  readonly bytes: number;
  readonly largeBytes: number;
}

const ARENA_BYTES = 64 * 1024;
const LARGE_BYTES = 16 * 1024;
/** Of an effect in a frame, beside key and value, at most. */
const EFFECT_BYTES = 32;

export class TurnWrites {
  effects: KvEffect[] = [];
  /** Bytes of keys and values in `effects`. */
  bytes = 0;
  /** Those of them that go to files of their own, and into no frame. */
  largeBytes = 0;
  touched: Touched[] = [];
  events: KeyEvent[] = [];
  #undo: (() => void)[] = [];
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #used = 0;
  /** Values of so many bytes are large; infinite: none is. */
  readonly #largeFrom: number;

  /** `largeValueBytes` of the engine, 0 when it makes no large files. */
  constructor(largeValueBytes: number) {
    this.#largeFrom = largeValueBytes === 0 ? Number.POSITIVE_INFINITY : largeValueBytes;
  }

  mark(): WriteMark {
    return {
      effects: this.effects.length,
      undo: this.#undo.length,
      touched: this.touched.length,
      events: this.events.length,
      bytes: this.bytes,
      largeBytes: this.largeBytes,
    };
  }

  /** What the frame has of keys and values since `mark`, with what the journal puts to each; large ones not counted. */
  bytesSince(mark: WriteMark): number {
    const large = this.largeSince(mark);
    return this.bytes - mark.bytes - large + (this.effects.length - mark.effects) * EFFECT_BYTES;
  }

  /** Bytes of large values since `mark`. */
  largeSince(mark: WriteMark): number {
    return this.largeBytes - mark.largeBytes;
  }

  /** Whether nothing has been written since `mark`. */
  isAt(mark: WriteMark): boolean {
    return this.effects.length === mark.effects;
  }

  rollback(mark: WriteMark): void {
    for (let index = this.#undo.length - 1; index >= mark.undo; index -= 1) this.#undo[index]?.();
    this.#undo.length = mark.undo;
    this.effects.length = mark.effects;
    this.touched.length = mark.touched;
    this.events.length = mark.events;
    this.bytes = mark.bytes;
    this.largeBytes = mark.largeBytes;
  }

  add(effect: KvEffect, undo: () => void): void {
    this.effects.push(effect);
    this.#undo.push(undo);
  }

  /** The bytes in memory that stays: the client's goes with the turn. */
  keep(bytes: Buffer): Buffer {
    const { length } = bytes;
    this.bytes += length;
    if (length >= LARGE_BYTES) return isGivenAway(bytes) ? bytes : Buffer.from(bytes);
    if (this.#used + length > ARENA_BYTES) {
      this.#arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
      this.#used = 0;
    }
    const kept = this.#arena.subarray(this.#used, this.#used + length);
    kept.set(bytes);
    this.#used += length;
    return kept;
  }

  /** As `keep`, for a value. */
  keepValue(value: Buffer): Buffer {
    if (value.length >= this.#largeFrom) this.largeBytes += value.length;
    return this.keep(value);
  }

  /** The effects of the frame; from now on there is nothing to undo. */
  take(): KvEffect[] {
    const effects = this.effects;
    this.effects = [];
    this.#undo.length = 0;
    this.bytes = 0;
    this.largeBytes = 0;
    return effects;
  }
}
