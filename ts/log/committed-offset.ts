/**
 * The stored form of one committed offset, the same whether a Kafka group or an embedded reader committed it.
 *
 * Not who may commit. To remember: the value is what the group reads next, one past the last record it has handled.
 */

import { Code, type CodeNumber, Level } from '../io/native-types.ts';
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

/** Runs `listener` after each `commitOffset` on `engine`, whoever called it; returns how to stop it. */
export function onCommitted(engine: Engine, listener: (commit: DurableCommit) => void): () => void {
  const listeners = caches.get(engine) ?? new Set();
  caches.set(engine, listeners.add(listener));
  return () => listeners.delete(listener);
}

/**
 * Stores one offset; `done` runs when a power cut cannot take it back, or with the reason why not (`failure` = the
 * outcome is unknown).
 */
export function commitOffset(
  engine: Engine,
  commit: DurableCommit,
  done: (code: CodeNumber, failure: CodeNumber) => void,
): void {
  const key = offsetKey(commit.group, commit.topic, commit.partition);
  const value = encodeStoredOffset(commit.stored);
  engine.submit([{ kind: 'put', key, value }], Level.durable, ([result], failure) => {
    const code = result?.code ?? Code.ok;
    if (failure === Code.ok && code === Code.ok) for (const tell of caches.get(engine) ?? []) tell(commit);
    done(code, failure);
  });
}
