/** Sorted sets, member by member: scores, ranks, counts, removal, chance. */

import type { Call, Command } from '../command.ts';
import { formatDouble } from '../protocol/doubles.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';
import { countLex, keysOfScores, lexRange, scoreRange } from '../sorted-sets/ranges.ts';
import { type Scored, StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, word } from './arguments.ts';
import { scanMembers } from './member-scan.ts';
import { writeScored } from './scored-reply.ts';
import { randomCount } from './sets.ts';

function setOf(call: Call): StoredSortedSet | null {
  return StoredSortedSet.open(call, at(call.args, 1));
}

function remove(call: Call): void {
  const { args, db, reply } = call;
  const set = setOf(call);
  const members = args.slice(2);
  set?.prefetch(members);
  let removed = 0;
  for (const member of members) {
    const score = set?.score(member) ?? null;
    if (score === null) continue;
    set?.remove({ member, score });
    removed += 1;
  }
  if (removed > 0) db.notify('z', 'zrem', at(args, 1));
  set?.save();
  reply.integer(removed);
}

function writeScore({ reply }: Call, score: number | null | undefined): void {
  if (score === null || score === undefined) reply.null();
  else reply.double(formatDouble(score));
}

function scores(call: Call): void {
  const set = setOf(call);
  const members = call.args.slice(2);
  set?.prefetch(members);
  call.reply.array(members.length);
  for (const member of members) writeScore(call, set?.score(member));
}

function rank(isReverse: boolean): (call: Call) => void {
  return (call) => {
    const { args, reply } = call;
    if (args.length > 4 || (args.length === 4 && word(args[3]) !== 'WITHSCORE')) throw new CommandError(errors.syntax);
    const member = at(args, 2);
    const set = setOf(call);
    const score = set?.score(member) ?? null;
    if (set === null || score === null) {
      if (args.length === 4) reply.nullArray();
      else reply.null();
      return;
    }
    const before = set.countBefore(set.scoreKey(score, member));
    if (args.length === 4) reply.array(2);
    reply.integer(isReverse ? set.count - 1 - before : before);
    if (args.length === 4) writeScore(call, score);
  };
}

function countScores(call: Call): void {
  const range = scoreRange(at(call.args, 2), at(call.args, 3));
  const set = setOf(call);
  call.reply.integer(set === null ? 0 : set.countBetween(keysOfScores(set, range)));
}

function countByMember(call: Call): void {
  const range = lexRange(at(call.args, 2), at(call.args, 3));
  const set = setOf(call);
  call.reply.integer(set === null ? 0 : countLex(set, range));
}

function scan(call: Call): void {
  const shown = (scored: readonly Scored[]): Buffer[] =>
    scored.flatMap(({ member, score }) => [member, Buffer.from(formatDouble(score))]);
  scanMembers(
    call,
    setOf(call)?.id ?? null,
    (entries, pattern) => {
      const scored = entries.map((entry) => StoredSortedSet.scanned(entry));
      return shown(scored.filter(({ member }) => pattern === null || globMatches(pattern, member)));
    },
    StoredSortedSet.scanPart,
  );
}

function random(call: Call): void {
  const { args, reply } = call;
  const count = args.length > 2 ? randomCount(at(args, 2)) : null;
  if (args.length > 4 || (args.length === 4 && word(args[3]) !== 'WITHSCORES')) throw new CommandError(errors.syntax);
  const set = setOf(call);
  if (count === null) {
    reply.bulkOrNull(set === null ? null : set.at(Math.floor(Math.random() * set.count)).member);
    return;
  }
  const all = set === null ? [] : [...set.walk()];
  const draw = (): Scored => all[Math.floor(Math.random() * all.length)] as Scored;
  const drawn = count < 0 && all.length > 0 ? Array.from({ length: -count }, draw) : all;
  while (count >= 0 && drawn.length > count) {
    const index = Math.floor(Math.random() * drawn.length);
    drawn[index] = drawn.at(-1) as Scored;
    drawn.pop();
  }
  writeScored(reply, drawn, args.length === 4);
}

type Row = readonly [
  name: string,
  arity: number,
  flags: Command['flags'],
  since: string,
  summary: string,
  run: (call: Call) => void,
  note?: string,
];

const fast = ['readonly', 'fast'] as const;

const rows: readonly Row[] = [
  ['zrem', -3, ['write', 'fast'], '1.2.0', 'Removes one or more members from a sorted set.', remove],
  [
    'zscore',
    3,
    fast,
    '1.2.0',
    'Returns the score of a member in a sorted set.',
    (call) => writeScore(call, setOf(call)?.score(at(call.args, 2))),
  ],
  ['zmscore', -3, fast, '6.2.0', 'Returns the score of one or more members in a sorted set.', scores],
  [
    'zcard',
    2,
    fast,
    '1.2.0',
    'Returns the number of members in a sorted set.',
    (call) => call.reply.integer(setOf(call)?.count ?? 0),
  ],
  ['zrank', -3, fast, '2.0.0', 'Returns the index of a member in a sorted set by ascending scores.', rank(false)],
  ['zrevrank', -3, fast, '2.0.0', 'Returns the index of a member by descending scores.', rank(true)],
  ['zcount', 4, fast, '2.0.0', 'Returns the number of members within a range of scores.', countScores],
  ['zlexcount', 4, fast, '2.8.9', 'Returns the number of members within a lexicographical range.', countByMember],
  ['zscan', -3, ['readonly'], '2.8.0', 'Iterates over members and scores of a sorted set.', scan],
  ['zrandmember', -2, ['readonly'], '6.2.0', 'Returns one or more random members from a sorted set.', random],
];

export const sortedSetCommands: readonly Command[] = rows.map(
  ([name, arity, flags, since, summary, run, note]): Command => {
    const described = { name, arity, flags, keys: [1, 1, 1], group: 'sorted-set', since, summary, run } as const;
    return note === undefined ? described : { ...described, note };
  },
);
