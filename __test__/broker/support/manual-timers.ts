/** Timers on a clock that the test moves. */
import type { Timers } from '../../../ts/broker/purgatory/timer-host.ts';
import { TimingWheel, type WheelTimer } from '../../../ts/broker/purgatory/timing-wheel.ts';

export class ManualTimers implements Timers {
  readonly wheel = new TimingWheel(0);
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  set(timer: WheelTimer, delayMs: number): void {
    this.wheel.set(timer, this.#nowMs + delayMs);
  }

  cancel(timer: WheelTimer): void {
    this.wheel.cancel(timer);
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    this.#nowMs += ms;
    this.wheel.advance(this.#nowMs);
  }
}
