/** Fields of Kafka's non-flexible requests and answers, for tests: written in order, read in order. */

/** Big-endian fields of the non-flexible request versions, appended in order. */
export class RequestWriter {
  readonly #parts: Buffer[] = [];

  int8(value: number): this {
    return this.#append(1, (part) => part.writeInt8(value));
  }

  int16(value: number): this {
    return this.#append(2, (part) => part.writeInt16BE(value));
  }

  int32(value: number): this {
    return this.#append(4, (part) => part.writeInt32BE(value));
  }

  int64(value: bigint): this {
    return this.#append(8, (part) => part.writeBigInt64BE(value));
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.from(value, 'utf8');
    return this.int16(bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #append(length: number, fill: (part: Buffer) => void): this {
    const part = Buffer.alloc(length);
    fill(part);
    this.#parts.push(part);
    return this;
  }
}

/** Reads an answer front to back; running out of bytes throws. */
export class AnswerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#step(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4));
  }

  /** As a number: tests stay far below 2^53. */
  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#step(8)));
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.take(length).toString('utf8');
  }

  take(length: number): Buffer {
    const at = this.#step(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** The items of an array; a null array has none. */
  array<Item>(read: () => Item): Item[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  #step(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new Error('the answer is shorter than its layout');
    this.#at = at + length;
    return at;
  }
}
