/**
 * Which partitions have new written (or durable) data since listeners were last told.
 *
 * Not the watermarks themselves: those are asked for with `readable`. To remember: a listener is told after the
 * watermark moved, at least once per append, in no promised number of calls.
 */

type Listener = (partitions: Iterable<number>) => void;

/** Elements that are kept for what comes next. */
const KEPT = 4096;
const nothing: ReadonlySet<number> = new Set();

/** Follows one watermark. */
export class Advance {
  readonly #listeners = new Set<Listener>();
  /** What waits lies between head and tail; elements before and behind are left over and mean nothing. */
  #lsns: number[] = [];
  #partitions: number[] = [];
  #head = 0;
  #tail = 0;

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An append to `partition` was placed at `lsn`; LSNs do not fall. */
  placed(lsn: number, partition: number): void {
    this.#lsns[this.#tail] = lsn;
    this.#partitions[this.#tail] = partition;
    this.#tail += 1;
  }

  /** The watermark stands at `lsn`: tells the listeners whose data it has passed. */
  reached(lsn: number, report: (error: unknown) => void): void {
    const start = this.#head;
    while (this.#head < this.#tail && (this.#lsns[this.#head] as number) <= lsn) this.#head += 1;
    if (this.#head === start) return;
    const moved = this.#listeners.size === 0 ? nothing : new Set(this.#partitions.slice(start, this.#head));
    this.#forget();
    for (const listener of this.#listeners) {
      try {
        listener(moved);
      } catch (error) {
        report(error);
      }
    }
  }

  /** Under steady load there is always something that waits: what lies before it must not pile up. */
  #forget(): void {
    const waiting = this.#tail - this.#head;
    if (waiting > 0 && (this.#head <= KEPT || this.#head < waiting)) return;
    if (this.#lsns.length > KEPT) {
      this.#lsns = this.#lsns.slice(this.#head, this.#tail);
      this.#partitions = this.#partitions.slice(this.#head, this.#tail);
    }
    this.#head = 0;
    this.#tail = waiting;
  }
}
