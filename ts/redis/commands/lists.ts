/** Lists: elements in the order in which they were pushed, at both ends and in between. */

import type { Call, Command } from '../command.ts';
import { StoredList } from '../lists/stored-list.ts';
import { CommandError, errors, wrongArity } from '../protocol/errors.ts';
import { ranks } from '../sorted-sets/ranges.ts';
import { at, integer, word } from './arguments.ts';
import { positive } from './counted-keys.ts';

function listOf(call: Call): StoredList | null {
  return StoredList.open(call, at(call.args, 1));
}

function push(isLeft: boolean, isExistingOnly: boolean): (call: Call) => void {
  return (call) => {
    const { args, db, reply } = call;
    const existing = listOf(call);
    if (existing === null && isExistingOnly) {
      reply.integer(0);
      return;
    }
    const list = existing ?? StoredList.openOrCreate(call, at(args, 1));
    for (let index = 2; index < args.length; index += 1) list.push(at(args, index), isLeft);
    list.save();
    db.notify('l', isLeft ? 'lpush' : 'rpush', at(args, 1));
    reply.integer(list.count);
  };
}

/** Takes elements away, and tells of it. */
export function popFrom(call: Call, key: Buffer, list: StoredList, count: number, isLeft: boolean): Buffer[] {
  const popped = list.pop(count, isLeft);
  call.db.notify('l', isLeft ? 'lpop' : 'rpop', key);
  list.save();
  return popped;
}

function pop(isLeft: boolean): (call: Call) => void {
  return (call) => {
    const { args, reply } = call;
    if (args.length > 3) throw new CommandError(wrongArity(isLeft ? 'lpop' : 'rpop'));
    const count = args.length === 3 ? positive(at(args, 2)) : null;
    const list = listOf(call);
    if (list === null) {
      if (count === null) reply.null();
      else reply.nullArray();
      return;
    }
    const popped = count === 0 ? [] : popFrom(call, at(args, 1), list, count ?? 1, isLeft);
    if (count === null) reply.bulkOrNull(popped[0]);
    else writeAll(call, popped);
  };
}

function writeAll({ reply }: Call, values: readonly Buffer[]): void {
  reply.array(values.length);
  for (const value of values) reply.bulk(value);
}

function range(call: Call): void {
  const [start, stop] = [integer(at(call.args, 2)), integer(at(call.args, 3))];
  const list = listOf(call);
  const found = list === null ? null : ranks(start, stop, list.count);
  writeAll(call, list === null || found === null ? [] : list.slice(found[0], found[1]));
}

/** The index from 0 on that an argument names; undefined outside of the list. */
function indexIn(list: StoredList, arg: Buffer): number | undefined {
  const given = integer(arg);
  const index = given < 0 ? list.count + given : given;
  return index < 0 || index >= list.count ? undefined : index;
}

function element(call: Call): void {
  const list = listOf(call);
  const index = list === null ? undefined : indexIn(list, at(call.args, 2));
  call.reply.bulkOrNull(list === null || index === undefined ? null : list.elementAt(index));
}

function setElement(call: Call): void {
  const { args, db, reply } = call;
  const list = listOf(call);
  if (list === null) throw new CommandError(errors.noKey);
  const index = indexIn(list, at(args, 2));
  if (index === undefined) throw new CommandError(errors.outOfRange);
  list.setAt(index, at(args, 3));
  list.save();
  db.notify('l', 'lset', at(args, 1));
  reply.ok();
}

function trim(call: Call): void {
  const { args, db, reply } = call;
  const [start, stop] = [integer(at(args, 2)), integer(at(args, 3))];
  const list = listOf(call);
  if (list !== null) {
    const kept = ranks(start, stop, list.count);
    db.notify('l', 'ltrim', at(args, 1));
    if (kept === null) {
      list.drop();
    } else {
      list.trim(kept[0], kept[1]);
      list.save();
    }
  }
  reply.ok();
}

/** Who searches looks at so many elements at first, and at more and more from then on. */
const NEAR = 32;

function remove(call: Call): void {
  const { args, db, reply } = call;
  const count = integer(at(args, 2));
  const wanted = at(args, 3);
  const list = listOf(call);
  const positions: number[] = [];
  for (const { position, value } of list?.walk({ reverse: count < 0, expected: NEAR }) ?? []) {
    if (!value.equals(wanted)) continue;
    positions.push(position);
    if (positions.length === Math.abs(count)) break;
  }
  if (list !== null && positions.length > 0) {
    list.removeAll(positions);
    db.notify('l', 'lrem', at(args, 1));
    list.save();
  }
  reply.integer(positions.length);
}

