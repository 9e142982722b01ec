/**
 * Where locks lie in a directory, and the check that a write makes of one.
 *
 * Not taking them (locks.ts). The invariant to remember: a lock's grant has a key of its own, which only grants and
 * releases write. So its sequence is the token, and the engine itself compares it when the frame of a write is committed.
 */

import { MillraceError } from '../errors.ts';
import type { Effect, KvEffect } from '../log/types.ts';
import type { Stores } from './stores.ts';

/** The store that all locks of a directory lie in. */
export const LOCK_STORE = 'millrace.locks';

/** A lock and the token it must still be held with. */
export interface Fence {
  readonly name: string;
  readonly token: bigint;
}

/** The key whose sequence is the token. */
export function grantKey(name: string): Buffer {
  return Buffer.from(`g/${name}`);
}

/** The key of what else is known of a grant: until when it holds. */
export function termKey(name: string): Buffer {
  return Buffer.from(`t/${name}`);
}

/** The name in a `termKey`. */
export function nameOfTerm(key: Uint8Array): string {
  return Buffer.from(key).toString().slice(2);
}

/** The check that the lock is held with the token. */
export function fenceEffect(store: number, { name, token }: Fence): KvEffect {
  if (typeof token !== 'bigint' || token < 1n || token > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'fence must have the token of a lock, a bigint above 0');
  }
  return { kind: 'kvCheck', store, key: grantKey(name), demand: { sequence: Number(token) } };
}

/** `effects` with the check behind them. Throws MILLRACE_FENCED where no lock was ever taken, MILLRACE_ARGUMENT. */
export function fenced<E extends Effect>(
  stores: Stores,
  effects: readonly E[],
  fence: Fence | undefined,
): readonly Effect[] {
  if (!fence) return effects;
  const store = stores.get(LOCK_STORE);
  if (!store) throw new MillraceError('MILLRACE_FENCED');
  return [...effects, fenceEffect(store.id, fence)];
}
