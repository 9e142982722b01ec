/**
 * Part of a collection's members, page by page, in the order of their keys or against it.
 *
 * Not what the keys mean (sets/, sorted-sets/, lists/). To remember: whoever stops early has read one page too much at
 * most, so say how many are expected; nobody may write members while a walk goes on.
 */

import type { Database } from './database.ts';
import type { RangeEntry } from './store-view.ts';

/** Which members. */
export interface MemberRange {
  /** First key, inclusive. */
  readonly from: Buffer;
  /** Exclusive. */
  readonly to: Buffer;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  /** How many are expected to be looked at. */
  readonly expected?: number;
}

const PAGE = 500;
const PAGE_MAX = 4000;

/** May throw `Cold` at any step. */
export function* walkMembers(db: Database, range: MemberRange, nowMs: number): Generator<RangeEntry, void, undefined> {
  const { reverse = false, keysOnly = false, expected = PAGE } = range;
  let { from, to } = range;
  let limit = Math.max(1, Math.min(expected, PAGE_MAX));
  for (let after = false; from.compare(to) < 0; ) {
    const { entries, hasMore } = db.members.range({ from, after, to, reverse, keysOnly, limit }, nowMs);
    yield* entries;
    const last = entries.at(-1);
    if (!hasMore || last === undefined) return;
    if (reverse) to = last.key;
    else [from, after] = [last.key, true];
    limit = Math.min(Math.max(limit * 2, 16), PAGE_MAX);
  }
}
