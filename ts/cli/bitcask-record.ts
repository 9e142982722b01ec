/**
 * One record of a plain Bitcask data file, as docs/format/bitcask.md draws it: CRC, type, key size, value size, key, value.
 *
 * Not our own data files. Invariant: a size is compared with what a key or value may have before anything is read by it.
 */
import { crc32 } from 'node:zlib';

/** How sizes are written: unsigned, or as Go writes signed numbers (zigzag). */
export type SizeForm = 'unsigned' | 'zigzag';

/** What a record does. */
export const BitcaskType = { put: 0, delete: 1, batchEnd: 2 } as const;

/** A record; `batch` is the number in front of its key, 0 for none. */
export interface BitcaskRecord {
  readonly type: number;
  readonly batch: bigint;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What lies at a position: a record and its bytes, the need for so many bytes to tell, an end of zeros, or nothing valid. */
export type Found =
  | { readonly kind: 'record'; readonly record: BitcaskRecord; readonly bytes: number }
  | { readonly kind: 'more'; readonly bytes: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'wrong'; readonly reason: string };

const Field = { crc: 0, type: 4, sizes: 5 } as const;
const CRC_BYTES = 4;
/** Of the fixed part and two varints of 32 bits. */
export const HEADER_MAX = 15;
/** Our own limits, and room for the number in front of a key. */
const KEY_MAX = 65_535 + 10;
const VALUE_MAX = 32 * 1024 * 1024;

/** Reads the record at `at` of `bytes`. */
export function readRecord(bytes: Buffer, at: number, form: SizeForm): Found {
  const left = bytes.length - at;
  if (left < Field.sizes + 2) return { kind: 'more', bytes: Field.sizes + 2 };
  const keySize = varint(bytes, at + Field.sizes, form);
  if (keySize === 'short') return { kind: 'more', bytes: Math.max(left + 1, HEADER_MAX) };
  const valueSize = keySize && varint(bytes, keySize.next, form);
  if (valueSize === 'short') return { kind: 'more', bytes: Math.max(left + 1, HEADER_MAX) };
  if (!keySize || !valueSize) return wrong('a size that does not end');
  const crc = bytes.readUInt32LE(at + Field.crc);
  // What a mapped file has behind its last record.
  if (crc === 0 && keySize.value === 0 && valueSize.value === 0) return { kind: 'end' };
  if (keySize.value < 1 || keySize.value > KEY_MAX) return wrong(`a key of ${keySize.value} bytes`);
  if (valueSize.value < 0 || valueSize.value > VALUE_MAX) return wrong(`a value of ${valueSize.value} bytes`);
  const keyAt = valueSize.next;
  const valueAt = keyAt + keySize.value;
  const end = valueAt + valueSize.value;
  if (end > bytes.length) return { kind: 'more', bytes: end - at };
  if (crc32(bytes.subarray(at + CRC_BYTES, end)) !== crc) return wrong('a checksum that does not match');
  const type = bytes[at + Field.type] as number;
  if (type > BitcaskType.batchEnd) return wrong(`a record of unknown type ${type}`);
  const batch = batchOf(bytes, keyAt, valueAt);
  if (!batch) return wrong('a key without the number of its batch');
  const record = {
    type,
    batch: batch.number,
    key: bytes.subarray(batch.next, valueAt),
    value: bytes.subarray(valueAt, end),
  };
  return { kind: 'record', record, bytes: end - at };
}

function wrong(reason: string): Found {
  return { kind: 'wrong', reason };
}

/** A size of at most 5 bytes; `short` when it goes on behind what is there, undefined when it has more. */
function varint(bytes: Buffer, start: number, form: SizeForm): { value: number; next: number } | 'short' | undefined {
  let value = 0;
  let scale = 1;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return 'short';
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    const plain = form === 'unsigned' ? value : value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    return { value: plain, next: start + index + 1 };
  }
  return undefined;
}

/** The unsigned number in front of a key. */
function batchOf(bytes: Buffer, start: number, end: number): { number: bigint; next: number } | undefined {
  let number = 0n;
  for (let index = 0; index < 10 && start + index < end; index += 1) {
    const byte = bytes[start + index] as number;
    number |= BigInt(byte & 127) << BigInt(7 * index);
    if (byte < 128) return { number, next: start + index + 1 };
  }
  return undefined;
}
