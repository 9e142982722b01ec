/**
 * Appends that found the engine full wait here and are offered again, until their time is over (back-pressure).
 *
 * Not a place to save memory: the bytes stay with their requests, whose number each connection bounds. To remember: order.
 * What is refused goes back to where it was, and while anything waits, everything younger waits behind it.
 */

import { Code, type CodeNumber, type LevelNumber } from '../../io/native-types.ts';
import type { Effect, EffectResult, Engine } from '../../log/types.ts';
import type { Timers } from './timer-host.ts';
import { WheelTimer } from './timing-wheel.ts';

type Done = (result: EffectResult | undefined, failure: CodeNumber) => void;

/** How soon the engine is asked again: settling frees room every few milliseconds. */
const RETRY_MS = 4;
/** Bytes offered at once, and bytes that may wait: beyond, an append is refused as busy right away. */
const ROUND_BYTES = 8 * 1024 * 1024;
const WAITING_BYTES_MAX = 512 * 1024 * 1024;

interface Waiting {
  readonly effects: readonly [Effect];
  readonly bytes: number;
  readonly level: LevelNumber;
  readonly timeoutMs: number;
  /** Set when it first finds no room: until then no clock is read. */
  deadlineMs: number;
  readonly done: Done;
}

/** In front of the engine's `submit`, for appends of one batch. */
export class AppendQueue {
  readonly #engine: Pick<Engine, 'submit'>;
  readonly #timers: Timers;
  readonly #retry = new WheelTimer(() => this.#round());
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Appends of the present round that have not been placed or refused yet. */
  #offered = 0;
  /** Refused in the present round, in order. */
  #refused: Waiting[] = [];

  constructor(engine: Pick<Engine, 'submit'>, timers: Timers) {
    this.#engine = engine;
    this.#timers = timers;
  }

  /** Appends that wait for room. */
  get size(): number {
    return this.#waiting.length + this.#refused.length;
  }

  /**
   * Appends one batch of `bytes` bytes as a frame of its own. `done` runs when it has reached `level` or was refused;
   * with the code `busy` only when there was no room for `timeoutMs`.
   */
  submit(append: Effect, bytes: number, level: LevelNumber, timeoutMs: number, done: Done): void {
    const waiting: Waiting = { effects: [append], bytes, level, timeoutMs, deadlineMs: 0, done };
    if (this.size === 0 && this.#offered === 0) this.#offer(waiting, false);
    else if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) done(undefined, Code.busy);
    else this.#enqueue(waiting);
  }

  /** Refuses everything that waits: the broker is closing. */
  close(): void {
    this.#timers.cancel(this.#retry);
    const waiting = [...this.#refused, ...this.#waiting];
    this.#waiting = [];
    this.#refused = [];
    this.#waitingBytes = 0;
    for (const { done } of waiting) done(undefined, Code.closing);
  }

  #enqueue(waiting: Waiting): void {
    waiting.deadlineMs = this.#timers.nowMs() + waiting.timeoutMs;
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
    if (this.#offered === 0 && !this.#retry.armed) this.#timers.set(this.#retry, RETRY_MS);
  }

  /** The engine answers the frames of a turn in order, so those it refuses come back in order, too. */
  #offer(waiting: Waiting, inRound: boolean): void {
    let wasBusy = false;
    const placed = (results: readonly EffectResult[]): void => {
      wasBusy = results[0]?.code === Code.busy;
      if (wasBusy && inRound) this.#refused.push(waiting);
      else if (wasBusy) this.#enqueue(waiting);
      if (inRound) this.#answered();
    };
    const done = (results: readonly EffectResult[], failure: CodeNumber): void => {
      if (!wasBusy) waiting.done(results[0], failure);
    };
    this.#engine.submit(waiting.effects, waiting.level, done, placed);
  }

  #round(): void {
    const now = this.#timers.nowMs();
    let bytes = 0;
    let count = 0;
    const offers: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (bytes >= ROUND_BYTES) break;
      count++;
      this.#waitingBytes -= waiting.bytes;
      if (waiting.deadlineMs <= now) {
        waiting.done(undefined, Code.busy);
        continue;
      }
      bytes += waiting.bytes;
      offers.push(waiting);
    }
    this.#waiting.splice(0, count);
    this.#offered = offers.length;
    for (const waiting of offers) this.#offer(waiting, true);
    if (offers.length === 0 && this.#waiting.length > 0) this.#timers.set(this.#retry, RETRY_MS);
  }

  #answered(): void {
    this.#offered--;
    if (this.#offered > 0) return;
    const refused = this.#refused;
    this.#refused = [];
    for (const { bytes } of refused) this.#waitingBytes += bytes;
    this.#waiting = [...refused, ...this.#waiting];
    if (this.#waiting.length === 0) return;
    // Everything was taken: there may be room for more at once.
    if (refused.length === 0) this.#round();
    else this.#timers.set(this.#retry, RETRY_MS);
  }
}
