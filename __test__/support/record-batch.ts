/**
 * Kafka record batches (magic 2), uncompressed, written and read independently of the code under test.
 *
 *  0 base offset i64 | 8 length i32 | 12 leader epoch i32 | 16 magic i8 | 17 CRC-32C u32 | 21 attributes i16
 * 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64 | 43 producer id i64 | 51 producer epoch i16
 * 53 base sequence i32 | 57 count i32 | 61 records
 */

const HEADER_LENGTH = 61;
const CRC_START = 21;

/** Header fields that differ from what follows from the records: a producer's identity, or a lie with a right checksum. */
export interface BatchFields {
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  /** Part of a transaction. */
  readonly transactional?: boolean;
  readonly lastOffsetDelta?: number;
  readonly count?: number;
  /** Ms since 1970; now when left out. */
  readonly timestamp?: number;
  /** What its attributes say of its records, which are never compressed here. */
  readonly codec?: number;
  /** Ms of each record behind `timestamp`; none when left out. */
  readonly later?: readonly number[];
}

/** A batch of records without keys, all of one time unless `later` says otherwise. */
export function encodeBatch(values: readonly Buffer[], fields: BatchFields = {}): Buffer {
  const later = fields.later ?? [];
  const records = Buffer.concat(values.map((value, index) => record(value, index, later[index] ?? 0)));
  const batch = Buffer.alloc(HEADER_LENGTH + records.length);
  const now = BigInt(fields.timestamp ?? Date.now());
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE((fields.transactional === true ? 0x10 : 0) | (fields.codec ?? 0), 21);
  batch.writeInt32BE(fields.lastOffsetDelta ?? values.length - 1, 23);
  batch.writeBigInt64BE(now, 27);
  batch.writeBigInt64BE(now + BigInt(Math.max(0, ...later)), 35);
  batch.writeBigInt64BE(BigInt(fields.producerId ?? -1), 43);
  batch.writeInt16BE(fields.producerEpoch ?? -1, 51);
  batch.writeInt32BE(fields.baseSequence ?? -1, 53);
  batch.writeInt32BE(fields.count ?? values.length, 57);
  records.copy(batch, HEADER_LENGTH);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_START)), 17);
  return batch;
}

/** A record as a reader sees it. */
export interface StoredRecord {
  readonly offset: number;
  readonly value: Buffer;
}

/** All records of whole batches. Throws on a wrong checksum, a compressed batch, or bytes that are no batch. */
export function decodeBatches(bytes: Buffer): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 12 + bytes.readInt32BE(at + 8);
    const batch = bytes.subarray(at, at + length);
    if (batch.length < length) throw new Error('a batch is cut');
    if (batch.readUInt32BE(17) !== crc32c(batch.subarray(CRC_START))) throw new Error('a batch has a wrong checksum');
    if ((batch.readInt16BE(21) & 7) !== 0) throw new Error('a batch is compressed');
    records.push(...recordsOf(batch));
    at += length;
  }
  return records;
}

function recordsOf(batch: Buffer): StoredRecord[] {
  const base = Number(batch.readBigInt64BE(0));
  const cursor = { at: HEADER_LENGTH };
  return Array.from({ length: batch.readInt32BE(57) }, () => {
    const length = readVarint(batch, cursor);
    const end = cursor.at + length;
    cursor.at += 1;
    readVarint(batch, cursor);
    const delta = readVarint(batch, cursor);
    const key = readVarint(batch, cursor);
    cursor.at += Math.max(key, 0);
    const size = readVarint(batch, cursor);
    const value = batch.subarray(cursor.at, cursor.at + size);
    cursor.at = end;
    return { offset: base + delta, value };
  });
}

/** Attributes, timestamp delta, offset delta, no key, the value, no headers; its length before it. */
function record(value: Buffer, delta: number, laterMs: number): Buffer {
  const body = Buffer.concat([
    Buffer.of(0),
    varint(laterMs),
    varint(delta),
    varint(-1),
    varint(value.length),
    value,
    varint(0),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** Zigzag, seven bits a byte, for what fits 31 bits. */
function varint(value: number): Buffer {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  const bytes: number[] = [];
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

function readVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes.readUInt8(cursor.at);
    cursor.at += 1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
