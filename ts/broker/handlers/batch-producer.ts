/**
 * What a batch says of itself, read from its header where it lies: whose it is, and whether what is wrong with it was meant.
 *
 * Not a check: that is the engine's. To remember: a batch too short for a header is nobody's, and is refused there.
 */

import { batchTools } from '../../log/batch-tools.ts';
import type { ProducerClaim } from '../transactions/events.ts';

const LENGTH_POSITION = 8;
/** Bytes up to the end of the length. */
const LENGTH_END = 12;
const MAGIC_POSITION = 16;
const MAGIC = 2;
const CHECKSUM_POSITION = 17;
const SUMMED_FROM = 21;
const CODEC_MASK = 7;
const ATTRIBUTES_POSITION = 22;
const TRANSACTIONAL_BIT = 0x10;
const PRODUCER_ID_POSITION = 43;
const PRODUCER_EPOCH_POSITION = 51;
const HEADER_BYTES = 61;

/** The producer of the batch `bytes[start, end)` if it belongs to a transaction. */
export function transactionalProducer(bytes: Uint8Array, start: number, end: number): ProducerClaim | undefined {
  if (end - start < HEADER_BYTES) return undefined;
  if (((bytes[start + ATTRIBUTES_POSITION] as number) & TRANSACTIONAL_BIT) === 0) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset + start, HEADER_BYTES);
  const producerId = Number(header.getBigInt64(PRODUCER_ID_POSITION));
  return { producerId, epoch: header.getInt16(PRODUCER_EPOCH_POSITION) };
}

/** Whether behind the batch at `start` there is another one before `end`: rule 5 allows one a partition. */
export function holdsAnotherBatch(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 * HEADER_BYTES) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset + start, HEADER_BYTES).getInt32(LENGTH_POSITION);
  const next = start + LENGTH_END + length;
  return length >= HEADER_BYTES - LENGTH_END && next + HEADER_BYTES <= end && bytes[next + MAGIC_POSITION] === MAGIC;
}

/**
 * Whether a batch that was found corrupt came as it was meant: its checksum holds, so it contradicts itself (a count that
 * is not that of its records). Of a compressed one this is not known. Costs a sum over all of it.
 */
export function contradictsItself(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HEADER_BYTES) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset + start, HEADER_BYTES);
  if (header.getInt32(LENGTH_POSITION) !== end - start - LENGTH_END || header.getInt8(MAGIC_POSITION) !== MAGIC)
    return false;
  if ((header.getUint8(ATTRIBUTES_POSITION) & CODEC_MASK) !== 0) return false;
  return batchTools().crc32c(bytes, start + SUMMED_FROM, end) === header.getUint32(CHECKSUM_POSITION);
}
