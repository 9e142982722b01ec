/**
 * SORT: the elements of a list, a set or a sorted set in another order, and what other keys say of them.
 *
 * To remember: elements that compare as equal are in the order of bytes, so a reply is always the same.
 */

import type { Call, Command } from '../command.ts';
import { StoredList } from '../lists/stored-list.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { StoredSet } from '../sets/stored-set.ts';
import { StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, integer, word } from './arguments.ts';
import { sortKey, valueByPattern } from './sort-patterns.ts';

interface SortOptions {
  by: Buffer | null;
  offset: number;
  limit: number;
  readonly patterns: Buffer[];
  isDescending: boolean;
  isByText: boolean;
  target: Buffer | null;
}

const ANY = 42;

function optionsOf(args: readonly Buffer[], takesStore: boolean): SortOptions {
  const options: SortOptions = {
    by: null,
    offset: 0,
    limit: -1,
    patterns: [],
    isDescending: false,
    isByText: false,
    target: null,
  };
  for (let index = 2; index < args.length; index += 1) index = readOption(options, args, index, takesStore);
  return options;
}

/** Reads the option at an index; the index of its last argument. */
function readOption(options: SortOptions, args: readonly Buffer[], index: number, takesStore: boolean): number {
  const name = word(args[index]);
  const left = args.length - index - 1;
  if (name === 'ASC' || name === 'DESC') {
    options.isDescending = name === 'DESC';
    return index;
  }
  if (name === 'ALPHA') {
    options.isByText = true;
    return index;
  }
  if (name === 'LIMIT' && left >= 2) {
    options.offset = integer(at(args, index + 1));
    options.limit = integer(at(args, index + 2));
    return index + 2;
  }
  if (left < 1) throw new CommandError(errors.syntax);
  if (name === 'STORE' && takesStore) options.target = at(args, index + 1);
  else if (name === 'BY') options.by = at(args, index + 1);
  else if (name === 'GET') options.patterns.push(at(args, index + 1));
  else throw new CommandError(errors.syntax);
  return index + 1;
}

/** The elements in the order they have, or against it. Throws WRONGTYPE. */
function elementsOf(call: Call, key: Buffer, isDescending: boolean): Buffer[] {
  const type = call.db.entry(key)?.type;
  if (type === 'set') return [...(StoredSet.open(call, key)?.members() ?? [])];
  if (type === 'zset') {
    const walk = StoredSortedSet.open(call, key)?.walk(undefined, { reverse: isDescending });
    return [...(walk ?? [])].map(({ member }) => member);
  }
  const list = StoredList.open(call, key);
  return [...(list?.walk({ reverse: isDescending }) ?? [])].map(({ value }) => value);
}

interface Sortable {
  readonly element: Buffer;
  readonly weight: number;
  readonly text: Buffer | null;
}

function compareText(left: Buffer | null, right: Buffer | null): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return left.compare(right);
}

function inOrder(call: Call, elements: readonly Buffer[], { by, isByText, isDescending }: SortOptions): Buffer[] {
  const sortables = elements.map((element): Sortable => {
    const text = by === null ? element : valueByPattern(call, by, element);
    return { element, text, weight: isByText || text === null ? 0 : sortKey(text) };
  });
  const sign = isDescending ? -1 : 1;
  sortables.sort((left, right) => {
    const order = isByText ? compareText(left.text, right.text) : left.weight - right.weight;
    if (order !== 0 && !Number.isNaN(order)) return sign * order;
    return isByText ? 0 : sign * left.element.compare(right.element);
  });
  return sortables.map(({ element }) => element);
}

function limited(elements: readonly Buffer[], { offset, limit }: SortOptions): readonly Buffer[] {
  const start = Math.max(0, offset);
  return elements.slice(start, limit < 0 ? undefined : start + limit);
}

function store(call: Call, target: Buffer, values: readonly (Buffer | null)[]): void {
  const { db, reply } = call;
  if (values.length === 0) {
    if (db.remove(target)) db.notify('g', 'del', target);
  } else {
    const list = StoredList.replace(call, target);
    for (const value of values) list.push(value ?? Buffer.alloc(0), false);
    list.save();
    db.notify('l', 'sortstore', target);
  }
  reply.integer(values.length);
}

function sort(takesStore: boolean): (call: Call) => void {
  return (call) => {
    const { args, db, reply } = call;
    const key = at(args, 1);
    const options = optionsOf(args, takesStore);
    const type = db.entry(key)?.type;
    const isKept = options.by !== null && !options.by.includes(ANY);
    // The order of a set is nobody's: stored it has to be one that is always the same.
    const needsOrder = isKept && type === 'set' && options.target !== null;
    if (needsOrder) Object.assign(options, { by: null, isByText: true });
    const elements = elementsOf(call, key, isKept && options.isDescending);
    const ordered = isKept && !needsOrder ? elements : inOrder(call, elements, options);
    const chosen = limited(ordered, options);
    const { patterns, target } = options;
    const values =
      patterns.length === 0
        ? chosen
        : chosen.flatMap((element) => patterns.map((pattern) => valueByPattern(call, pattern, element)));
    if (target !== null) {
      store(call, target, values);
      return;
    }
    reply.array(values.length);
    for (const value of values) reply.bulkOrNull(value);
  };
}

/** The key that is sorted, and the one that is stored. */
function keysOf(args: readonly Buffer[]): Buffer[] {
  const keys = [at(args, 1)];
  for (let index = 2; index + 1 < args.length; index += 1) {
    const name = word(args[index]);
    if (name === 'LIMIT') index += 2;
    else if (name === 'BY' || name === 'GET') index += 1;
    else if (name === 'STORE') keys[1] = at(args, index + 1);
  }
  return keys;
}

export const sortCommands: readonly Command[] = [
  {
    name: 'sort',
    arity: -2,
    flags: ['write', 'denyoom', 'movablekeys'],
    keys: [1, 1, 1],
    keysOf,
    group: 'generic',
    since: '1.0.0',
    summary: 'Sorts the elements in a list, a set, or a sorted set, optionally storing the result.',
    note: 'ALPHA goes by bytes, whatever the locale',
    run: sort(true),
  },
  {
    name: 'sort_ro',
    arity: -2,
    flags: ['readonly', 'movablekeys'],
    keys: [1, 1, 1],
    group: 'generic',
    since: '7.0.0',
    summary: 'Returns the sorted elements of a list, a set, or a sorted set.',
    run: sort(false),
  },
];
