/**
 * The keys of a database page by page: first those of strings, then those of collections, each in the order of bytes.
 *
 * Not the cursors that clients see (scan-cursors.ts). To remember: a key that is there all the time is met at least once,
 * whatever is written meanwhile.
 */

import { decodeHead } from './collection-head.ts';
import type { Database, KeyType } from './database.ts';

/** Where a walk goes on. */
export interface KeyPosition {
  readonly isInHeads: boolean;
  /** Behind this key; null: from the first. */
  readonly after: Buffer | null;
}

export interface WalkedKey {
  readonly key: Buffer;
  readonly type: KeyType;
}

export const walkStart: KeyPosition = { isInHeads: false, after: null };
const NOTHING: Buffer = Buffer.alloc(0);

/** At most `limit` keys, and where to go on; null when there are no more. May throw `Cold`. */
export function walkKeys(
  db: Database,
  { isInHeads, after }: KeyPosition,
  limit: number,
  nowMs: number,
): { keys: WalkedKey[]; next: KeyPosition | null } {
  const view = isInHeads ? db.heads : db.strings;
  const { entries, hasMore } = view.range(
    { from: after ?? NOTHING, after: after !== null, keysOnly: !isInHeads, limit },
    nowMs,
  );
  const keys = entries.map((entry): WalkedKey => {
    return { key: entry.key, type: isInHeads ? decodeHead(entry).type : 'string' };
  });
  const last = keys.at(-1);
  if (hasMore && last !== undefined) return { keys, next: { isInHeads, after: Buffer.from(last.key) } };
  if (isInHeads || !db.mayHaveHeads) return { keys, next: null };
  const heads: KeyPosition = { isInHeads: true, after: null };
  if (keys.length >= limit) return { keys, next: heads };
  const rest = walkKeys(db, heads, limit - keys.length, nowMs);
  return { keys: [...keys, ...rest.keys], next: rest.next };
}
