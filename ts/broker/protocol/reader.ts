/**
 * Reads the primitive types of the Kafka protocol from one whole request or response.
 *
 * Not a stream: framing has already cut the message. The invariant to remember: every read checks what is left, a count
 * is compared with the remaining bytes before anything is allocated, and views are handed out instead of copies, so the
 * memory a message can take is bounded by its own size times a constant (`maxItems` bounds the number of objects).
 */

import { ProtocolError } from './protocol-error.ts';
import { decodeUtf8 } from './utf8.ts';
import { readUuid } from './uuid.ts';

/**
 * Array elements and tagged fields one message may hold in all: above every real request (a Fetch of 100,000 partitions), low enough that
 * decoding cannot hold up the event loop.
 */
export const DEFAULT_MAX_ITEMS = 150_000;

const TWO_POW_32 = 4_294_967_296;
const SAFE_HIGH = 0x1f_ffff;

/** A cursor over `bytes[position, end)`. All methods throw `ProtocolError` on malformed or missing bytes. */
export class Reader {
  bytes: Uint8Array;
  end: number;
  position: number;
  #itemsLeft: number;

  /** `maxItems`: array elements allowed in all, over every array of the message. */
  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length, maxItems: number = DEFAULT_MAX_ITEMS) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
    this.#itemsLeft = maxItems;
  }

  /** Begins anew with another message; nothing decoded before refers to the reader. */
  restart(bytes: Uint8Array, position: number, end: number): void {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
    this.#itemsLeft = DEFAULT_MAX_ITEMS;
  }

  remaining(): number {
    return this.end - this.position;
  }

  int8(): number {
    return ((this.bytes[this.#take(1)] as number) << 24) >> 24;
  }

  /** 0 is false, anything else is true, as Kafka reads it. */
  boolean(): boolean {
    return (this.bytes[this.#take(1)] as number) !== 0;
  }

  int16(): number {
    const at = this.#take(2);
    return (((this.bytes[at] as number) << 24) | ((this.bytes[at + 1] as number) << 16)) >> 16;
  }

  uint16(): number {
    return this.int16() & 0xffff;
  }

  int32(): number {
    return this.#int32At(this.#take(4));
  }

  /** An int64 within +-(2^53 - 1); a value beyond is refused, never rounded. */
  int64(): number {
    const at = this.#take(8);
    const high = this.#int32At(at);
    const low = this.#int32At(at + 4) >>> 0;
    if (high > SAFE_HIGH || high < -SAFE_HIGH - 1 || (high === -SAFE_HIGH - 1 && low === 0)) {
      throw new ProtocolError('an int64 is beyond 2^53');
    }
    return high * TWO_POW_32 + low;
  }

  /** An int64 of any value. */
  bigint64(): bigint {
    const at = this.#take(8);
    return (BigInt(this.#int32At(at)) << 32n) | BigInt(this.#int32At(at + 4) >>> 0);
  }

  /** Eight bytes as IEEE 754 says; infinities and NaN are for the caller to refuse. */
  float64(): number {
    const at = this.#take(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 8).getFloat64(0);
  }

  uuid(): string {
    return readUuid(this.bytes, this.#take(16));
  }

  /** An unsigned varint of at most 32 bits in its shortest form. */
  varuint(): number {
    const bytes = this.bytes;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[this.#take(1)] as number;
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw new ProtocolError('a varint is longer than needed');
        return value >>> 0;
      }
    }
    throw new ProtocolError('a varint is longer than 32 bits');
  }

  string(flexible: boolean): string {
    const length = flexible ? this.varuint() - 1 : this.int16();
    if (length < 0) throw new ProtocolError('a string that must not be null has a negative length');
    return this.#text(length);
  }

  nullableString(flexible: boolean): string | null {
    const length = flexible ? this.varuint() - 1 : this.int16();
    if (length === -1) return null;
    if (length < 0) throw new ProtocolError('a string has a negative length');
    return this.#text(length);
  }

  /** Length of bytes that may be null: -1 then. The bytes follow. */
  nullableByteLength(flexible: boolean): number {
    return this.#byteLength(flexible);
  }

  /** Steps over `count` bytes and answers where they begin. */
  skip(count: number): number {
    return this.#take(count);
  }

  /** A view of the message, not a copy. */
  byteView(flexible: boolean): Uint8Array {
    const length = this.#byteLength(flexible);
    if (length === -1) throw new ProtocolError('bytes that must not be null are null');
    return this.#view(length);
  }

  /** A view of the message, not a copy. */
  nullableByteView(flexible: boolean): Uint8Array | null {
    const length = this.#byteLength(flexible);
    return length === -1 ? null : this.#view(length);
  }

  /** Element count of an array whose elements take at least `minItemBytes` each. */
  count(flexible: boolean, minItemBytes: number): number {
    const count = this.nullableCount(flexible, minItemBytes);
    if (count === -1) throw new ProtocolError('an array that must not be null is null');
    return count;
  }

  /** The same; -1 when the array is null. */
  nullableCount(flexible: boolean, minItemBytes: number): number {
    const count = flexible ? this.varuint() - 1 : this.int32();
    if (count === -1) return -1;
    if (count < 0) throw new ProtocolError('an array has a negative count');
    if (count * minItemBytes > this.end - this.position) {
      throw new ProtocolError('an array has more elements than the message has bytes');
    }
    this.#countItems(count);
    return count;
  }

  /** Marker byte of a nullable struct: true when the struct follows. */
  present(): boolean {
    const marker = this.int8();
    if (marker !== 1 && marker !== -1) throw new ProtocolError('a struct is marked as neither null nor present');
    return marker === 1;
  }

  /** Number of tagged fields that follow. */
  tagCount(): number {
    const count = this.varuint();
    if (count * 2 > this.end - this.position) {
      throw new ProtocolError('there are more tagged fields than the message has bytes');
    }
    this.#countItems(count);
    return count;
  }

  /** Size prefix of a tagged field; returns the position where the field must end. */
  tagEnd(): number {
    const size = this.varuint();
    if (size > this.end - this.position) throw new ProtocolError('a tagged field is longer than the message');
    return this.position + size;
  }

  /** Checks that a known tagged field used exactly its size. */
  closeTag(end: number): void {
    if (this.position !== end) throw new ProtocolError('a tagged field does not have the size it claims');
  }

  /** Skips a whole section of tagged fields, for structs that know none. */
  skipTags(): void {
    const count = this.tagCount();
    for (let i = 0; i < count; i += 1) {
      this.varuint();
      this.position = this.tagEnd();
    }
  }

  /** Refuses bytes after the end of the message. */
  finish(): void {
    if (this.position !== this.end) throw new ProtocolError('there are bytes after the end of the message');
  }

  #countItems(count: number): void {
    this.#itemsLeft -= count;
    if (this.#itemsLeft < 0) throw new ProtocolError('a message has too many elements');
  }

  #take(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw new ProtocolError('the message ends too early');
    this.position = at + count;
    return at;
  }

  #int32At(at: number): number {
    const bytes = this.bytes;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  #text(length: number): string {
    const at = this.#take(length);
    return decodeUtf8(this.bytes, at, at + length);
  }

  #byteLength(flexible: boolean): number {
    const length = flexible ? this.varuint() - 1 : this.int32();
    if (length < -1) throw new ProtocolError('bytes have a negative length');
    return length;
  }

  #view(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }
}
