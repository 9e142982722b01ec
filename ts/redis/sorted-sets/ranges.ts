/**
 * Parts of a sorted set as commands name them: by rank, by score, or by member among equal scores.
 *
 * Not the commands (commands/sorted-set-ranges.ts). To remember: members of different scores have no order of their own, so
 * a range by member goes, as in Redis, from the first that is inside to the first that is not.
 */

import { parseBound } from '../protocol/doubles.ts';
import { CommandError } from '../protocol/errors.ts';
import type { Scored, ScoreKeys, StoredSortedSet } from './stored-sorted-set.ts';

/** An end of a range; excluded or not. */
export interface Bound<Value> {
  readonly value: Value;
  readonly isExcluded: boolean;
}

/** By score. */
export interface ScoreRange {
  readonly min: Bound<number>;
  readonly max: Bound<number>;
}

/** A member, or before all, or behind all. */
export type LexBound = Bound<Buffer> | 'first' | 'last';

/** By member. */
export interface LexRange {
  readonly min: LexBound;
  readonly max: LexBound;
}

const EXCLUDED = 40;
const INCLUDED = 91;

/** Reads `1.5`, `(1.5`, `-inf`. */
function scoreBound(arg: Buffer): Bound<number> {
  const isExcluded = arg[0] === EXCLUDED;
  const value = parseBound(isExcluded ? arg.subarray(1) : arg);
  if (value === undefined) throw new CommandError('ERR min or max is not a float');
  return { value, isExcluded };
}

export function scoreRange(min: Buffer, max: Buffer): ScoreRange {
  return { min: scoreBound(min), max: scoreBound(max) };
}

/** Reads `[a`, `(a`, `-`, `+`. */
function lexBound(arg: Buffer): LexBound {
  const text = arg.length === 1 ? arg.toString('latin1') : '';
  if (text === '-') return 'first';
  if (text === '+') return 'last';
  if (arg[0] !== EXCLUDED && arg[0] !== INCLUDED) {
    throw new CommandError('ERR min or max not valid string range item');
  }
  return { value: arg.subarray(1), isExcluded: arg[0] === EXCLUDED };
}

export function lexRange(min: Buffer, max: Buffer): LexRange {
  return { min: lexBound(min), max: lexBound(max) };
}

/** The keys of a range by score. */
export function keysOfScores(set: StoredSortedSet, { min, max }: ScoreRange): ScoreKeys {
  const start = (score: number): Buffer => set.scoreKey(score, Buffer.alloc(0));
  return {
    from: min.isExcluded ? set.behindScore(min.value) : start(min.value),
    to: max.isExcluded ? start(max.value) : set.behindScore(max.value),
  };
}

/** Whether a member is not before the range. */
function isFrom(member: Buffer, min: LexBound): boolean {
  if (min === 'first' || min === 'last') return min === 'first';
  const order = member.compare(min.value);
  return min.isExcluded ? order > 0 : order >= 0;
}

/** Whether a member is not behind the range. */
function isUpTo(member: Buffer, max: LexBound): boolean {
  if (max === 'first' || max === 'last') return max === 'last';
  const order = member.compare(max.value);
  return max.isExcluded ? order < 0 : order <= 0;
}

/** Members of a range by member, from either end. */
export function* walkLex(
  set: StoredSortedSet,
  { min, max }: LexRange,
  reverse: boolean,
): Generator<Scored, void, undefined> {
  const keys = keysOfLex(set, { min, max });
  let isInside = false;
  for (const scored of set.walk(keys, { reverse })) {
    const begins = reverse ? isUpTo(scored.member, max) : isFrom(scored.member, min);
    if (!isInside && !begins) continue;
    isInside = true;
    const goesOn = reverse ? isFrom(scored.member, min) : isUpTo(scored.member, max);
    if (!goesOn) return;
    yield scored;
  }
}

/** Where members of the range may be: with one score for all, only there. */
function keysOfLex(set: StoredSortedSet, range: LexRange): ScoreKeys {
  return exactlyLex(set, range) ?? set.allKeys;
}

/** How many members are in the range; without walking where all have one score, as is usual for such ranges. */
export function countLex(set: StoredSortedSet, range: LexRange): number {
  const keys = exactlyLex(set, range);
  if (keys !== null) return set.countBetween(keys);
  let count = 0;
  for (const _ of walkLex(set, range, false)) count += 1;
  return count;
}

/** The keys of the range when all members have one score, else null. */
function exactlyLex(set: StoredSortedSet, { min, max }: LexRange): ScoreKeys | null {
  const [first] = set.walk(set.allKeys, { expected: 1 });
  const [last] = set.walk(set.allKeys, { expected: 1, reverse: true });
  if (first === undefined || last === undefined || first.score !== last.score) return null;
  const { from, to } = set.allKeys;
  const before = (member: Buffer): Buffer => set.scoreKey(first.score, member);
  const behind = (member: Buffer): Buffer => set.scoreKey(first.score, Buffer.concat([member, Buffer.alloc(1)]));
  const edge = (bound: LexBound, isBehind: boolean): Buffer => {
    if (typeof bound === 'string') return bound === 'first' ? from : to;
    return isBehind ? behind(bound.value) : before(bound.value);
  };
  return {
    from: edge(min, typeof min !== 'string' && min.isExcluded),
    to: edge(max, typeof max !== 'string' && !max.isExcluded),
  };
}

/** Indexes as commands name them, as indexes from 0 on; null when there is nothing between them. */
export function ranks(start: number, stop: number, count: number): readonly [first: number, last: number] | null {
  const first = Math.max(0, start < 0 ? count + start : start);
  const last = Math.min(count - 1, stop < 0 ? count + stop : stop);
  return first > last || first >= count ? null : [first, last];
}

/** Members of which so many come before are walked to: one crossing, as looking up where they begin would be. */
const WALKED = 128;

/** Members from one rank to another, `reverse`: ranks are from the end, and so is the order. */
export function byRank(set: StoredSortedSet, first: number, last: number, reverse: boolean): Scored[] {
  const { count } = set;
  // From the end that is nearer.
  const isFarther = first > count - 1 - last;
  const [from, to] = isFarther ? [count - 1 - last, count - 1 - first] : [first, last];
  const found: Scored[] = [];
  const isBackward = reverse !== isFarther;
  let rank = from > WALKED ? from : 0;
  const keys = rank > 0 ? set.keysFrom(rank, isBackward) : set.allKeys;
  for (const scored of set.walk(keys, { reverse: isBackward, expected: to - rank + 1 })) {
    if (rank >= from) found.push(scored);
    if (rank === to) break;
    rank += 1;
  }
  return isFarther ? found.reverse() : found;
}
