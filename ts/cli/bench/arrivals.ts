/**
 * Who waits for which mark of an end-to-end bench: an operation has ended when the consumer has seen all its records.
 *
 * Invariant: every waiter is settled, by its records or by the failure that ends the bench.
 */

interface Waiter {
  left: number;
  readonly seen: () => void;
  readonly failed: (reason: unknown) => void;
}

export class Arrivals {
  readonly #waiting = new Map<number, Waiter>();
  #next = 0;
  #failure: unknown;

  /** A mark for `records` records, and when all of them have been seen. */
  expect(records: number): { readonly mark: number; readonly seen: Promise<void> } {
    this.#next += 1;
    const mark = this.#next;
    const seen = new Promise<void>((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#waiting.set(mark, { left: records, seen: resolve, failed: reject });
    });
    return { mark, seen };
  }

  /** A record has been seen. Marks of others are ignored. */
  arrived(mark: number): void {
    const waiter = this.#waiting.get(mark);
    if (waiter === undefined) return;
    waiter.left -= 1;
    if (waiter.left > 0) return;
    this.#waiting.delete(mark);
    waiter.seen();
  }

  /** Nothing more will be seen. */
  fail(reason: unknown): void {
    this.#failure ??= reason;
    for (const waiter of this.#waiting.values()) waiter.failed(reason);
    this.#waiting.clear();
  }
}
