/** Taking the first or the last members of sorted sets away, at once or when there are some. */

import { blockOn, timeoutOf } from '../blocking/block-on.ts';
import type { Call, Command } from '../command.ts';
import { formatDouble } from '../protocol/doubles.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { type Scored, StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, word } from './arguments.ts';
import { atLeastOne, countedKeys, keysBehindCount, positive } from './counted-keys.ts';
import { writePairs, writeScored } from './scored-reply.ts';

/** Takes members away, and tells of it. */
function popFrom(call: Call, key: Buffer, set: StoredSortedSet, count: number, isLast: boolean): Scored[] {
  const popped = set.pop(count, isLast);
  call.db.notify('z', isLast ? 'zpopmax' : 'zpopmin', key);
  set.save();
  return popped;
}

function pop(isLast: boolean): (call: Call) => void {
  return (call) => {
    const { args, reply } = call;
    if (args.length > 3) throw new CommandError(errors.syntax);
    const count = args.length === 3 ? positive(at(args, 2)) : null;
    const key = at(args, 1);
    const set = StoredSortedSet.open(call, key);
    if (set === null || count === 0) {
      reply.array(0);
      return;
    }
    const popped = popFrom(call, key, set, count ?? 1, isLast);
    if (count !== null) {
      writeScored(reply, popped, true);
      return;
    }
    const { member, score } = popped[0] as Scored;
    reply.array(2);
    reply.bulk(member);
    reply.double(formatDouble(score));
  };
}

/** The first of `keys` that holds a sorted set. Throws WRONGTYPE for one that holds something else. */
function firstOf(call: Call, keys: readonly Buffer[]): { key: Buffer; set: StoredSortedSet } | null {
  for (const key of keys) {
    const set = StoredSortedSet.open(call, key);
    if (set !== null) return { key, set };
  }
  return null;
}

function blockingPop(isLast: boolean): (call: Call) => void {
  return (call) => {
    const { args } = call;
    const timeoutMs = timeoutOf(at(args, args.length - 1));
    blockOn(call, {
      keys: args.slice(1, -1),
      type: 'zset',
      timeoutMs,
      nothing: ({ reply }) => reply.nullArray(),
      take: (again, keys) => {
        const found = firstOf(again, keys);
        if (found === null) return false;
        const { member, score } = popFrom(again, found.key, found.set, 1, isLast)[0] as Scored;
        again.reply.array(3);
        again.reply.bulk(found.key);
        again.reply.bulk(member);
        again.reply.double(formatDouble(score));
        return true;
      },
    });
  };
}

/** MIN or MAX, and COUNT, behind keys that begin with their number at `countAt`. */
function popOptions(args: readonly Buffer[], countAt: number): { keys: Buffer[]; isLast: boolean; count: number } {
  const keys = countedKeys(args, countAt);
  const behind = countAt + 1 + keys.length;
  const where = word(args[behind]);
  if (where !== 'MIN' && where !== 'MAX') throw new CommandError(errors.syntax);
  if (args.length === behind + 1) return { keys, isLast: where === 'MAX', count: 1 };
  if (args.length !== behind + 3 || word(args[behind + 1]) !== 'COUNT') throw new CommandError(errors.syntax);
  const count = atLeastOne(at(args, behind + 2), 'ERR count should be greater than 0');
  return { keys, isLast: where === 'MAX', count };
}

function takeMany(call: Call, keys: readonly Buffer[], count: number, isLast: boolean): boolean {
  const found = firstOf(call, keys);
  if (found === null) return false;
  const popped = popFrom(call, found.key, found.set, count, isLast);
  call.reply.array(2);
  call.reply.bulk(found.key);
  writePairs(call.reply, popped);
  return true;
}

function popMany(call: Call): void {
  const { keys, count, isLast } = popOptions(call.args, 1);
  if (!takeMany(call, keys, count, isLast)) call.reply.nullArray();
}

function blockingPopMany(call: Call): void {
  const timeoutMs = timeoutOf(at(call.args, 1));
  const { keys, count, isLast } = popOptions(call.args, 2);
  blockOn(call, {
    keys,
    type: 'zset',
    timeoutMs,
    nothing: ({ reply }) => reply.nullArray(),
    take: (again, from) => takeMany(again, from, count, isLast),
  });
}

const group = 'sorted-set';
const fast = ['write', 'fast'] as const;
const blocking = ['write', 'noscript', 'blocking', 'fast'] as const;

export const sortedSetPopCommands: readonly Command[] = [
  {
    name: 'zpopmin',
    arity: -2,
    flags: fast,
    keys: [1, 1, 1],
    group,
    since: '5.0.0',
    summary: 'Returns the lowest-scoring members from a sorted set after removing them.',
    run: pop(false),
  },
  {
    name: 'zpopmax',
    arity: -2,
    flags: fast,
    keys: [1, 1, 1],
    group,
    since: '5.0.0',
    summary: 'Returns the highest-scoring members from a sorted set after removing them.',
    run: pop(true),
  },
  {
    name: 'bzpopmin',
    arity: -3,
    flags: blocking,
    keys: [1, -2, 1],
    group,
    since: '5.0.0',
    summary: 'Removes and returns the member with the lowest score from one of the sorted sets, or blocks.',
    run: blockingPop(false),
  },
  {
    name: 'bzpopmax',
    arity: -3,
    flags: blocking,
    keys: [1, -2, 1],
    group,
    since: '5.0.0',
    summary: 'Removes and returns the member with the highest score from one of the sorted sets, or blocks.',
    run: blockingPop(true),
  },
  {
    name: 'zmpop',
    arity: -4,
    flags: ['write', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 1),
    group,
    since: '7.0.0',
    summary: 'Returns the highest- or lowest-scoring members from one of the sorted sets after removing them.',
    run: popMany,
  },
  {
    name: 'bzmpop',
    arity: -5,
    flags: ['write', 'blocking', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 2),
    group,
    since: '7.0.0',
    summary: 'Removes and returns members by score from one of the sorted sets, or blocks.',
    run: blockingPopMany,
  },
];
