/**
 * Writes Kafka record batches (magic 2): records are added one by one to a reused buffer, `finish` closes the batch.
 *
 * Not sending and not reading. To remember: the bytes belong to the writer and change with the next `begin`; records lie
 * behind the header in one piece, so an uncompressed batch is never copied.
 */

import { MillraceError } from '../errors.ts';
import {
  Attribute,
  COUNT_LIMIT,
  countLength,
  Field,
  HEADER_BYTES,
  LENGTH_FROM,
  varintLength,
  writeCount,
  writeVarint,
} from './batch-layout.ts';
import { shortCrc32c } from './crc32c.ts';
import type { Content, HeadersInput, RecordInput } from './record.ts';

/** What the addon does for batches. */
export interface BatchTools {
  crc32c(bytes: Uint8Array, start: number, end: number): number;
  deflateRecords(codec: number, bytes: Uint8Array, level: number): Uint8Array;
}

/** Up to here the sum in JavaScript is cheaper than a call. */
const SHORT_BYTES = 384;
/** Text up to this length is written by our own loop when it is ASCII. */
const SHORT_TEXT = 64;
/** Capacity that is kept between batches. */
const KEPT_BYTES = 4 * 1024 * 1024;
const FIRST_BYTES = 4096;
/** Bytes the length of a record takes at most. */
const LENGTH_MAX = 8;
/** What a plain record has beside its index and its value: attributes, time delta, no key, no headers. */
const PLAIN_MORE = 4;
/** Longest value of a plain record: the length of the whole record is a short count then. */
const PLAIN_MAX = COUNT_LIMIT - 1 - PLAIN_MORE - 4;
/** -1 as a varint. */
const NO_KEY = 1;

const none: readonly (readonly [string, Content])[] = [];

function headerPairs(headers: HeadersInput): readonly (readonly [string, Content])[] {
  return Array.isArray(headers) ? headers : Object.entries(headers as Readonly<Record<string, Content>>);
}

function contentLength(content: Content | undefined, what: string): number {
  if (content === null || content === undefined) return -1;
  if (typeof content === 'string') return Buffer.byteLength(content);
  if (content instanceof Uint8Array) return content.length;
  throw new MillraceError('MILLRACE_ARGUMENT', `${what} must be bytes, text or null`);
}

function timestampOf(given: number | Date): number {
  const timestamp = typeof given === 'number' ? given : given.getTime();
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp;
  throw new MillraceError('MILLRACE_ARGUMENT', 'timestamp must be whole milliseconds since 1970');
}

