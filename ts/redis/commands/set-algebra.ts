/** What several sets have together, in common, or in the first only. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { StoredSet } from '../sets/stored-set.ts';
import { at, integer, word } from './arguments.ts';
import { countedKeys, keysBehindCount } from './counted-keys.ts';

type Combine = (sets: readonly (StoredSet | null)[]) => Iterable<Buffer>;

function* intersection(sets: readonly (StoredSet | null)[]): Iterable<Buffer> {
  const present = sets.filter((set) => set !== null);
  if (present.length < sets.length) return;
  const [smallest, ...others] = present.toSorted((left, right) => left.count - right.count);
  for (const member of smallest?.members() ?? []) if (others.every((set) => set.has(member))) yield member;
}

function* union(sets: readonly (StoredSet | null)[]): Iterable<Buffer> {
  const seen = new Set<string>();
  for (const set of sets) {
    for (const member of set?.members() ?? []) {
      const text = member.toString('latin1');
      if (seen.has(text)) continue;
      seen.add(text);
      yield member;
    }
  }
}

function* difference([first, ...others]: readonly (StoredSet | null)[]): Iterable<Buffer> {
  for (const member of first?.members() ?? []) if (!others.some((set) => set?.has(member))) yield member;
}

function answer(combine: Combine): (call: Call) => void {
  return (call) => {
    const members = [...combine(call.args.slice(1).map((key) => StoredSet.open(call, key)))];
    call.reply.set(members.length);
    for (const member of members) call.reply.bulk(member);
  };
}

function store(combine: Combine, event: string): (call: Call) => void {
  return (call) => {
    const { args, db, reply } = call;
    const target = at(args, 1);
    const members = [...combine(args.slice(2).map((key) => StoredSet.open(call, key)))];
    if (members.length === 0) {
      if (db.remove(target)) db.notify('g', 'del', target);
    } else {
      const set = StoredSet.replace(call, target);
      for (const member of members) set.add(member);
      set.save();
      db.notify('s', event, target);
    }
    reply.integer(members.length);
  };
}

function countCommon(call: Call): void {
  const { args, reply } = call;
  const keys = countedKeys(args, 1, "ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let index = 2 + keys.length; index < args.length; index += 2) {
    if (word(args[index]) !== 'LIMIT' || args[index + 1] === undefined) throw new CommandError(errors.syntax);
    limit = integer(at(args, index + 1), "ERR LIMIT can't be negative");
    if (limit < 0) throw new CommandError("ERR LIMIT can't be negative");
  }
  let count = 0;
  for (const _ of intersection(keys.map((key) => StoredSet.open(call, key)))) {
    count += 1;
    if (count === limit) break;
  }
  reply.integer(count);
}

const shared = { group: 'set', since: '1.0.0' } as const;
const read = { ...shared, arity: -2, flags: ['readonly'], keys: [1, -1, 1] } as const;
const write = { ...shared, arity: -3, flags: ['write', 'denyoom'], keys: [1, -1, 1] } as const;

export const setAlgebraCommands: readonly Command[] = [
  { ...read, name: 'sinter', summary: 'Returns the intersect of multiple sets.', run: answer(intersection) },
  { ...read, name: 'sunion', summary: 'Returns the union of multiple sets.', run: answer(union) },
  { ...read, name: 'sdiff', summary: 'Returns the difference of multiple sets.', run: answer(difference) },
  {
    ...write,
    name: 'sinterstore',
    summary: 'Stores the intersect of multiple sets in a key.',
    run: store(intersection, 'sinterstore'),
  },
  {
    ...write,
    name: 'sunionstore',
    summary: 'Stores the union of multiple sets in a key.',
    run: store(union, 'sunionstore'),
  },
  {
    ...write,
    name: 'sdiffstore',
    summary: 'Stores the difference of multiple sets in a key.',
    run: store(difference, 'sdiffstore'),
  },
  {
    ...shared,
    name: 'sintercard',
    arity: -3,
    flags: ['readonly', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 1),
    since: '7.0.0',
    summary: 'Returns the number of members of the intersect of multiple sets.',
    run: countCommon,
  },
];
