/**
 * Where the fields of a Kafka record batch (magic 2) lie, and its varints.
 *
 * Not encoding (record-batch.ts) and not decoding (batch-view.ts). To remember: big endian; the CRC-32C covers
 * everything from the attributes on; varints are zigzag.
 *
 *   0 base offset i64   8 length i32 (of what follows it)   12 leader epoch i32   16 magic i8   17 CRC u32
 *   21 attributes i16   23 last offset delta i32   27 base timestamp i64   35 max timestamp i64
 *   43 producer id i64   51 producer epoch i16   53 base sequence i32   57 record count i32   61 records
 */

/** Positions of the fields, bytes from the start of the batch. */
export const Field = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** Bytes before the records. */
export const HEADER_BYTES: number = Field.records;
/** Bytes that the length field does not count. */
export const LENGTH_FROM: number = Field.leaderEpoch;

/** Bits of the attributes. */
export const Attribute = {
  codecMask: 0b111,
  logAppendTime: 0b1000,
  transactional: 0b1_0000,
  control: 0b10_0000,
} as const;

/** Compressions by Kafka's id. */
export const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
/** A compression by name. */
export type Compression = (typeof codecNames)[number];

/** Bytes `value` takes as a zigzag varint; a whole number of magnitude below 2^52. */
export function varintLength(value: number): number {
  if (value >= -64 && value < 64) return 1;
  if (value >= -8192 && value < 8192) return 2;
  let zigzag = value < 0 ? -value * 2 - 1 : value * 2;
  let length = 1;
  for (; zigzag >= 128; zigzag = Math.floor(zigzag / 128)) length += 1;
  return length;
}

/** Writes `value` as a zigzag varint at `at`; answers the position behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  if (value >= -64 && value < 64) {
    bytes[at] = (value << 1) ^ (value >> 31);
    return at + 1;
  }
  if (value >= -8192 && value < 8192) {
    const zigzag = (value << 1) ^ (value >> 31);
    bytes[at] = zigzag | 128;
    bytes[at + 1] = zigzag >> 7;
    return at + 2;
  }
  return writeLongVarint(bytes, at, value);
}

/** Counts below this take one or two bytes; `countLength` and `writeCount` are for them. */
export const COUNT_LIMIT = 8192;

/** `varintLength` of a count, `0 <= count < COUNT_LIMIT`. */
export function countLength(count: number): number {
  return count < 64 ? 1 : 2;
}

/** `writeVarint` of a count, `0 <= count < COUNT_LIMIT`: small enough to be compiled into its callers. */
export function writeCount(bytes: Uint8Array, at: number, count: number): number {
  if (count < 64) {
    bytes[at] = count << 1;
    return at + 1;
  }
  bytes[at] = (count << 1) | 128;
  bytes[at + 1] = count >> 6;
  return at + 2;
}

function writeLongVarint(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = value < 0 ? -value * 2 - 1 : value * 2;
  let position = at;
  while (zigzag >= 0x8000_0000) {
    bytes[position++] = (zigzag % 128) + 128;
    zigzag = Math.floor(zigzag / 128);
  }
  while (zigzag >= 128) {
    bytes[position++] = (zigzag & 127) | 128;
    zigzag >>>= 7;
  }
  bytes[position++] = zigzag;
  return position;
}
