/**
 * Writes the primitive types of the Kafka protocol into one growing buffer.
 *
 * Not a socket: one writer holds one message, or several one after another. The invariant to remember: `LeasedRecords`
 * are bytes that are elsewhere: they are copied to their place after encoding, or left out here and sent from where they
 * lie; their position is valid only once encoding has ended.
 */

import { ProtocolError } from './protocol-error.ts';
import { encodeAscii } from './utf8.ts';
import { writeUuid } from './uuid.ts';

const TWO_POW_32 = 4_294_967_296;
const MAX_STRING = 32_767;
/** Up to here a string is written character by character; its compact length fits one byte. */
const SHORT_STRING = 64;
/** Kafka's length prefix is a signed 32-bit number. */
const MAX_MESSAGE = 0x7fff_ffff;

/**
 * Record batches of `length` bytes that a lease stands for. Their place is `position` of the writer's buffer: a gap for
 * them, every byte of which must be filled before the message is sent (what is not still holds older memory of this
 * process), or, for a writer that leaves them out, where they belong in between.
 */
export class LeasedRecords {
  readonly lease: number;
  readonly length: number;
  /** -1 until the field has been encoded. */
  position = -1;

  constructor(lease: number, length: number) {
    this.lease = lease;
    this.length = length;
  }
}

/** What a `records` field of a message to be encoded may be. */
export type Records = Uint8Array | LeasedRecords | null;

/** A growing message. Methods throw `ProtocolError` for a value that the wire type cannot hold. */
export class Writer {
  #buffer: Buffer;
  #position = 0;
  readonly #leavesOut: boolean;

  /**
   * `memory`: a buffer to begin in, or how many bytes to allocate; the exact size of a message saves the growing.
   * `leavesOut`: leased records take no room.
   */
  constructor(memory: number | Buffer = 256, leavesOut = false) {
    this.#leavesOut = leavesOut;
    this.#buffer = typeof memory === 'number' ? Buffer.allocUnsafe(memory) : memory;
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#position;
  }

  /** The buffer as it is now: for filling gaps, after encoding has ended. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** The message: a view of what has been written. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#position);
  }

  /** Forgets everything from `position` on. */
  truncate(position: number): void {
    this.#position = position;
  }

  int8(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  boolean(value: boolean): void {
    const at = this.#room(1);
    this.#buffer[at] = value ? 1 : 0;
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#buffer[at] = value >> 8;
    this.#buffer[at + 1] = value;
  }

  uint16(value: number): void {
    this.int16(value);
  }

  int32(value: number): void {
    this.#int32At(this.#room(4), value);
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw new ProtocolError(`${value} is not an integer below 2^53`);
    const at = this.#room(8);
    const high = Math.floor(value / TWO_POW_32);
    this.#int32At(at, high);
    this.#int32At(at + 4, (value - high * TWO_POW_32) | 0);
  }

  bigint64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new ProtocolError(`${value} does not fit an int64`);
    const at = this.#room(8);
    this.#int32At(at, Number(value >> 32n));
    this.#int32At(at + 4, Number(value & 0xffff_ffffn) | 0);
  }

  float64(value: number): void {
    const at = this.#room(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  uuid(value: string): void {
    const at = this.#room(16);
    writeUuid(this.#buffer, at, value);
  }

  varuint(value: number): void {
    let rest = value >>> 0;
    let at = this.#room(varuintLength(rest));
    for (; rest > 0x7f; rest >>>= 7) {
      this.#buffer[at] = (rest & 0x7f) | 0x80;
      at += 1;
    }
    this.#buffer[at] = rest;
  }

  string(flexible: boolean, value: string): void {
    if (value.length <= SHORT_STRING && this.#shortAscii(flexible, value)) return;
    const length = Buffer.byteLength(value, 'utf8');
    if (!flexible && length > MAX_STRING) throw new ProtocolError('a string is longer than 32767 bytes');
    if (flexible) this.varuint(length + 1);
    else this.int16(length);
    const at = this.#room(length);
    this.#buffer.write(value, at, length, 'utf8');
  }

  nullableString(flexible: boolean, value: string | null): void {
    if (value !== null) this.string(flexible, value);
    else if (flexible) this.varuint(0);
    else this.int16(-1);
  }

  byteString(flexible: boolean, value: Uint8Array): void {
    this.#length(flexible, value.length);
    this.raw(value);
  }

  nullableByteString(flexible: boolean, value: Uint8Array | null): void {
    if (value === null) this.#length(flexible, -1);
    else this.byteString(flexible, value);
  }

  /** Record batches: bytes are copied, leased ones learn their position. */
  records(flexible: boolean, value: Records): void {
    if (!(value instanceof LeasedRecords)) {
      this.nullableByteString(flexible, value);
      return;
    }
    this.#length(flexible, value.length);
    value.position = this.#leavesOut ? this.#position : this.reserve(value.length);
  }

  /** Element count of an array. */
  count(flexible: boolean, count: number): void {
    this.#length(flexible, count);
  }

  /** A null array. */
  nullCount(flexible: boolean): void {
    this.#length(flexible, -1);
  }

  /** Marker byte of a nullable struct. */
  present(present: boolean): void {
    this.int8(present ? 1 : -1);
  }

  /** Head of a tagged field: its number, and room for its size. Returns the mark for `endTag`. */
  beginTag(tag: number): number {
    this.varuint(tag);
    return this.#room(1);
  }

  /** Writes the size of the tagged field begun at `mark`, moving its bytes when the size needs more than one byte. */
  endTag(mark: number): void {
    const size = this.#position - mark - 1;
    const extra = varuintLength(size) - 1;
    if (extra > 0) {
      this.#room(extra);
      this.#buffer.copyWithin(mark + 1 + extra, mark + 1, mark + 1 + size);
    }
    const end = this.#position;
    this.#position = mark;
    this.varuint(size);
    this.#position = end;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Leaves `length` bytes open, to be filled by the caller, and returns where they are. */
  reserve(length: number): number {
    return this.#room(length);
  }

  /** Puts an int32 into bytes that were reserved before. */
  patchInt32(position: number, value: number): void {
    this.#int32At(position, value);
  }

  #length(flexible: boolean, length: number): void {
    if (flexible) this.varuint(length + 1);
    else this.int32(length);
  }

  /** Writes length and bytes in one pass; false, with nothing written, when the string is not ASCII. */
  #shortAscii(flexible: boolean, value: string): boolean {
    const start = this.#position;
    if (flexible) this.int8(value.length + 1);
    else this.int16(value.length);
    const at = this.#room(value.length);
    if (encodeAscii(this.#buffer, at, value)) return true;
    this.#position = start;
    return false;
  }

  /** Makes room for `count` bytes. It may move the buffer, so it is called before `#buffer` is looked at. */
  #room(count: number): number {
    const at = this.#position;
    const end = at + count;
    if (end > this.#buffer.length) this.#grow(end);
    this.#position = end;
    return at;
  }

  #grow(needed: number): void {
    if (needed > MAX_MESSAGE) throw new ProtocolError('a message is longer than 2^31 - 1 bytes');
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(MAX_MESSAGE, this.#buffer.length * 2)));
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#buffer = larger;
  }

  #int32At(at: number, value: number): void {
    const buffer = this.#buffer;
    buffer[at] = value >> 24;
    buffer[at + 1] = value >> 16;
    buffer[at + 2] = value >> 8;
    buffer[at + 3] = value;
  }
}

function varuintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
