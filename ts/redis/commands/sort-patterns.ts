/** The keys that BY and GET of SORT name: `weight_*`, `object_*->field`, and `#` for the element itself. */

import { memberKey } from '../collections.ts';
import type { Call } from '../command.ts';
import { parseBound } from '../protocol/doubles.ts';
import { CommandError } from '../protocol/errors.ts';

const ANY = 42;

/** What lies under the key that a pattern and an element make; null when there is none. */
export function valueByPattern(call: Call, pattern: Buffer, element: Buffer): Buffer | null {
  if (pattern.length === 1 && pattern[0] === 35) return element;
  const star = pattern.indexOf(ANY);
  if (star < 0) return null;
  const arrow = pattern.indexOf('->', star + 1);
  const hasField = arrow >= 0 && arrow + 2 < pattern.length;
  const end = hasField ? arrow : pattern.length;
  const key = Buffer.concat([pattern.subarray(0, star), element, pattern.subarray(star + 1, end)]);
  if (!hasField) return call.db.stringOrNull(key)?.value ?? null;
  if (call.db.entry(key)?.type !== 'hash') return null;
  const hash = call.db.collection(key, 'hash');
  if (hash === null) return null;
  return call.db.members.get(memberKey(hash.id, pattern.subarray(arrow + 2)), call.nowMs)?.value ?? null;
}

/** An element as the number it is sorted by. */
export function sortKey(text: Buffer): number {
  const value = parseBound(text);
  if (value === undefined || (!Number.isFinite(value) && !/inf/i.test(text.toString('latin1')))) {
    throw new CommandError("ERR One or more scores can't be converted into double");
  }
  return value;
}
