/**
 * The stored form of one committed offset, the same whether a Kafka group or an embedded reader committed it.
 *
 * Not who may commit. To remember: the value is what the group reads next, one past the last record it has handled.
 */

import { offsetKey } from './state-keys.ts';
import type { Engine } from './types.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** What a group has committed for one partition. */
export interface StoredOffset {
  readonly offset: number;
  /** -1 when unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall time, ms. */
  readonly committedMs: number;
}

/** The value behind an `offsetKey`. */
export function encodeStoredOffset(stored: StoredOffset): Uint8Array {
  const { offset, leaderEpoch, metadata, committedMs } = stored;
  return encoder.encode(JSON.stringify({ v: 1, offset, leaderEpoch, metadata, committedMs }));
}

/** Undoes `encodeStoredOffset`. Throws on a version it does not read. */
export function decodeStoredOffset(value: Uint8Array): StoredOffset {
  const stored = JSON.parse(decoder.decode(value)) as StoredOffset & { v: number };
  if (stored.v !== 1) throw new Error(`offset entry has format version ${stored.v}, this program reads 1`);
  const { offset, leaderEpoch, metadata, committedMs } = stored;
  return { offset, leaderEpoch, metadata, committedMs };
}

/** What `group` has committed for a partition, from the state map itself. */
export function findStoredOffset(
  engine: Engine,
  group: string,
  topic: string,
  partition: number,
): StoredOffset | undefined {
  const key = offsetKey(group, topic, partition);
  const found = engine.scanState(key).find(([other]) => other.length === key.length);
  return found && decodeStoredOffset(found[1]);
}
