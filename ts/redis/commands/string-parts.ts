/** Parts of strings, their lengths, and numbers in them. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { addExtended, formatExtended, isInt64, parseExtended, parseInt64, parseSmall } from '../protocol/numbers.ts';
import { at, int64, integer, word } from './arguments.ts';

/** So far behind the end of a string a part or a bit may be put: the zeros between are ours to make. */
export const GAP_MAX: number = 16 * 1024 * 1024;

/** A string is to have `length` bytes, of which `gap` are zeros that nobody has sent. */
export function checkLength({ host }: Call, length: number, gap = 0): void {
  const most = host.settings.number('proto-max-bulk-len');
  if (length > most || gap > GAP_MAX) throw new CommandError(errors.tooLong);
}

/** Adds to the integer under a key. */
function increase({ db, reply }: Call, key: Buffer, by: bigint): void {
  const found = db.string(key);
  const small = found === null ? 0 : parseSmall(found.value);
  let sum: number | bigint;
  if (small !== undefined && by < 1_000_000_000n && by > -1_000_000_000n) {
    sum = small + Number(by);
  } else {
    const value = found === null ? 0n : parseInt64(found.value);
    if (value === undefined) throw new CommandError(errors.integer);
    sum = value + by;
    if (!isInt64(sum)) throw new CommandError(errors.overflow);
  }
  db.setString(key, Buffer.from(String(sum), 'latin1'), found?.expiresMs ?? 0);
  db.notify('$', 'incrby', key);
  reply.integer(sum);
}

function decrby(call: Call): void {
  const by = int64(at(call.args, 2));
  if (by === -(2n ** 63n)) throw new CommandError('ERR decrement would overflow');
  increase(call, at(call.args, 1), -by);
}

function incrbyfloat({ args, db, reply }: Call): void {
  const key = at(args, 1);
  const found = db.string(key);
  const value = found === null ? { mantissa: 0n, exponent: 0 } : parseExtended(found.value);
  const by = parseExtended(at(args, 2));
  if (value === undefined || by === undefined) throw new CommandError(errors.float);
  if (value === 'infinite' || by === 'infinite') throw new CommandError(errors.infinite);
  const sum = Buffer.from(formatExtended(addExtended(value, by)), 'latin1');
  db.setString(key, sum, found?.expiresMs ?? 0);
  db.notify('$', 'incrbyfloat', key);
  reply.bulk(sum);
}

function append(call: Call): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  const found = db.string(key);
  checkLength(call, (found?.value.length ?? 0) + at(args, 2).length);
  const value = found === null ? at(args, 2) : Buffer.concat([found.value, at(args, 2)]);
  db.setString(key, value, found?.expiresMs ?? 0);
  db.notify('$', 'append', key);
  reply.integer(value.length);
}

function setrange(call: Call): void {
  const { args, db, reply } = call;
  const [key, part] = [at(args, 1), at(args, 3)];
  const offset = integer(at(args, 2));
  if (offset < 0) throw new CommandError('ERR offset is out of range');
  const found = db.string(key);
  const length = found?.value.length ?? 0;
  if (part.length === 0) {
    reply.integer(length);
    return;
  }
  checkLength(call, offset + part.length, offset - length);
  const value = Buffer.alloc(Math.max(length, offset + part.length));
  found?.value.copy(value);
  part.copy(value, offset);
  db.setString(key, value, found?.expiresMs ?? 0);
  db.notify('$', 'setrange', key);
  reply.integer(value.length);
}

function getrange({ args, db, reply }: Call): void {
  let start = integer(at(args, 2));
  let end = integer(at(args, 3));
  const value = db.string(at(args, 1))?.value;
  const length = value?.length ?? 0;
  if (value === undefined || (start < 0 && end < 0 && start > end)) {
    reply.text('');
    return;
  }
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  reply.bulk(value.subarray(Math.min(start, length), Math.max(start, Math.min(end, length - 1) + 1)));
}

/** What LCS was asked for. */
interface LcsOptions {
  isLength: boolean;
  isIndexes: boolean;
  withLengths: boolean;
  least: number;
}

function lcsOptions(args: readonly Buffer[]): LcsOptions {
  const options: LcsOptions = { isLength: false, isIndexes: false, withLengths: false, least: 0 };
  for (let index = 3; index < args.length; index += 1) {
    const name = word(args[index]);
    if (name === 'LEN') options.isLength = true;
    else if (name === 'IDX') options.isIndexes = true;
    else if (name === 'WITHMATCHLEN') options.withLengths = true;
    else if (name === 'MINMATCHLEN' && index + 1 < args.length) {
      index += 1;
      options.least = Math.max(0, integer(at(args, index)));
    } else throw new CommandError(errors.syntax);
  }
  if (options.isLength && options.isIndexes) {
    throw new CommandError('ERR If you want both the length and indexes, please just use IDX.');
  }
  return options;
}

/** Steps of one LCS: more would hold up everybody else. */
const LCS_STEPS = 4_000_000;