/** Builds one batch at a time. */
export class BatchWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end: number = HEADER_BYTES;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  #markedEnd: number = HEADER_BYTES;
  #markedCount = 0;
  #markedTimestamp = 0;
  readonly #tools: BatchTools;

  constructor(tools: BatchTools) {
    this.#tools = tools;
  }

  /** Records added since `begin`. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the batch so far, header included, before compression. */
  get length(): number {
    return this.#end;
  }

  /** The buffer that holds the batch; valid until the next `begin` or `add`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Starts an empty batch. */
  begin(): void {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#end = HEADER_BYTES;
    this.#count = 0;
  }

  /** Remembers where the batch stands, for `rewind`. */
  mark(): void {
    this.#markedEnd = this.#end;
    this.#markedCount = this.#count;
    this.#markedTimestamp = this.#maxTimestamp;
  }

  /** Bytes added since `mark`. */
  get lengthSinceMark(): number {
    return this.#end - this.#markedEnd;
  }

  /** Takes back what was added since `mark`. */
  rewind(): void {
    this.#end = this.#markedEnd;
    this.#count = this.#markedCount;
    this.#maxTimestamp = this.#markedTimestamp;
  }

  /** Adds a record; `now` is its timestamp when it has none. Throws MILLRACE_ARGUMENT and adds nothing then. */
  add(record: RecordInput, now: number): void {
    const { value } = record;
    const plain =
      value instanceof Uint8Array &&
      value.length <= PLAIN_MAX &&
      record.key === undefined &&
      record.headers === undefined &&
      record.timestamp === undefined;
    if (plain && this.#count > 0 && this.#count < COUNT_LIMIT && now === this.#baseTimestamp) this.#addPlain(value);
    else this.#addAny(record, now);
  }

  /** The record that most appends are: short bytes and nothing else, of the batch's own time. */
  #addPlain(value: Uint8Array): void {
    const { length } = value;
    const index = this.#count;
    const body = PLAIN_MORE + countLength(index) + countLength(length) + length;
    if (this.#end + body + LENGTH_MAX > this.#bytes.length) this.#grow(body + LENGTH_MAX);
    const bytes = this.#bytes;
    let at = writeCount(bytes, this.#end, body);
    bytes[at] = 0;
    bytes[at + 1] = 0;
    at = writeCount(bytes, at + 2, index);
    bytes[at] = NO_KEY;
    at = writeCount(bytes, at + 1, length);
    bytes.set(value, at);
    bytes[at + length] = 0;
    this.#end = at + length + 1;
    this.#count = index + 1;
  }

  #addAny(record: RecordInput, now: number): void {
    const keyLength = contentLength(record.key, 'key');
    const valueLength = contentLength(record.value, 'value');
    const headers = record.headers === undefined ? none : headerPairs(record.headers);
    const timestamp = record.timestamp === undefined ? now : timestampOf(record.timestamp);
    const index = this.#count;
    const delta = index === 0 ? 0 : timestamp - this.#baseTimestamp;
    const body =
      1 +
      varintLength(delta) +
      varintLength(index) +
      varintLength(keyLength) +
      Math.max(keyLength, 0) +
      varintLength(valueLength) +
      Math.max(valueLength, 0) +
      (headers === none ? 1 : headerBytes(headers));
    if (this.#end + body + LENGTH_MAX > this.#bytes.length) this.#grow(body + LENGTH_MAX);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#end, body);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, delta);
    at = writeVarint(bytes, at, index);
    at = writeContent(bytes, at, record.key, keyLength);
    at = writeContent(bytes, at, record.value, valueLength);
    if (headers === none) bytes[at++] = 0;
    else at = writeHeaders(bytes, at, headers);
    if (index === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    this.#end = at;
    this.#count = index + 1;
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#end + more));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  /** Writes the header and answers where the batch ends in `bytes`. At least one record was added. */
  finish(codec = 0, level = -1): number {
    if (codec !== 0) this.#compress(codec, level);
    const bytes = this.#bytes;
    const end = this.#end;
    bytes.fill(0, 0, Field.length);
    bytes.writeInt32BE(end - LENGTH_FROM, Field.length);
    bytes.writeInt32BE(-1, Field.leaderEpoch);
    bytes[Field.magic] = 2;
    bytes.writeInt16BE(codec & Attribute.codecMask, Field.attributes);
    bytes.writeInt32BE(this.#count - 1, Field.lastOffsetDelta);
    writeTime(bytes, this.#baseTimestamp, Field.baseTimestamp);
    writeTime(bytes, this.#maxTimestamp, Field.maxTimestamp);
    bytes.fill(0xff, Field.producerId, Field.recordCount);
    bytes.writeInt32BE(this.#count, Field.recordCount);
    const sum = end <= SHORT_BYTES ? shortCrc32c : this.#tools.crc32c;
    bytes.writeUInt32BE(sum(bytes, Field.attributes, end), Field.crc);
    return end;
  }

  #compress(codec: number, level: number): void {
    const packed = this.#tools.deflateRecords(codec, this.#bytes.subarray(HEADER_BYTES, this.#end), level);
    this.#end = HEADER_BYTES;
    if (HEADER_BYTES + packed.length > this.#bytes.length) this.#grow(packed.length);
    this.#bytes.set(packed, HEADER_BYTES);
    this.#end = HEADER_BYTES + packed.length;
  }
}

function headerBytes(headers: readonly (readonly [string, Content])[]): number {
  let total = varintLength(headers.length);
  for (const [name, value] of headers) {
    const nameLength = Buffer.byteLength(name);
    const valueLength = contentLength(value, 'header value');
    total += varintLength(nameLength) + nameLength + varintLength(valueLength) + Math.max(valueLength, 0);
  }
  return total;
}

function writeHeaders(bytes: Buffer, start: number, headers: readonly (readonly [string, Content])[]): number {
  let at = writeVarint(bytes, start, headers.length);
  for (const [name, value] of headers) {
    at = writeContent(bytes, at, name, Buffer.byteLength(name));
    at = writeContent(bytes, at, value, contentLength(value, 'header value'));
  }
  return at;
}

function writeTime(bytes: Buffer, timestamp: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(timestamp / 0x1_0000_0000), at);
  bytes.writeUInt32BE(timestamp % 0x1_0000_0000, at + 4);
}

/** Writes a length and the content; `length` is -1 for null. */
function writeContent(bytes: Buffer, start: number, content: Content | undefined, length: number): number {
  const at = writeVarint(bytes, start, length);
  if (length <= 0 || content === null || content === undefined) return at;
  if (typeof content !== 'string') {
    bytes.set(content, at);
  } else if (length === content.length && length <= SHORT_TEXT) {
    for (let index = 0; index < length; index += 1) bytes[at + index] = content.charCodeAt(index);
  } else {
    bytes.write(content, at, length, 'utf8');
  }
  return at + length;
}
