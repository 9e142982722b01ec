/**
 * Drives the timing wheel with the process's own clock: one host timer for all deadlines of the broker.
 *
 * Not a place for policy. To remember: the host timer is armed for the earliest slot only, and it does not keep the
 * process alive.
 */

import { TimingWheel, type WheelTimer } from './timing-wheel.ts';

/** What state machines and parked requests see of time. */
export interface Timers {
  /** Monotonic ms. */
  nowMs(): number;
  /** Arms or moves `timer` to `delayMs` from now. */
  set(timer: WheelTimer, delayMs: number): void;
  cancel(timer: WheelTimer): void;
}

/** The wheel on a real clock. */
export class TimerHost implements Timers {
  readonly #wheel: TimingWheel;
  #handle: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;

  constructor() {
    this.#wheel = new TimingWheel(performance.now());
  }

  nowMs(): number {
    return performance.now();
  }

  set(timer: WheelTimer, delayMs: number): void {
    const nowMs = performance.now();
    if (this.#wheel.size === 0) this.#wheel.advance(nowMs);
    this.#wheel.set(timer, nowMs + delayMs);
    this.#arm();
  }

  cancel(timer: WheelTimer): void {
    this.#wheel.cancel(timer);
  }

  /** Armed timers, for metrics and for tests that look for leaks. */
  get size(): number {
    return this.#wheel.size;
  }

  /** Stops the host timer; nothing expires afterwards. */
  close(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
    this.#armedForMs = Number.NEGATIVE_INFINITY;
  }

  #arm(): void {
    const next = this.#wheel.nextMs();
    if (next === undefined || next >= this.#armedForMs) return;
    clearTimeout(this.#handle);
    this.#armedForMs = next;
    this.#handle = setTimeout(this.#fire, Math.max(1, next - performance.now())).unref();
  }

  readonly #fire = (): void => {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    this.#wheel.advance(performance.now());
    this.#arm();
  };
}
