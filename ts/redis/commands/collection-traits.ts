/** What OBJECT ENCODING and MEMORY USAGE say of collections. To remember: they are estimates for tools, nothing depends on them. */

import type { Collection } from '../collection-head.ts';
import { memberOf, memberPrefix } from '../collections.ts';
import type { Call } from '../command.ts';
import { walkMembers } from '../member-walk.ts';
import { parseInt64 } from '../protocol/numbers.ts';
import { StoredSet } from '../sets/stored-set.ts';
import type { RangeEntry } from '../store-view.ts';

/** In front of a member in the keys of a sorted set. */
const SCORED_HEAD = 1;

function membersOf({ db, nowMs }: Call, { id }: Collection, most: number): Generator<RangeEntry, void, undefined> {
  return walkMembers(db, { from: memberPrefix(id), to: memberPrefix(id + 1), expected: most }, nowMs);
}

/** Whether the first members, at most `most`, are all as `test` says. */
function areAll(call: Call, head: Collection, most: number, test: (entry: RangeEntry) => boolean): boolean {
  let looked = 0;
  for (const entry of membersOf(call, head, most)) {
    if (looked >= most) break;
    if (!test(entry)) return false;
    looked += 1;
  }
  return true;
}

/** As Redis 7.0 would have encoded it, made anew. */
export function encodingOf(call: Call, head: Collection): string {
  const { type, count } = head;
  const threshold = (name: string): number => call.host.settings.number(name);
  switch (type) {
    case 'list':
      return 'quicklist';
    case 'set': {
      const isNumber = ({ key }: RangeEntry): boolean => parseInt64(StoredSet.memberOf(key)) !== undefined;
      return count <= threshold('set-max-intset-entries') && areAll(call, head, count, isNumber)
        ? 'intset'
        : 'hashtable';
    }
    default: {
      const packed = type === 'zset' ? 'zset' : 'hash';
      const mostBytes = threshold(`${packed}-max-listpack-value`);
      const isSmall = ({ key, value }: RangeEntry): boolean =>
        memberOf(key).length - (type === 'zset' ? SCORED_HEAD : 0) <= mostBytes &&
        (type === 'zset' || value.length <= mostBytes);
      const most = threshold(`${packed}-max-listpack-entries`);
      if (count <= most && areAll(call, head, count, isSmall)) return 'listpack';
      return type === 'zset' ? 'skiplist' : 'hashtable';
    }
  }
}

/** Bytes of the members of a collection by the size of the first `samples` of them (0: of all), `overhead` for each. */
export function memberBytes(call: Call, head: Collection, samples: number, overhead: number): number {
  const most = samples === 0 ? head.count : samples;
  let [looked, bytes] = [0, 0];
  for (const { key, value } of membersOf(call, head, most)) {
    if (looked >= most) break;
    looked += 1;
    bytes += key.length + value.length + overhead;
  }
  const records = head.type === 'zset' ? 2 * head.count : head.count;
  return looked === 0 ? 0 : Math.round((bytes / looked) * records);
}
