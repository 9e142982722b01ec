/**
 * Which partitions have new written (or durable) data since listeners were last told.
 *
 * Not the watermarks themselves: those are asked for with `readable`. To remember: a listener is told after the
 * watermark moved, at least once per append, in no promised number of calls.
 */

type Listener = (partitions: Iterable<number>) => void;

/** Follows one watermark. */
export class Advance {
  readonly #listeners = new Set<Listener>();
  #lsns: number[] = [];
  #partitions: number[] = [];
  #head = 0;

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An append to `partition` was placed at `lsn`; LSNs do not fall. */
  placed(lsn: number, partition: number): void {
    this.#lsns.push(lsn);
    this.#partitions.push(partition);
  }

  /** The watermark stands at `lsn`: tells the listeners whose data it has passed. */
  reached(lsn: number, report: (error: unknown) => void): void {
    const start = this.#head;
    while (this.#head < this.#lsns.length && (this.#lsns[this.#head] as number) <= lsn) this.#head += 1;
    if (this.#head === start) return;
    const moved = new Set(this.#partitions.slice(start, this.#head));
    if (this.#head === this.#lsns.length) {
      this.#lsns = [];
      this.#partitions = [];
      this.#head = 0;
    }
    for (const listener of this.#listeners) {
      try {
        listener(moved);
      } catch (error) {
        report(error);
      }
    }
  }
}
