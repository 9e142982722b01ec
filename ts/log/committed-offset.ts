/**
 * The stored form of one committed offset, the same whether a Kafka group or an embedded reader committed it.
 *
 * Not who may commit. To remember: the value is what the group reads next, one past the last record it has handled.
 */

import { offsetKey } from './state-keys.ts';
import type { Effect, Engine } from './types.ts';

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
  /** Wall time, ms, when a client has said how long the offset is to be kept (OffsetCommit 2-4). */
  readonly expiresMs?: number;
}

/** The value behind an `offsetKey`. */
export function encodeStoredOffset(stored: StoredOffset): Uint8Array {
  const { offset, leaderEpoch, metadata, committedMs, expiresMs } = stored;
  return encoder.encode(JSON.stringify({ v: 1, offset, leaderEpoch, metadata, committedMs, expiresMs }));
}

/** Undoes `encodeStoredOffset`. Throws on a version it does not read. */
export function decodeStoredOffset(value: Uint8Array): StoredOffset {
  const stored = JSON.parse(decoder.decode(value)) as StoredOffset & { v: number };
  if (stored.v !== 1) throw new Error(`offset entry has format version ${stored.v}, this program reads 1`);
  const { offset, leaderEpoch, metadata, committedMs, expiresMs } = stored;
  const base = { offset, leaderEpoch, metadata, committedMs };
  return expiresMs === undefined ? base : { ...base, expiresMs };
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

/** A commit that has become durable: told to every cache of committed offsets on the same engine. */
export interface DurableCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly stored: StoredOffset;
}

const caches = new WeakMap<Engine, Set<(commit: DurableCommit) => void>>();

/** Runs `listener` after each commit that is told by `tellCommitted` on `engine`; returns how to stop it. */
export function onCommitted(engine: Engine, listener: (commit: DurableCommit) => void): () => void {
  const listeners = caches.get(engine) ?? new Set();
  caches.set(engine, listeners.add(listener));
  return () => listeners.delete(listener);
}

/** The effect that stores a commit. */
export function offsetEffect({ group, topic, partition, stored }: DurableCommit): Effect {
  return { kind: 'put', key: offsetKey(group, topic, partition), value: encodeStoredOffset(stored) };
}

/** Tells every cache on `engine` of a commit whose frame has been stored. */
export function tellCommitted(engine: Engine, commit: DurableCommit): void {
  for (const tell of caches.get(engine) ?? []) tell(commit);
}