function lcs(call: Call): void {
  const { args, db, reply } = call;
  const keys = [at(args, 1), at(args, 2)];
  const found = keys.map((key) => db.entry(key));
  if (found.some((one) => one !== null && one.type !== 'string')) {
    throw new CommandError('ERR The specified keys must contain string values');
  }
  const options = lcsOptions(args);
  const [left, right] = found.map((one) => one?.entry.value ?? Buffer.alloc(0)) as [Buffer, Buffer];
  if (left.length * right.length > LCS_STEPS) {
    throw new CommandError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
  }
  const table = lcsTable(left, right);
  const width = right.length + 1;
  const total = table[left.length * width + right.length] as number;
  if (options.isLength) {
    reply.integer(total);
    return;
  }
  const { text, matches } = walk(table, left, right);
  if (!options.isIndexes) {
    reply.bulk(text);
    return;
  }
  const wanted = matches.filter((match) => match.length >= options.least);
  reply.map(2);
  reply.text('matches');
  reply.array(wanted.length);
  for (const { left: l, right: r, length } of wanted) {
    reply.array(options.withLengths ? 3 : 2);
    for (const from of [l, r]) {
      reply.array(2);
      reply.integer(from);
      reply.integer(from + length - 1);
    }
    if (options.withLengths) reply.integer(length);
  }
  reply.text('len');
  reply.integer(total);
}

function lcsTable(left: Buffer, right: Buffer): Uint32Array {
  const width = right.length + 1;
  const table = new Uint32Array((left.length + 1) * width);
  for (let i = 1; i <= left.length; i += 1) {
    for (let j = 1; j <= right.length; j += 1) {
      table[i * width + j] =
        left[i - 1] === right[j - 1]
          ? (table[(i - 1) * width + j - 1] as number) + 1
          : Math.max(table[(i - 1) * width + j] as number, table[i * width + j - 1] as number);
    }
  }
  return table;
}

interface Match {
  left: number;
  right: number;
  length: number;
}

/** The common text, and the runs it consists of, last one first. */
function walk(table: Uint32Array, left: Buffer, right: Buffer): { text: Buffer; matches: Match[] } {
  const width = right.length + 1;
  const bytes: number[] = [];
  const matches: Match[] = [];
  let [i, j] = [left.length, right.length];
  while (i > 0 && j > 0) {
    if (left[i - 1] === right[j - 1]) {
      bytes.push(left[i - 1] as number);
      const last = matches.at(-1);
      if (last && last.left === i && last.right === j) {
        last.left -= 1;
        last.right -= 1;
        last.length += 1;
      } else {
        matches.push({ left: i - 1, right: j - 1, length: 1 });
      }
      i -= 1;
      j -= 1;
    } else if ((table[(i - 1) * width + j] as number) > (table[i * width + j - 1] as number)) {
      i -= 1;
    } else {
      j -= 1;
    }
  }
  return { text: Buffer.from(bytes.reverse()), matches };
}

const one = [1, 1, 1] as const;

export const stringPartCommands: readonly Command[] = [
  {
    name: 'incr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Increments the integer value of a key by one.',
    run: (call) => increase(call, at(call.args, 1), 1n),
  },
  {
    name: 'decr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Decrements the integer value of a key by one.',
    run: (call) => increase(call, at(call.args, 1), -1n),
  },
  {
    name: 'incrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Increments the integer value of a key by a number.',
    run: (call) => increase(call, at(call.args, 1), int64(at(call.args, 2))),
  },
  {
    name: 'decrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Decrements a number from the integer value of a key.',
    run: decrby,
  },
  {
    name: 'incrbyfloat',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '2.6.0',
    summary: 'Increments the floating point value of a key by a number.',
    run: incrbyfloat,
  },
  {
    name: 'append',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '2.0.0',
    summary: 'Appends a string to the value of a key.',
    run: append,
  },
  {
    name: 'strlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: one,
    group: 'string',
    since: '2.2.0',
    summary: 'Returns the length of a string value.',
    run: ({ args, db, reply }) => reply.integer(db.string(at(args, 1))?.value.length ?? 0),
  },
  {
    name: 'getrange',
    arity: 4,
    flags: ['readonly'],
    keys: one,
    group: 'string',
    since: '2.4.0',
    summary: 'Returns a substring of the string stored at a key.',
    run: getrange,
  },
  {
    name: 'substr',
    arity: 4,
    flags: ['readonly'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Returns a substring from a string value.',
    run: getrange,
  },
  {
    name: 'setrange',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: one,
    group: 'string',
    since: '2.2.0',
    summary: 'Overwrites a part of a string value with another by an offset.',
    run: setrange,
  },
  {
    name: 'lcs',
    arity: -3,
    flags: ['readonly'],
    keys: [1, 2, 1],
    group: 'string',
    since: '7.0.0',
    summary: 'Finds the longest common substring.',
    note: 'at most 4 million pairs of bytes',
    run: lcs,
  },
];
