/** Sets: members that are there or not. Replies are in the order in which they are stored, which is nobody's. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';
import { StoredSet } from '../sets/stored-set.ts';
import { at, int64 } from './arguments.ts';
import { positive } from './counted-keys.ts';
import { scanMembers } from './member-scan.ts';

function setOf(call: Call): StoredSet | null {
  return StoredSet.open(call, at(call.args, 1));
}

function add(call: Call): void {
  const { args, db, reply } = call;
  const set = StoredSet.openOrCreate(call, at(args, 1));
  const members = args.slice(2);
  set.prefetch(members);
  let added = 0;
  for (const member of members) if (set.add(member)) added += 1;
  set.save();
  if (added > 0) db.notify('s', 'sadd', at(args, 1));
  reply.integer(added);
}

function remove(call: Call): void {
  const { args, db, reply } = call;
  const set = setOf(call);
  const members = args.slice(2);
  set?.prefetch(members);
  let removed = 0;
  for (const member of members) if (set?.remove(member)) removed += 1;
  if (removed > 0) db.notify('s', 'srem', at(args, 1));
  set?.save();
  reply.integer(removed);
}

function writeAll({ reply }: Call, members: readonly Buffer[]): void {
  reply.set(members.length);
  for (const member of members) reply.bulk(member);
}

function isMember(call: Call): void {
  call.reply.integer(setOf(call)?.has(at(call.args, 2)) ? 1 : 0);
}

function areMembers(call: Call): void {
  const set = setOf(call);
  const members = call.args.slice(2);
  set?.prefetch(members);
  call.reply.array(members.length);
  for (const member of members) call.reply.integer(set?.has(member) ? 1 : 0);
}

function pop(call: Call): void {
  const { args, db, reply } = call;
  if (args.length > 3) throw new CommandError(errors.syntax);
  const count = args.length === 3 ? positive(at(args, 2)) : null;
  const set = setOf(call);
  if (set === null || count === 0) {
    if (count === null) reply.null();
    else reply.set(0);
    return;
  }
  const members = count === null ? [set.random()] : set.sample(count);
  db.notify('s', 'spop', at(args, 1));
  if (members.length === set.count) {
    set.drop();
  } else {
    for (const member of members) set.remove(member);
    set.save();
  }
  if (count === null) reply.bulk(members[0] as Buffer);
  else writeAll(call, members);
}

/** Most members that one command chooses more than once. */
const REPEATED_MAX = 1_000_000;
const COUNT_MIN = -(2n ** 63n) + 1n;
const COUNT_RANGE = 'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807';

/** The count of SRANDMEMBER and its like: negative for members that may come more than once. */
export function randomCount(arg: Buffer): number {
  const count = int64(arg);
  if (count < COUNT_MIN) throw new CommandError(COUNT_RANGE);
  if (count < -REPEATED_MAX) throw new CommandError('ERR value is out of range');
  return Number(count);
}

function random(call: Call): void {
  const { args, reply } = call;
  if (args.length > 3) throw new CommandError(errors.syntax);
  const count = args.length === 3 ? randomCount(at(args, 2)) : null;
  const set = setOf(call);
  if (count === null) {
    reply.bulkOrNull(set?.random());
    return;
  }
  const members =
    set === null ? [] : count >= 0 ? set.sample(count) : Array.from({ length: -count }, () => set.random());
  reply.array(members.length);
  for (const member of members) reply.bulk(member);
}

function move(call: Call): void {
  const { args, db, reply } = call;
  const [from, to, member] = [at(args, 1), at(args, 2), at(args, 3)];
  const source = setOf(call);
  if (source === null) {
    reply.integer(0);
    return;
  }
  const existing = StoredSet.open(call, to);
  if (from.equals(to)) {
    reply.integer(source.has(member) ? 1 : 0);
    return;
  }
  if (!source.remove(member)) {
    reply.integer(0);
    return;
  }
  db.notify('s', 'srem', from);
  source.save();
  const target = existing ?? StoredSet.openOrCreate(call, to);
  if (target.add(member)) {
    target.save();
    db.notify('s', 'sadd', to);
  }
  reply.integer(1);
}

function scan(call: Call): void {
  const set = setOf(call);
  scanMembers(call, set?.id ?? null, (entries, pattern) => {
    const members = entries.map(({ key }) => StoredSet.memberOf(key));
    return members.filter((member) => pattern === null || globMatches(pattern, member));
  });
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

const fastWrite = ['write', 'denyoom', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;

const rows: readonly Row[] = [
  ['sadd', -3, fastWrite, '1.0.0', 'Adds one or more members to a set.', add],
  ['srem', -3, ['write', 'fast'], '1.0.0', 'Removes one or more members from a set.', remove],
  [
    'smembers',
    2,
    ['readonly'],
    '1.0.0',
    'Returns all members of a set.',
    (call) => writeAll(call, [...(setOf(call)?.members() ?? [])]),
  ],
  ['sismember', 3, fastRead, '1.0.0', 'Determines whether a member belongs to a set.', isMember],
  ['smismember', -3, fastRead, '6.2.0', 'Determines whether multiple members belong to a set.', areMembers],
  [
    'scard',
    2,
    fastRead,
    '1.0.0',
    'Returns the number of members in a set.',
    (call) => call.reply.integer(setOf(call)?.count ?? 0),
  ],
  [
    'spop',
    -2,
    ['write', 'fast'],
    '1.0.0',
    'Returns and removes one or more random members from a set.',
    pop,
    'of more than 256 members not every one is equally likely',
  ],
  [
    'srandmember',
    -2,
    ['readonly'],
    '1.0.0',
    'Returns one or multiple random members from a set.',
    random,
    'of more than 256 members not every one is equally likely; at most 1,000,000 with repetition',
  ],
  ['sscan', -3, ['readonly'], '2.8.0', 'Iterates over members of a set.', scan],
];

export const setCommands: readonly Command[] = [
  ...rows.map(([name, arity, flags, since, summary, run, note]): Command => {
    const described = { name, arity, flags, keys: [1, 1, 1], group: 'set', since, summary, run } as const;
    return note === undefined ? described : { ...described, note };
  }),
  {
    name: 'smove',
    arity: 4,
    flags: ['write', 'fast'],
    keys: [1, 2, 1],
    group: 'set',
    since: '1.0.0',
    summary: 'Moves a member from one set to another.',
    run: move,
  },
];
