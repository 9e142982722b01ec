/** ZADD and ZINCRBY: what the options allow to be added, changed or raised. */

import type { Call, Command } from '../command.ts';
import { formatDouble, parseDouble } from '../protocol/doubles.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { type Scored, StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, word } from './arguments.ts';

interface AddOptions {
  readonly isNewOnly: boolean;
  readonly isOldOnly: boolean;
  readonly isGreaterOnly: boolean;
  readonly isLessOnly: boolean;
  readonly countsChanged: boolean;
  readonly isRaise: boolean;
  /** Where scores and members begin. */
  readonly from: number;
}

const OPTIONS = new Set(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR']);

function optionsOf(args: readonly Buffer[]): AddOptions {
  const found = new Set<string>();
  let from = 2;
  for (; OPTIONS.has(word(args[from])); from += 1) found.add(word(args[from]));
  const options = {
    isNewOnly: found.has('NX'),
    isOldOnly: found.has('XX'),
    isGreaterOnly: found.has('GT'),
    isLessOnly: found.has('LT'),
    countsChanged: found.has('CH'),
    isRaise: found.has('INCR'),
    from,
  };
  const elements = args.length - from;
  if (elements === 0 || elements % 2 === 1) throw new CommandError(errors.syntax);
  if (options.isNewOnly && options.isOldOnly) {
    throw new CommandError('ERR XX and NX options at the same time are not compatible');
  }
  if ([options.isGreaterOnly, options.isLessOnly, options.isNewOnly].filter(Boolean).length > 1) {
    throw new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
  if (options.isRaise && elements > 2) {
    throw new CommandError('ERR INCR option supports a single increment-element pair');
  }
  return options;
}

/** A score that an argument names. */
export function scoreOf(arg: Buffer): number {
  const score = parseDouble(arg);
  if (score === undefined) throw new CommandError(errors.float);
  return score;
}

/** The score a member gets; null when the options leave it as it is. */
function newScore(options: AddOptions, given: number, old: number | null): number | null {
  if (old === null) return options.isOldOnly ? null : given;
  if (options.isNewOnly) return null;
  const score = options.isRaise ? old + given : given;
  if (Number.isNaN(score)) throw new CommandError('ERR resulting score is not a number (NaN)');
  if (options.isLessOnly && score >= old) return null;
  if (options.isGreaterOnly && score <= old) return null;
  return score;
}

function add(call: Call, options: AddOptions, scored: readonly Scored[]): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  const existing = StoredSortedSet.open(call, key);
  let [added, updated] = [0, 0];
  let raised: number | null = null;
  if (existing !== null || !options.isOldOnly) {
    const set = existing ?? StoredSortedSet.openOrCreate(call, key);
    set.prefetch(scored.map(({ member }) => member));
    for (const { member, score: given } of scored) {
      const old = set.score(member);
      const score = newScore(options, given, old);
      raised = score;
      if (score === null || score === old) continue;
      set.put(member, score, old);
      if (old === null) added += 1;
      else updated += 1;
    }
    set.save();
  }
  if (added + updated > 0) db.notify('z', options.isRaise ? 'zincr' : 'zadd', key);
  if (!options.isRaise) reply.integer(options.countsChanged ? added + updated : added);
  else if (raised === null) reply.null();
  else reply.double(formatDouble(raised));
}

function zadd(call: Call): void {
  const { args } = call;
  const options = optionsOf(args);
  const scored: Scored[] = [];
  for (let index = options.from; index < args.length; index += 2) {
    scored.push({ score: scoreOf(at(args, index)), member: at(args, index + 1) });
  }
  add(call, options, scored);
}

const raise: AddOptions = {
  isNewOnly: false,
  isOldOnly: false,
  isGreaterOnly: false,
  isLessOnly: false,
  countsChanged: false,
  isRaise: true,
  from: 2,
};

function zincrby(call: Call): void {
  const { args } = call;
  add(call, raise, [{ score: scoreOf(at(args, 2)), member: at(args, 3) }]);
}

const shared = { flags: ['write', 'denyoom', 'fast'], keys: [1, 1, 1], group: 'sorted-set', since: '1.2.0' } as const;

export const sortedSetAddCommands: readonly Command[] = [
  {
    ...shared,
    name: 'zadd',
    arity: -4,
    summary: 'Adds one or more members to a sorted set, or updates their scores.',
    run: zadd,
  },
  { ...shared, name: 'zincrby', arity: 4, summary: 'Increments the score of a member in a sorted set.', run: zincrby },
];
