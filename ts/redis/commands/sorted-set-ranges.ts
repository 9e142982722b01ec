/** Parts of sorted sets: the ZRANGE family, what it stores, and what ZREMRANGE removes. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import {
  byRank,
  keysOfScores,
  type LexRange,
  lexRange,
  ranks,
  type ScoreRange,
  scoreRange,
  walkLex,
} from '../sorted-sets/ranges.ts';
import { type Scored, StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, integer, word } from './arguments.ts';
import { writeScored } from './scored-reply.ts';

type By = 'rank' | 'score' | 'lex';

/** What the name of a command fixes; undefined: an option says it. */
interface Form {
  readonly by?: By;
  readonly isReverse?: boolean;
  /** Index of the key that is read; the one that is stored is before it. */
  readonly keyAt?: number;
}

type Selection =
  | { readonly by: 'rank'; readonly start: number; readonly stop: number }
  | { readonly by: 'score'; readonly range: ScoreRange }
  | { readonly by: 'lex'; readonly range: LexRange };

interface Request {
  readonly selection: Selection;
  readonly isReverse: boolean;
  readonly withScores: boolean;
  readonly offset: number;
  /** Negative: no limit. */
  readonly limit: number;
}

interface Options {
  by: By | undefined;
  isReverse: boolean | undefined;
  withScores: boolean;
  offset: number;
  limit: number;
}

function optionsOf(args: readonly Buffer[], { by, isReverse, keyAt = 1 }: Form): Options {
  const options: Options = { by, isReverse, withScores: false, offset: 0, limit: -1 };
  for (let index = keyAt + 3; index < args.length; index += 1) {
    const name = word(args[index]);
    if (name === 'WITHSCORES' && keyAt === 1) options.withScores = true;
    else if (name === 'LIMIT' && index + 2 < args.length) {
      options.offset = integer(at(args, index + 1));
      options.limit = integer(at(args, index + 2));
      index += 2;
    } else if (name === 'REV' && isReverse === undefined) options.isReverse = true;
    else if (name === 'BYSCORE' && by === undefined) options.by = 'score';
    else if (name === 'BYLEX' && by === undefined) options.by = 'lex';
    else throw new CommandError(errors.syntax);
  }
  return options;
}

function requestOf(args: readonly Buffer[], form: Form): Request {
  const { by = 'rank', isReverse = false, ...rest } = optionsOf(args, form);
  if (rest.limit !== -1 && by === 'rank') {
    throw new CommandError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
  }
  if (rest.withScores && by === 'lex') {
    throw new CommandError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
  }
  const { keyAt = 1 } = form;
  const [low, high] = [at(args, keyAt + 1), at(args, keyAt + 2)];
  return { ...rest, isReverse, selection: selectionOf(by, low, high, isReverse) };
}

/** The range two arguments name; from the other end they are the other way round. */
function selectionOf(by: By, low: Buffer, high: Buffer, isReverse: boolean): Selection {
  if (by === 'rank') return { by, start: integer(low), stop: integer(high) };
  const [min, max] = isReverse ? [high, low] : [low, high];
  return by === 'score' ? { by, range: scoreRange(min, max) } : { by, range: lexRange(min, max) };
}

function select(set: StoredSortedSet, { selection, isReverse, offset, limit }: Request): Scored[] {
  if (selection.by === 'rank') {
    const found = ranks(selection.start, selection.stop, set.count);
    return found === null ? [] : byRank(set, found[0], found[1], isReverse);
  }
  if (offset < 0 || limit === 0) return [];
  const expected = limit < 0 ? set.count : offset + limit;
  const walk =
    selection.by === 'lex'
      ? walkLex(set, selection.range, isReverse)
      : set.walk(keysOfScores(set, selection.range), { reverse: isReverse, expected });
  const found: Scored[] = [];
  let index = 0;
  for (const scored of walk) {
    if (index >= offset) found.push(scored);
    index += 1;
    if (limit > 0 && found.length === limit) break;
  }
  return found;
}