function insert(call: Call): void {
  const { args, db, reply } = call;
  const where = word(args[2]);
  if (where !== 'BEFORE' && where !== 'AFTER') throw new CommandError(errors.syntax);
  const [pivot, value] = [at(args, 3), at(args, 4)];
  const list = listOf(call);
  if (list === null) {
    reply.integer(0);
    return;
  }
  for (const placed of list.walk({ expected: NEAR })) {
    if (!placed.value.equals(pivot)) continue;
    list.insert(value, placed.position, where === 'BEFORE');
    list.save();
    db.notify('l', 'linsert', at(args, 1));
    reply.integer(list.count);
    return;
  }
  reply.integer(-1);
}

const RANK_ZERO =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";

interface Search {
  rank: number;
  /** Null: one index, not a list of them. */
  count: number | null;
  longest: number;
}

function notNegative(arg: Buffer, error: string): number {
  const value = integer(arg, error);
  if (value < 0) throw new CommandError(error);
  return value;
}

function searchOf(args: readonly Buffer[]): Search {
  const search: Search = { rank: 1, count: null, longest: 0 };
  for (let index = 3; index < args.length; index += 2) {
    const name = word(args[index]);
    const value = at(args, index + 1);
    if (name === 'RANK') {
      search.rank = integer(value);
      if (search.rank === 0) throw new CommandError(RANK_ZERO);
    } else if (name === 'COUNT') {
      search.count = notNegative(value, "ERR COUNT can't be negative");
    } else if (name === 'MAXLEN') {
      search.longest = notNegative(value, "ERR MAXLEN can't be negative");
    } else {
      throw new CommandError(errors.syntax);
    }
  }
  return search;
}

/** Indexes of an element, in the order in which they are met. */
function find(list: StoredList, wanted: Buffer, { rank, count, longest }: Search): number[] {
  const reverse = rank < 0;
  const found: number[] = [];
  let [looked, skipped] = [0, Math.abs(rank) - 1];
  for (const { value } of list.walk({ reverse, expected: NEAR })) {
    if (value.equals(wanted)) {
      if (skipped > 0) skipped -= 1;
      else found.push(reverse ? list.count - 1 - looked : looked);
    }
    looked += 1;
    if (looked === longest || (count !== 0 && found.length === (count ?? 1))) break;
  }
  return found;
}

function position(call: Call): void {
  const { args, reply } = call;
  const search = searchOf(args);
  const list = listOf(call);
  const found = list === null ? [] : find(list, at(args, 2), search);
  if (search.count === null) {
    if (found[0] === undefined) reply.null();
    else reply.integer(found[0]);
    return;
  }
  reply.array(found.length);
  for (const index of found) reply.integer(index);
}

type Row = readonly [
  name: string,
  arity: number,
  flags: Command['flags'],
  since: string,
  summary: string,
  run: (call: Call) => void,
];

const grows = ['write', 'denyoom', 'fast'] as const;
const changes = ['write', 'denyoom'] as const;

const rows: readonly Row[] = [
  ['lpush', -3, grows, '1.0.0', 'Prepends one or more elements to a list.', push(true, false)],
  ['rpush', -3, grows, '1.0.0', 'Appends one or more elements to a list.', push(false, false)],
  ['lpushx', -3, grows, '2.2.0', 'Prepends elements to a list only when the list exists.', push(true, true)],
  ['rpushx', -3, grows, '2.2.0', 'Appends elements to a list only when the list exists.', push(false, true)],
  ['lpop', -2, ['write', 'fast'], '1.0.0', 'Returns the first elements of a list after removing them.', pop(true)],
  ['rpop', -2, ['write', 'fast'], '1.0.0', 'Returns the last elements of a list after removing them.', pop(false)],
  [
    'llen',
    2,
    ['readonly', 'fast'],
    '1.0.0',
    'Returns the length of a list.',
    (call) => call.reply.integer(listOf(call)?.count ?? 0),
  ],
  ['lrange', 4, ['readonly'], '1.0.0', 'Returns a range of elements from a list.', range],
  ['lindex', 3, ['readonly'], '1.0.0', 'Returns an element from a list by its index.', element],
  ['lset', 4, changes, '1.0.0', 'Sets the value of an element in a list by its index.', setElement],
  ['ltrim', 4, ['write'], '1.0.0', 'Removes all elements of a list outside of a range.', trim],
  ['lrem', 4, ['write'], '1.0.0', 'Removes elements that are equal to a value from a list.', remove],
  ['linsert', 5, changes, '2.2.0', 'Inserts an element before or after another element in a list.', insert],
  ['lpos', -3, ['readonly'], '6.0.6', 'Returns the indexes of matching elements in a list.', position],
];

export const listCommands: readonly Command[] = rows.map(([name, arity, flags, since, summary, run]): Command => {
  return { name, arity, flags, keys: [1, 1, 1], group: 'list', since, summary, run };
});
