/**
 * Many appends that are answered in one callback and come again right after it: when the first half of them is to be
 * committed by itself, so that the device works on it while the others are still being answered.
 *
 * Not the commit (engine.ts). To remember: one commit is never made two while the device has something to do, nor for
 * few; from then on the two halves take turns by themselves (docs/decisions/0007-commits-in-flight.md).
 */

/** Fewer appends than this are not worth two commits. */
const CROWD = 96;

/** The appends of one engine, as far as it counts them. */
export class Crowd {
  #answered = 0;
  #collected = 0;
  #half = 0;

  /** `count` appends are being answered; `isIdle` when nothing is on its way to the device. */
  answered(count: number, isIdle: boolean): void {
    this.#answered += count;
    this.#half = isIdle && this.#answered >= CROWD ? this.#answered >>> 1 : 0;
  }

  /** One more append is collected; true when those that are should be committed now. */
  collected(): boolean {
    this.#collected += 1;
    return this.#collected === this.#half;
  }

  /** What was collected has been committed. */
  committed(): void {
    this.#answered = 0;
    this.#collected = 0;
    this.#half = 0;
  }
}
