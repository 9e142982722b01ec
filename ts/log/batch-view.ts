/**
 * Reads Kafka record batches (magic 2) from bytes the engine has checked.
 *
 * Not a check of the CRC: the engine has done that before the bytes left it. To remember: every count and length is
 * still bounded by what is left, because a record's inside is its producer's.
 */

import { MillraceError } from '../errors.ts';
import { Attribute, Field, HEADER_BYTES, LENGTH_FROM } from './batch-layout.ts';
import type { LogRecord } from './record.ts';

/** What the addon does for batches. */
export interface InflateTools {
  inflateRecords(codec: number, bytes: Uint8Array, start: number, end: number, limit: number): Uint8Array;
}

/** The most a batch may inflate to. */
const INFLATE_LIMIT = 64 * 1024 * 1024;

/** The header of one batch, as numbers. Offsets are below 2^53. */
export interface BatchHeader {
  readonly baseOffset: number;
  /** Offset of the last record. */
  readonly lastOffset: number;
  /** Bytes of the whole batch. */
  readonly length: number;
  readonly leaderEpoch: number;
  readonly attributes: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly count: number;
  /** A transaction marker: it holds no record of a user. */
  readonly control: boolean;
}

function corrupt(reason: string): MillraceError {
  return new MillraceError('MILLRACE_INVALID_RECORD', reason);
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** Reads the header at `at`; undefined when the batch is not whole before `end`. */
export function readHeader(bytes: Buffer, at: number, end: number): BatchHeader | undefined {
  if (end - at < HEADER_BYTES) return undefined;
  const length = bytes.readInt32BE(at + Field.length) + LENGTH_FROM;
  if (bytes[at + Field.magic] !== 2 || length < HEADER_BYTES) throw corrupt('a batch that was read is not of magic 2');
  if (length > end - at) return undefined;
  const baseOffset = int64(bytes, at + Field.baseOffset);
  const attributes = bytes.readInt16BE(at + Field.attributes);
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + Field.lastOffsetDelta),
    length,
    leaderEpoch: bytes.readInt32BE(at + Field.leaderEpoch),
    attributes,
    baseTimestamp: int64(bytes, at + Field.baseTimestamp),
    maxTimestamp: int64(bytes, at + Field.maxTimestamp),
    count: bytes.readInt32BE(at + Field.recordCount),
    control: (attributes & Attribute.control) !== 0,
  };
}

/** Whether a batch belongs to a transaction. */
export function isTransactional({ attributes }: BatchHeader): boolean {
  return (attributes & Attribute.transactional) !== 0;
}

/** Who sent the batch at `at`; -1 for nobody in particular. */
export function producerIdOf(bytes: Buffer, at: number): number {
  return int64(bytes, at + Field.producerId);
}

/** Walks the records of one batch whose bytes start at `at`. `from` skips records below that offset. */
export function* readRecords(
  bytes: Buffer,
  at: number,
  header: BatchHeader,
  partition: number,
  from: number,
  tools: InflateTools,
): Generator<LogRecord, void, undefined> {
  const codec = header.attributes & Attribute.codecMask;
  let cursor: Cursor;
  if (codec === 0) cursor = new Cursor(bytes, at + HEADER_BYTES, at + header.length);
  else {
    const inflated = tools.inflateRecords(codec, bytes, at + HEADER_BYTES, at + header.length, INFLATE_LIMIT);
    const view = Buffer.from(inflated.buffer, inflated.byteOffset, inflated.byteLength);
    cursor = new Cursor(view, 0, view.length);
  }
  const appendTime = (header.attributes & Attribute.logAppendTime) !== 0;
  for (let index = 0; index < header.count; index += 1) {
    const record = readRecord(cursor, header, partition, appendTime);
    // Where compaction has been, a record's place says nothing about its offset.
    if (Number(record.offset) >= from) yield record;
  }
}

function readRecord(cursor: Cursor, header: BatchHeader, partition: number, appendTime: boolean): LogRecord {
  const length = cursor.varint();
  const end = cursor.at + length;
  if (length < 0 || end > cursor.end) throw corrupt('a record reaches past its batch');
  cursor.at += 1;
  const timestamp = header.baseTimestamp + cursor.varint();
  const offset = header.baseOffset + cursor.varint();
  const key = cursor.content();
  const value = cursor.content();
  const count = cursor.varint();
  if (count < 0 || count > end - cursor.at) throw corrupt('a record claims more headers than it has bytes');
  const headers: [string, Buffer | null][] = [];
  for (let index = 0; index < count; index += 1) {
    const name = cursor.content();
    if (name === null) throw corrupt('a record header has no name');
    headers.push([name.toString('utf8'), cursor.content()]);
  }
  if (cursor.at !== end) throw corrupt('a record is longer than its fields');
  return {
    partition,
    offset: BigInt(offset),
    timestamp: appendTime ? header.maxTimestamp : timestamp,
    key,
    value,
    headers,
  };
}

/** A position in bounded bytes. */
class Cursor {
  at: number;
  readonly end: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** A zigzag varint of at most 10 bytes. */
  varint(): number {
    let zigzag = 0;
    let scale = 1;
    for (let count = 0; count < 10 && this.at < this.end; count += 1) {
      const byte = this.#bytes[this.at++] as number;
      zigzag += (byte & 127) * scale;
      if (byte < 128) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      scale *= 128;
    }
    throw corrupt('a varint does not end');
  }

  /** Length and bytes; null for length -1. */
  content(): Buffer | null {
    const length = this.varint();
    if (length === -1) return null;
    if (length < 0 || length > this.end - this.at) throw corrupt('a field reaches past its batch');
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}
