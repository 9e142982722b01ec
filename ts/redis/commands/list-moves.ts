/** From one list to another, and what waits for a list to hold something. */

import { blockOn, timeoutOf } from '../blocking/block-on.ts';
import type { Call, Command } from '../command.ts';
import { StoredList } from '../lists/stored-list.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { at, word } from './arguments.ts';
import { atLeastOne, countedKeys, keysBehindCount } from './counted-keys.ts';
import { popFrom } from './lists.ts';

/** Whether an argument names the left end. */
function isLeft(arg: Buffer): boolean {
  const name = word(arg);
  if (name !== 'LEFT' && name !== 'RIGHT') throw new CommandError(errors.syntax);
  return name === 'LEFT';
}

/** From which end to which. */
interface Ends {
  readonly fromLeft: boolean;
  readonly toLeft: boolean;
}

/** Moves an element from the list under the first argument to that under the second; false when there is none. */
function moveOne(call: Call, { fromLeft, toLeft }: Ends): boolean {
  const { args, db, reply } = call;
  const [from, to] = [at(args, 1), at(args, 2)];
  const source = StoredList.open(call, from);
  if (source === null) return false;
  const target = from.equals(to) ? source : StoredList.openOrCreate(call, to);
  const [value] = source.pop(1, fromLeft) as [Buffer];
  target.push(value, toLeft);
  db.notify('l', toLeft ? 'lpush' : 'rpush', to);
  if (target !== source) target.save();
  db.notify('l', fromLeft ? 'lpop' : 'rpop', from);
  source.save();
  reply.bulk(value);
  return true;
}

const rightToLeft: Ends = { fromLeft: false, toLeft: true };

function endsOf(args: readonly Buffer[]): Ends {
  return { fromLeft: isLeft(at(args, 3)), toLeft: isLeft(at(args, 4)) };
}

function move(call: Call, ends: Ends): void {
  if (!moveOne(call, ends)) call.reply.null();
}

function blockingMove(call: Call, ends: Ends, timeout: Buffer): void {
  blockOn(call, {
    keys: [at(call.args, 1)],
    type: 'list',
    timeoutMs: timeoutOf(timeout),
    nothing: ({ reply }) => reply.null(),
    take: (again, keys) => keys.length > 0 && moveOne(again, ends),
  });
}

/** The first of `keys` that holds a list. Throws WRONGTYPE for one that holds something else. */
function firstOf(call: Call, keys: readonly Buffer[]): { key: Buffer; list: StoredList } | null {
  for (const key of keys) {
    const list = StoredList.open(call, key);
    if (list !== null) return { key, list };
  }
  return null;
}

function blockingPop(fromLeft: boolean): (call: Call) => void {
  return (call) => {
    const { args } = call;
    blockOn(call, {
      keys: args.slice(1, -1),
      type: 'list',
      timeoutMs: timeoutOf(at(args, args.length - 1)),
      nothing: ({ reply }) => reply.nullArray(),
      take: (again, keys) => {
        const found = firstOf(again, keys);
        if (found === null) return false;
        const [value] = popFrom(again, found.key, found.list, 1, fromLeft) as [Buffer];
        again.reply.array(2);
        again.reply.bulk(found.key);
        again.reply.bulk(value);
        return true;
      },
    });
  };
}

/** LEFT or RIGHT, and COUNT, behind keys that begin with their number at `countAt`. */
function popOptions(args: readonly Buffer[], countAt: number): { keys: Buffer[]; fromLeft: boolean; count: number } {
  const keys = countedKeys(args, countAt);
  const behind = countAt + 1 + keys.length;
  const fromLeft = isLeft(at(args, behind));
  if (args.length === behind + 1) return { keys, fromLeft, count: 1 };
  if (args.length !== behind + 3 || word(args[behind + 1]) !== 'COUNT') throw new CommandError(errors.syntax);
  return { keys, fromLeft, count: atLeastOne(at(args, behind + 2), 'ERR count should be greater than 0') };
}

function takeMany(call: Call, keys: readonly Buffer[], count: number, fromLeft: boolean): boolean {
  const found = firstOf(call, keys);
  if (found === null) return false;
  const popped = popFrom(call, found.key, found.list, count, fromLeft);
  call.reply.array(2);
  call.reply.bulk(found.key);
  call.reply.array(popped.length);
  for (const value of popped) call.reply.bulk(value);
  return true;
}

function popMany(call: Call): void {
  const { keys, count, fromLeft } = popOptions(call.args, 1);
  if (!takeMany(call, keys, count, fromLeft)) call.reply.nullArray();
}

function blockingPopMany(call: Call): void {
  const timeoutMs = timeoutOf(at(call.args, 1));
  const { keys, count, fromLeft } = popOptions(call.args, 2);
  blockOn(call, {
    keys,
    type: 'list',
    timeoutMs,
    nothing: ({ reply }) => reply.nullArray(),
    take: (again, from) => takeMany(again, from, count, fromLeft),
  });
}

const group = 'list';
const moves = { flags: ['write', 'denyoom'], keys: [1, 2, 1], group } as const;
const blockingMoves = { flags: ['write', 'denyoom', 'noscript', 'blocking'], keys: [1, 2, 1], group } as const;
const blockingPops = { flags: ['write', 'noscript', 'blocking'], keys: [1, -2, 1], group } as const;

export const listMoveCommands: readonly Command[] = [
  {
    ...moves,
    name: 'lmove',
    arity: 5,
    since: '6.2.0',
    summary: 'Returns an element after popping it from one list and pushing it to another.',
    run: (call) => move(call, endsOf(call.args)),
  },
  {
    ...moves,
    name: 'rpoplpush',
    arity: 3,
    since: '1.2.0',
    summary: 'Returns the last element of a list after removing and pushing it to another list.',
    run: (call) => move(call, rightToLeft),
  },
  {
    ...blockingMoves,
    name: 'blmove',
    arity: 6,
    since: '6.2.0',
    summary: 'Pops an element from a list, pushes it to another list and returns it, or blocks.',
    run: (call) => blockingMove(call, endsOf(call.args), at(call.args, 5)),
  },
  {
    ...blockingMoves,
    name: 'brpoplpush',
    arity: 4,
    since: '2.2.0',
    summary: 'Pops the last element of a list, pushes it to another list and returns it, or blocks.',
    run: (call) => blockingMove(call, rightToLeft, at(call.args, 3)),
  },
  {
    ...blockingPops,
    name: 'blpop',
    arity: -3,
    since: '2.0.0',
    summary: 'Removes and returns the first element of one of the lists, or blocks.',
    run: blockingPop(true),
  },
  {
    ...blockingPops,
    name: 'brpop',
    arity: -3,
    since: '2.0.0',
    summary: 'Removes and returns the last element of one of the lists, or blocks.',
    run: blockingPop(false),
  },
  {
    name: 'lmpop',
    arity: -4,
    flags: ['write', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 1),
    group,
    since: '7.0.0',
    summary: 'Returns multiple elements from one of the lists after removing them.',
    run: popMany,
  },
  {
    name: 'blmpop',
    arity: -5,
    flags: ['write', 'blocking', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 2),
    group,
    since: '7.0.0',
    summary: 'Removes and returns multiple elements from one of the lists, or blocks.',
    run: blockingPopMany,
  },
];
