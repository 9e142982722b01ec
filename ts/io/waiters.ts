/**
 * Who waits for which LSN: "written up to X" and "durable up to Y" release in order, with no Promise per request.
 *
 * Not the watermarks' source. To remember: LSNs are taken in commit order, so each level is a queue; of both queues the
 * older frame is always released first, so callbacks run in submission order.
 */

import type { CodeNumber } from './native-types.ts';
import { Code } from './native-types.ts';

/** One frame that was placed and waits for its level. */
export interface Waiter {
  /** LSN of its frame. */
  lsn: number;
  /** Runs once: `failure` is 0, or why the outcome is unknown. What it throws is reported and stops nobody else. */
  release(failure: CodeNumber): void;
}

/** Places that are kept when a queue has run empty. */
const KEPT = 4096;

/** A queue that gives its head back in amortised constant time and without garbage. */
class Fifo {
  /** Who waits lies between head and tail. */
  #items: (Waiter | undefined)[] = [];
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  push(waiter: Waiter): void {
    this.#items[this.#tail] = waiter;
    this.#tail += 1;
  }

  /** LSN of the oldest waiter, infinity when there is none. */
  get headLsn(): number {
    return this.#head === this.#tail ? Number.POSITIVE_INFINITY : (this.#items[this.#head] as Waiter).lsn;
  }

  shift(): Waiter {
    const waiter = this.#items[this.#head] as Waiter;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
      if (this.#items.length > KEPT) this.#items = [];
    } else if (this.#head > KEPT && this.#head * 2 > this.#tail) {
      this.#items = this.#items.slice(this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
    }
    return waiter;
  }
}

/** All waiters of one engine. */
export class Waiters {
  readonly #written = new Fifo();
  readonly #durable = new Fifo();
  readonly #report: (error: unknown) => void;

  /** `report` is told what a waiter throws. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get length(): number {
    return this.#written.length + this.#durable.length;
  }

  /** `waiter.lsn` is not below that of any waiter added before. */
  addWritten(waiter: Waiter): void {
    this.#written.push(waiter);
  }

  /** As `addWritten`, for the durable watermark. */
  addDurable(waiter: Waiter): void {
    this.#durable.push(waiter);
  }

  /** Releases everyone at or below the watermarks, oldest frame first. */
  release(written: number, durable: number): void {
    for (;;) {
      const writtenHead = this.#written.headLsn;
      const durableHead = this.#durable.headLsn;
      if (durableHead <= durable && durableHead <= writtenHead) this.#let(this.#durable.shift(), Code.ok);
      else if (writtenHead <= written) this.#let(this.#written.shift(), Code.ok);
      else if (durableHead <= durable) this.#let(this.#durable.shift(), Code.ok);
      else return;
    }
  }

  /** Tells everyone, oldest first, that their outcome is unknown. */
  fail(failure: CodeNumber): void {
    while (this.length > 0) {
      const queue = this.#durable.headLsn <= this.#written.headLsn ? this.#durable : this.#written;
      this.#let(queue.shift(), failure);
    }
  }

  #let(waiter: Waiter, failure: CodeNumber): void {
    try {
      waiter.release(failure);
    } catch (error) {
      this.#report(error);
    }
  }
}
