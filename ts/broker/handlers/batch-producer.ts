/**
 * Who a transactional batch says it is from, read from its header where it lies.
 *
 * Not a check: that is the engine's. To remember: a batch too short for a header is nobody's, and is refused there.
 */

import type { ProducerClaim } from '../transactions/events.ts';

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
