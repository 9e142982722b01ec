/**
 * Appends that found the engine full wait here and are offered again, until their time is over (back-pressure).
 *
 * Not a place to save memory: the bytes stay with their requests, whose number each connection bounds. To remember: order.
 * What is refused goes back to where it was, and while anything waits, everything younger waits behind it.
 */

import { Code, type CodeNumber, type LevelNumber } from '../../io/native-types.ts';
import { AppendFrame, type AppendRules } from '../../log/append-frame.ts';
import type { Engine } from '../../log/types.ts';
import type { Timers } from './timer-host.ts';
import { WheelTimer } from './timing-wheel.ts';

/** How soon the engine is asked again: settling frees room every few milliseconds. */
const RETRY_MS = 4;
/** Bytes offered at once, and bytes that may wait: beyond, an append is refused as busy right away. */
const ROUND_BYTES = 8 * 1024 * 1024;
const WAITING_BYTES_MAX = 512 * 1024 * 1024;

/** An append that may have to wait for room: a batch of a request, which is told by `onDone`. */
export abstract class QueuedAppend extends AppendFrame {
  /** How long it may wait for room, ms. */
  readonly timeoutMs: number;
  readonly #queue: AppendQueue;
  /** Set when it first finds no room: until then no clock is read. */
  deadlineMs = 0;
  /** Offered again, by a round. */
  isInRound = false;

  constructor(
    queue: AppendQueue,
    partition: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    rules: AppendRules,
    level: LevelNumber,
    timeoutMs: number,
  ) {
    super(partition, bytes, start, end, rules, level);
    this.#queue = queue;
    this.timeoutMs = timeoutMs;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** It has reached its level or was refused; with the code `busy` only when there was no room for its time. */
  abstract onDone(failure: CodeNumber): void;

  /** Whether it may still be appended, asked right before it is offered again; another code refuses it. */
  recheck(): CodeNumber {
    return Code.ok;
  }

  /** Ends it without the engine. */
  refuse(code: CodeNumber): void {
    this.code = code;
    this.onDone(code);
  }

  protected onPlaced(): void {
    this.#queue.answered(this);
  }

  protected onEnd(failure: CodeNumber): void {
    if (this.code !== Code.busy) this.onDone(failure);
  }
}

type Room = Pick<Engine, 'submitFrame' | 'beginEarly'>;

/** In front of the engine's `submitFrame`. */
export class AppendQueue {
  readonly #engine: Room;
  readonly #timers: Timers;
  readonly #retry = new WheelTimer(() => this.#round());
  #waiting: QueuedAppend[] = [];
  #waitingBytes = 0;
  /** Appends of the present round that have not been placed or refused yet. */
  #offered = 0;
  /** Runs when one more has to wait. */
  onWait: (() => void) | null = null;
  /** Refused in the present round, in order. */
  #refused: QueuedAppend[] = [];

  constructor(engine: Room, timers: Timers) {
    this.#engine = engine;
    this.#timers = timers;
  }

  /** Appends that wait for room. */
  get size(): number {
    return this.#waiting.length + this.#refused.length;
  }

  /** Nobody waits: what comes now may be appended without asking here. */
  get isIdle(): boolean {
    return this.size === 0 && this.#offered === 0;
  }

  /** Appends one batch as a frame of its own; what finds no room waits for it. */
  submit(append: QueuedAppend): void {
    // Before the look at who waits: those that are refused now come first.
    this.#engine.beginEarly();
    if (this.isIdle) this.#engine.submitFrame(append);
    else if (this.#waitingBytes + append.length > WAITING_BYTES_MAX) append.refuse(Code.busy);
    else this.#enqueue(append);
  }

  /** Refuses everything that waits: the broker is closing. */
  close(): void {
    this.#timers.cancel(this.#retry);
    const waiting = [...this.#refused, ...this.#waiting];
    this.#waiting = [];
    this.#refused = [];
    this.#waitingBytes = 0;
    for (const append of waiting) append.refuse(Code.closing);
  }

  /** The engine has answered. It answers the frames of a turn in order, so what it refuses comes back in order, too. */
  answered(append: QueuedAppend): void {
    const isBusy = append.code === Code.busy;
    if (!append.isInRound) {
      if (isBusy) this.#enqueue(append);
      return;
    }
    append.isInRound = false;
    if (isBusy) this.#refused.push(append);
    this.#roundAnswered();
  }

  #enqueue(append: QueuedAppend): void {
    append.deadlineMs = this.#timers.nowMs() + append.timeoutMs;
    this.#waiting.push(append);
    this.#waitingBytes += append.length;
    this.onWait?.();
    if (this.#offered === 0 && !this.#retry.armed) this.#timers.set(this.#retry, RETRY_MS);
  }

  #round(): void {
    const now = this.#timers.nowMs();
    let bytes = 0;
    let count = 0;
    const offers: QueuedAppend[] = [];
    for (const append of this.#waiting) {
      if (bytes >= ROUND_BYTES) break;
      count++;
      this.#waitingBytes -= append.length;
      if (append.deadlineMs <= now) {
        append.refuse(Code.busy);
        continue;
      }
      const refusal = append.recheck();
      if (refusal !== Code.ok) {
        append.refuse(refusal);
        continue;
      }
      bytes += append.length;
      offers.push(append);
    }
    this.#waiting.splice(0, count);
    this.#offered = offers.length;
    for (const append of offers) {
      append.isInRound = true;
      this.#engine.submitFrame(append);
    }
    if (offers.length === 0 && this.#waiting.length > 0) this.#timers.set(this.#retry, RETRY_MS);
  }

  #roundAnswered(): void {
    this.#offered--;
    if (this.#offered > 0) return;
    const refused = this.#refused;
    this.#refused = [];
    for (const { length } of refused) this.#waitingBytes += length;
    this.#waiting = [...refused, ...this.#waiting];
    if (this.#waiting.length === 0) return;
    // Everything was taken: there may be room for more at once.
    if (refused.length === 0) this.#round();
    else this.#timers.set(this.#retry, RETRY_MS);
  }
}
