/**
 * The numbers that SCAN gives to clients, and what each stands for.
 *
 * To remember: a cursor stays good when it is used again; the table is bounded, and one that was forgotten is an error,
 * never a silent end or beginning.
 */

/** Cursors that are remembered. */
const CURSORS_MAX = 20_000;

export class ScanCursors<Position> {
  readonly #positions = new Map<number, Position>();
  #last: number;

  /** `first`: numbers begin behind it, so that a cursor of an earlier run is not taken for one of this. */
  constructor(first: number) {
    this.#last = first;
  }

  /** A new number, not 0 and below 2^53. */
  add(position: Position): number {
    this.#last += 1;
    this.#positions.set(this.#last, position);
    if (this.#positions.size > CURSORS_MAX) {
      const [oldest] = this.#positions.keys();
      this.#positions.delete(oldest as number);
    }
    return this.#last;
  }

  get(cursor: number): Position | undefined {
    return this.#positions.get(cursor);
  }
}
