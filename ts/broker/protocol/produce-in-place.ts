/**
 * Decodes a Produce request without making a view of each batch: where the records lie is two numbers.
 *
 * The same grammar as in gen/00-produce.gen.ts, which stays the reference (and the client's codec); a test compares both.
 * To remember: the ranges are of `bytes`, the memory of the whole request.
 */

import type { Reader } from './reader.ts';
import { ZERO_UUID } from './uuid.ts';

/** Records of one partition: `bytes[start, end)` of the request; `start` is -1 when they are null. */
export interface BatchInPlace {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

export interface TopicInPlace {
  /** Empty from version 13 on. */
  readonly name: string;
  /** Zero before version 13. */
  readonly topicId: string;
  readonly partitionData: BatchInPlace[];
}

export interface ProduceInPlace {
  readonly bytes: Uint8Array;
  readonly transactionalId: string | null;
  readonly acks: number;
  readonly timeoutMs: number;
  readonly topicData: TopicInPlace[];
}

/**
 * Throws `ProtocolError`.
 *
 *     ProduceRequest (versions 3-13, compact and tagged in 9+)
 *       transactionalId => string  (nullable)
 *       acks => int16
 *       timeoutMs => int32
 *       topicData => []TopicProduceData
 *         name => string  (3-12)
 *         topicId => uuid  (13)
 *         partitionData => []PartitionProduceData
 *           index => int32
 *           records => records  (nullable)
 */
export function decodeProduceInPlace(reader: Reader, version: number): ProduceInPlace {
  const flexible = version >= 9;
  const transactionalId = reader.nullableString(flexible);
  const acks = reader.int16();
  const timeoutMs = reader.int32();
  const topicData: TopicInPlace[] = [];
  for (let left = reader.count(flexible, 1); left > 0; left -= 1) topicData.push(decodeTopic(reader, version));
  if (flexible) reader.skipTags();
  return { bytes: reader.bytes, transactionalId, acks, timeoutMs, topicData };
}

function decodeTopic(reader: Reader, version: number): TopicInPlace {
  const flexible = version >= 9;
  const name = version >= 13 ? '' : reader.string(flexible);
  const topicId = version >= 13 ? reader.uuid() : ZERO_UUID;
  const partitionData: BatchInPlace[] = [];
  for (let left = reader.count(flexible, 5); left > 0; left -= 1) partitionData.push(decodeBatch(reader, flexible));
  if (flexible) reader.skipTags();
  return { name, topicId, partitionData };
}

function decodeBatch(reader: Reader, flexible: boolean): BatchInPlace {
  const index = reader.int32();
  const length = reader.nullableByteLength(flexible);
  const start = length === -1 ? -1 : reader.skip(length);
  const end = reader.position;
  if (flexible) reader.skipTags();
  return { index, start, end };
}
