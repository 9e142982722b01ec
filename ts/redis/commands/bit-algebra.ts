/** BITOP: strings joined bit by bit into another. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { at, word } from './arguments.ts';
import { checkLength } from './string-parts.ts';

type Join = (left: number, right: number) => number;

const joins: Readonly<Record<string, Join>> = {
  AND: (left, right) => left & right,
  OR: (left, right) => left | right,
  XOR: (left, right) => left ^ right,
};

/** Every bit turned over. */
function inverted(value: Buffer): Buffer {
  const result = Buffer.allocUnsafeSlow(value.length);
  for (let index = 0; index < value.length; index += 1) result[index] = ~(value[index] as number);
  return result;
}

/** As long as the longest of them: behind their ends the others go on with zeros. */
function joined(values: readonly Buffer[], length: number, join: Join): Buffer {
  const result = Buffer.alloc(length);
  values[0]?.copy(result);
  for (const value of values.slice(1)) {
    for (let index = 0; index < length; index += 1) {
      result[index] = join(result[index] as number, value[index] ?? 0);
    }
  }
  return result;
}

function bitop(call: Call): void {
  const { args, db, reply } = call;
  const name = word(args[1]);
  const join = joins[name];
  if (join === undefined && name !== 'NOT') throw new CommandError(errors.syntax);
  if (join === undefined && args.length !== 4) {
    throw new CommandError('ERR BITOP NOT must be called with a single source key.');
  }
  const target = at(args, 2);
  const values = args.slice(3).map((key) => db.string(key)?.value ?? EMPTY);
  const length = values.reduce((most, value) => Math.max(most, value.length), 0);
  checkLength(call, length);
  if (length > 0) {
    db.setString(target, join ? joined(values, length, join) : inverted(values[0] as Buffer), 0);
    db.notify('$', 'set', target);
  } else if (db.remove(target)) {
    db.notify('g', 'del', target);
  }
  reply.integer(length);
}

const EMPTY: Buffer = Buffer.alloc(0);

export const bitAlgebraCommands: readonly Command[] = [
  {
    name: 'bitop',
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [2, -1, 1],
    group: 'bitmap',
    since: '2.6.0',
    summary: 'Performs bitwise operations on multiple strings, and stores the result.',
    run: bitop,
  },
];