function range(form: Form): (call: Call) => void {
  return (call) => {
    const request = requestOf(call.args, form);
    const set = StoredSortedSet.open(call, at(call.args, 1));
    writeScored(call.reply, set === null ? [] : select(set, request), request.withScores);
  };
}

/** Makes a key hold these members, or nothing when there are none. */
export function storeScored(call: Call, key: Buffer, members: readonly Scored[], event: string): void {
  const { db } = call;
  if (members.length === 0) {
    if (db.remove(key)) db.notify('g', 'del', key);
    return;
  }
  const set = StoredSortedSet.replace(call, key);
  for (const { member, score } of members) set.put(member, score, null);
  set.save();
  db.notify('z', event, key);
}

function rangeStore(call: Call): void {
  const request = requestOf(call.args, { keyAt: 2 });
  const set = StoredSortedSet.open(call, at(call.args, 2));
  const members = set === null ? [] : select(set, request);
  storeScored(call, at(call.args, 1), members, 'zrangestore');
  call.reply.integer(members.length);
}

function removeRange(by: By, event: string): (call: Call) => void {
  return (call) => {
    const { args, db, reply } = call;
    const selection = selectionOf(by, at(args, 2), at(args, 3), false);
    const set = StoredSortedSet.open(call, at(args, 1));
    const members =
      set === null ? [] : select(set, { selection, isReverse: false, withScores: false, offset: 0, limit: -1 });
    if (set !== null && members.length > 0) {
      db.notify('z', event, at(args, 1));
      if (members.length === set.count) {
        set.drop();
      } else {
        for (const scored of members) set.remove(scored);
        set.save();
      }
    }
    reply.integer(members.length);
  };
}

type Row = readonly [name: string, arity: number, since: string, summary: string, run: (call: Call) => void];

const reads: readonly Row[] = [
  ['zrange', -4, '1.2.0', 'Returns members in a sorted set within a range of indexes, scores or members.', range({})],
  [
    'zrevrange',
    -4,
    '1.2.0',
    'Returns members within a range of indexes in reverse order.',
    range({ by: 'rank', isReverse: true }),
  ],
  ['zrangebyscore', -4, '1.0.5', 'Returns members within a range of scores.', range({ by: 'score', isReverse: false })],
  [
    'zrevrangebyscore',
    -4,
    '2.2.0',
    'Returns members within a range of scores in reverse order.',
    range({ by: 'score', isReverse: true }),
  ],
  [
    'zrangebylex',
    -4,
    '2.8.9',
    'Returns members within a lexicographical range.',
    range({ by: 'lex', isReverse: false }),
  ],
  [
    'zrevrangebylex',
    -4,
    '2.8.9',
    'Returns members within a lexicographical range in reverse order.',
    range({ by: 'lex', isReverse: true }),
  ],
];

const removals: readonly Row[] = [
  ['zremrangebyrank', 4, '2.0.0', 'Removes members within a range of indexes.', removeRange('rank', 'zremrangebyrank')],
  [
    'zremrangebyscore',
    4,
    '1.2.0',
    'Removes members within a range of scores.',
    removeRange('score', 'zremrangebyscore'),
  ],
  [
    'zremrangebylex',
    4,
    '2.8.9',
    'Removes members within a lexicographical range.',
    removeRange('lex', 'zremrangebylex'),
  ],
];

const group = 'sorted-set';

export const sortedSetRangeCommands: readonly Command[] = [
  ...reads.map(([name, arity, since, summary, run]): Command => {
    return { name, arity, flags: ['readonly'], keys: [1, 1, 1], group, since, summary, run };
  }),
  {
    name: 'zrangestore',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [1, 2, 1],
    group,
    since: '6.2.0',
    summary: 'Stores a range of members from a sorted set in a key.',
    run: rangeStore,
  },
  ...removals.map(([name, arity, since, summary, run]): Command => {
    return { name, arity, flags: ['write'], keys: [1, 1, 1], group, since, summary, run };
  }),
];
