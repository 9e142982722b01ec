/**
 * What one writer knows about its partition: which records were acknowledged at which offset, and which were on their
 * way when the server died. It lives outside the server, so no crash can make it forget.
 *
 * Invariant: an acknowledgement is noted before the next batch is sent, so at most one batch per crash is unknown.
 */
import type { StoredRecord } from '../support/record-batch.ts';

/** One batch: records `first` to `first + count - 1` of this writer. */
export interface Operation {
  readonly first: number;
  readonly count: number;
}

export class Witness {
  readonly writer: number;
  readonly #offsets = new Map<number, number>();
  readonly #unknown: Operation[] = [];
  #next = 0;
  #acknowledgedEnd = 0;

  constructor(writer: number) {
    this.writer = writer;
  }

  /** How many records have been acknowledged. */
  get acknowledged(): number {
    return this.#offsets.size;
  }

  /** The batch whose outcome is unknown since the last crash, to be sent again by a writer that can. */
  get lastUnknown(): Operation | undefined {
    return this.#unknown.at(-1);
  }

  /** A batch of records that have never been sent. It counts as unknown until it is acknowledged. */
  begin(count: number): Operation {
    const operation = { first: this.#next, count };
    this.#next += count;
    this.#unknown.push(operation);
    return operation;
  }

  /** The server has answered: the batch lies at `baseOffset` and must stay there. */
  acknowledge(operation: Operation, baseOffset: number): void {
    const place = this.#unknown.indexOf(operation);
    if (place === -1) throw new Error(`writer ${this.writer}: batch ${operation.first} was acknowledged twice`);
    this.#unknown.splice(place, 1);
    if (baseOffset < this.#acknowledgedEnd) throw this.#wrong(`offset ${baseOffset} was given twice`);
    for (let index = 0; index < operation.count; index += 1) {
      this.#offsets.set(operation.first + index, baseOffset + index);
    }
    this.#acknowledgedEnd = baseOffset + operation.count;
  }

  /** The bytes of record `number`: they name writer and number, and their length follows from both. */
  value(number: number): Buffer {
    const length = 20 + ((this.writer * 31 + number * 7919) % 2500);
    return Buffer.from(`${this.writer}:${number}:`.padEnd(length, '.'));
  }

  /**
   * Throws unless `records`, read from offset 0, are what the acknowledgements promise: offsets without a gap, numbers
   * that only grow, every acknowledged record at its offset, and of an unknown batch everything or nothing.
   */
  check(records: readonly StoredRecord[]): void {
    const seen = new Set<number>();
    let last = -1;
    for (const [index, { offset, value }] of records.entries()) {
      if (offset !== index) throw this.#wrong(`offset ${offset} where ${index} should be`);
      const number = Number(value.toString('latin1').split(':')[1]);
      if (!value.equals(this.value(number))) throw this.#wrong(`other bytes at offset ${offset}`);
      if (number <= last) throw this.#wrong(`record ${number} behind record ${last}`);
      const promised = this.#offsets.get(number);
      if (promised !== undefined && promised !== offset) {
        throw this.#wrong(`record ${number}, acknowledged at ${promised}, is at ${offset}`);
      }
      if (promised === undefined && !this.#unknown.some((operation) => holds(operation, number))) {
        throw this.#wrong(`record ${number} was never sent`);
      }
      seen.add(number);
      last = number;
    }
    for (const [number, offset] of this.#offsets) {
      if (!seen.has(number)) throw this.#wrong(`record ${number}, acknowledged at ${offset}, is lost`);
    }
    for (const { first, count } of this.#unknown) {
      const present = Array.from({ length: count }, (_, index) => seen.has(first + index)).filter(Boolean).length;
      if (present !== 0 && present !== count) throw this.#wrong(`batch ${first} is torn: ${present} of ${count}`);
    }
  }

  #wrong(what: string): Error {
    return new Error(`writer ${this.writer}: ${what}`);
  }
}

function holds(operation: Operation, number: number): boolean {
  return number >= operation.first && number < operation.first + operation.count;
}
