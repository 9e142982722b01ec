/** Writes what DUMP puts into a payload, in the layouts that every Redis reads: a count, then its strings and numbers. */

const SIX_BITS = 1 << 6;
const FOURTEEN_BITS = 1 << 14;
const LENGTH_14 = 0x40;
const LENGTH_32 = 0x80;

export class RdbWriter {
  readonly #pieces: Buffer[] = [];

  constructor(type: number) {
    this.#pieces.push(Buffer.from([type]));
  }

  /** A count or a length, below 2^32. */
  length(value: number): void {
    if (value < SIX_BITS) {
      this.#pieces.push(Buffer.from([value]));
    } else if (value < FOURTEEN_BITS) {
      this.#pieces.push(Buffer.from([LENGTH_14 | (value >> 8), value & 0xff]));
    } else {
      const bytes = Buffer.allocUnsafe(5);
      bytes[0] = LENGTH_32;
      bytes.writeUInt32BE(value, 1);
      this.#pieces.push(bytes);
    }
  }

  string(value: Buffer): void {
    this.length(value.length);
    this.#pieces.push(value);
  }

  score(value: number): void {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleLE(value);
    this.#pieces.push(bytes);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
