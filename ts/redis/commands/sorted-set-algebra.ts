/** What several sorted sets, or sets, have together, in common, or in the first only. */

import type { Call, Command } from '../command.ts';
import { parseDouble } from '../protocol/doubles.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { StoredSet } from '../sets/stored-set.ts';
import { type Scored, StoredSortedSet } from '../sorted-sets/stored-sorted-set.ts';
import { at, int64, integer, word } from './arguments.ts';
import { countedKeys, keysBehindCount } from './counted-keys.ts';
import { writeScored } from './scored-reply.ts';
import { storeScored } from './sorted-set-ranges.ts';

/** A sorted set or a set, whose members all have score 1. */
interface Source {
  readonly count: number;
  readonly weight: number;
  score(member: Buffer): number | null;
  members(): Iterable<Scored>;
}

type Aggregate = (left: number, right: number) => number;

interface Request {
  readonly sources: readonly Source[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
}

type Combine = (request: Request) => Scored[];

/** Infinite scores of both signs and weights of zero make 0 of what is no number. */
function number(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

const aggregates: Readonly<Record<string, Aggregate>> = {
  SUM: (left, right) => number(left + right),
  // What is no number changes nothing.
  MIN: (left, right) => (Number.isNaN(right) ? left : Math.min(left, right)),
  MAX: (left, right) => (Number.isNaN(right) ? left : Math.max(left, right)),
};

function sourceOf(call: Call, key: Buffer, weight: number): Source {
  const type = call.db.entry(key)?.type;
  if (type === 'set') {
    const set = StoredSet.open(call, key) as StoredSet;
    return {
      count: set.count,
      weight,
      score: (member) => (set.has(member) ? 1 : null),
      *members() {
        for (const member of set.members()) yield { member, score: 1 };
      },
    };
  }
  const set = StoredSortedSet.open(call, key);
  return {
    count: set?.count ?? 0,
    weight,
    score: (member) => set?.score(member) ?? null,
    members: () => set?.walk() ?? [],
  };
}

function inOrder(members: Iterable<Scored>): Scored[] {
  return [...members].sort((left, right) => left.score - right.score || left.member.compare(right.member));
}

function union({ sources, aggregate }: Request): Scored[] {
  const found = new Map<string, Scored>();
  for (const source of sources.toSorted((left, right) => left.count - right.count)) {
    for (const { member, score } of source.members()) {
      const text = member.toString('latin1');
      const weighted = number(score * source.weight);
      const before = found.get(text);
      found.set(text, { member, score: before === undefined ? weighted : aggregate(before.score, weighted) });
    }
  }
  return inOrder(found.values());
}

function* common({ sources, aggregate }: Request): Generator<Scored, void, undefined> {
  const [first, ...others] = sources.toSorted((left, right) => left.count - right.count);
  for (const { member, score } of first?.members() ?? []) {
    let total: number | null = number(score * (first?.weight ?? 1));
    for (const source of others) {
      const other = source.score(member);
      total = other === null ? null : aggregate(total, other * source.weight);
      if (total === null) break;
    }
    if (total !== null) yield { member, score: total };
  }
}

function intersection(request: Request): Scored[] {
  return inOrder(common(request));
}

function difference({ sources: [first, ...others] }: Request): Scored[] {
  const found: Scored[] = [];
  for (const scored of first?.members() ?? []) {
    if (!others.some((source) => source.score(scored.member) !== null)) found.push(scored);
  }
  return inOrder(found);
}

interface Form {
  readonly name: string;
  readonly takesWeights: boolean;
  readonly isStore: boolean;
}

function keysOf(args: readonly Buffer[], countAt: number, name: string): Buffer[] {
  const count = int64(at(args, countAt));
  if (count < 1n) throw new CommandError(`ERR at least 1 input key is needed for '${name}' command`);
  return countedKeys(args, countAt);
}

function requestOf(call: Call, { name, takesWeights, isStore }: Form): Request {
  const { args } = call;
  const countAt = isStore ? 2 : 1;
  const keys = keysOf(args, countAt, name);
  // Redis looks at the types of the keys before it looks at the options.
  let sources = keys.map((key) => sourceOf(call, key, 1));
  let aggregate = aggregates.SUM as Aggregate;
  let withScores = false;
  for (let index = countAt + 1 + keys.length; index < args.length; index += 1) {
    const option = word(args[index]);
    const left = args.length - index - 1;
    if (takesWeights && option === 'WEIGHTS' && left >= keys.length) {
      const weights = args.slice(index + 1, index + 1 + keys.length).map(weightOf);
      sources = sources.map((source, at) => ({ ...source, weight: weights[at] as number }));
      index += keys.length;
    } else if (takesWeights && option === 'AGGREGATE' && left >= 1) {
      const chosen = aggregates[word(args[index + 1])];
      if (chosen === undefined) throw new CommandError(errors.syntax);
      aggregate = chosen;
      index += 1;
    } else if (!isStore && option === 'WITHSCORES') {
      withScores = true;
    } else {
      throw new CommandError(errors.syntax);
    }
  }
  return { sources, aggregate, withScores };
}

function weightOf(arg: Buffer): number {
  const weight = parseDouble(arg);
  if (weight === undefined) throw new CommandError('ERR weight value is not a float');
  return weight;
}

function answer(form: Form, combine: Combine): (call: Call) => void {
  return (call) => {
    const request = requestOf(call, form);
    writeScored(call.reply, combine(request), request.withScores);
  };
}

function store(form: Form, combine: Combine): (call: Call) => void {
  return (call) => {
    const members = combine(requestOf(call, form));
    storeScored(call, at(call.args, 1), members, form.name);
    call.reply.integer(members.length);
  };
}

function countCommon(call: Call): void {
  const { args, reply } = call;
  const keys = keysOf(args, 1, 'zintercard');
  const sources = keys.map((key) => sourceOf(call, key, 1));
  let limit = 0;
  for (let index = 2 + keys.length; index < args.length; index += 2) {
    if (word(args[index]) !== 'LIMIT' || args[index + 1] === undefined) throw new CommandError(errors.syntax);
    limit = integer(at(args, index + 1), "ERR LIMIT can't be negative");
    if (limit < 0) throw new CommandError("ERR LIMIT can't be negative");
  }
  let count = 0;
  for (const _ of common({ sources, aggregate: aggregates.SUM as Aggregate, withScores: false })) {
    count += 1;
    if (count === limit) break;
  }
  reply.integer(count);
}

type Row = readonly [name: string, takesWeights: boolean, combine: Combine, what: string];

const rows: readonly Row[] = [
  ['zunion', true, union, 'union'],
  ['zinter', true, intersection, 'intersect'],
  ['zdiff', false, difference, 'difference'],
];

const group = 'sorted-set';

function reading([name, takesWeights, combine, what]: Row): Command {
  return {
    name,
    arity: -3,
    flags: ['readonly', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 1),
    group,
    since: '6.2.0',
    summary: `Returns the ${what} of multiple sorted sets.`,
    run: answer({ name, takesWeights, isStore: false }, combine),
  };
}

function storing([base, takesWeights, combine, what]: Row): Command {
  const name = `${base}store`;
  return {
    name,
    arity: -4,
    flags: ['write', 'denyoom', 'movablekeys'],
    keys: [1, 1, 1],
    keysOf: (args) => [at(args, 1), ...keysBehindCount(args, 2)],
    group,
    since: base === 'zdiff' ? '6.2.0' : '2.0.0',
    summary: `Stores the ${what} of multiple sorted sets in a key.`,
    run: store({ name, takesWeights, isStore: true }, combine),
  };
}

export const sortedSetAlgebraCommands: readonly Command[] = [
  ...rows.map(reading),
  ...rows.map(storing),
  {
    name: 'zintercard',
    arity: -3,
    flags: ['readonly', 'movablekeys'],
    keysOf: (args) => keysBehindCount(args, 1),
    group,
    since: '7.0.0',
    summary: 'Returns the number of members of the intersect of multiple sorted sets.',
    run: countCommon,
  },
];
