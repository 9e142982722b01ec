/**
 * BITFIELD: integers of any width at any bit of a string.
 *
 * To remember: all operations of a command are read before the first is done, so an error leaves nothing behind; the
 * string grows to the last bit that one of them may write, also when that one fails on an overflow, as in Redis.
 */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { parseInt64 } from '../protocol/numbers.ts';
import { at, int64, word } from './arguments.ts';
import { bitOffset } from './bits.ts';
import { checkLength } from './string-parts.ts';

const BAD_TYPE = 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const BAD_OVERFLOW = 'ERR Invalid OVERFLOW type specified';
const READ_ONLY = 'ERR BITFIELD_RO only supports the GET subcommand';

type Overflow = 'WRAP' | 'SAT' | 'FAIL';

/** Where an integer lies in a string, and what it is. */
interface Field {
  readonly isSigned: boolean;
  readonly bits: number;
  readonly offset: number;
}

interface Operation {
  readonly kind: 'GET' | 'SET' | 'INCRBY';
  readonly field: Field;
  /** What is set, or added. */
  readonly value: bigint;
  readonly overflow: Overflow;
}

function typeOf(arg: Buffer): { isSigned: boolean; bits: number } {
  const isSigned = arg[0] === 105;
  const bits = isSigned || arg[0] === 117 ? parseInt64(arg.subarray(1)) : undefined;
  if (bits === undefined || bits < 1n || bits > (isSigned ? 64n : 63n)) throw new CommandError(BAD_TYPE);
  return { isSigned, bits: Number(bits) };
}

function overflowOf(arg: Buffer): Overflow {
  const name = word(arg);
  if (name !== 'WRAP' && name !== 'SAT' && name !== 'FAIL') throw new CommandError(BAD_OVERFLOW);
  return name;
}

/** Everything the command is to do, in order. */
function operationsOf(call: Call): Operation[] {
  const { args } = call;
  const operations: Operation[] = [];
  let overflow: Overflow = 'WRAP';
  for (let index = 2; index < args.length; ) {
    const kind = word(args[index]);
    const left = args.length - index - 1;
    if (kind === 'OVERFLOW' && left >= 1) {
      overflow = overflowOf(at(args, index + 1));
      index += 2;
      continue;
    }
    if (kind !== 'GET' && kind !== 'SET' && kind !== 'INCRBY') throw new CommandError(errors.syntax);
    if (left < (kind === 'GET' ? 2 : 3)) throw new CommandError(errors.syntax);
    const type = typeOf(at(args, index + 1));
    const field = { ...type, offset: bitOffset(call, at(args, index + 2), type.bits) };
    const value = kind === 'GET' ? 0n : int64(at(args, index + 3));
    operations.push({ kind, field, value, overflow });
    index += kind === 'GET' ? 3 : 4;
  }
  return operations;
}

/** The integer there; behind the end of the string are zeros. */
function read(value: Buffer, { isSigned, bits, offset }: Field): bigint {
  const last = offset + bits - 1;
  let all = 0n;
  for (let index = Math.floor(offset / 8); index <= Math.floor(last / 8); index += 1) {
    all = (all << 8n) | BigInt(value[index] ?? 0);
  }
  const number = all >> BigInt(7 - (last % 8));
  return isSigned ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number);
}

/** Puts the lower bits of `number` there; the string is long enough. */
function write(value: Buffer, { bits, offset }: Field, number: bigint): void {
  let rest = BigInt.asUintN(bits, number);
  for (let left = bits, end = offset + bits; left > 0; ) {
    const index = Math.floor((end - 1) / 8);
    const above = 7 - ((end - 1) % 8);
    const taken = Math.min(left, 8 - above);
    const mask = ((1 << taken) - 1) << above;
    const part = Number(rest & 0xffn) << above;
    value[index] = ((value[index] as number) & ~mask) | (part & mask);
    rest >>= BigInt(taken);
    left -= taken;
    end -= taken;
  }
}

/** `value` + `by` has left the field's range: at its upper end (1), at its lower (-1), or not at all (0). */
function beyond({ isSigned, bits }: Field, value: bigint, by: bigint): -1 | 0 | 1 {
  if (!isSigned) {
    const most = (1n << BigInt(bits)) - 1n;
    if (value > most || (by > 0n && by > most - value)) return 1;
    return by < 0n && by < -value ? -1 : 0;
  }
  const most = (1n << BigInt(bits - 1)) - 1n;
  const least = -most - 1n;
  // Redis computes these with 64 bits: for the outermost integers they come round.
  const [up, down] = [BigInt.asIntN(64, most - value), BigInt.asIntN(64, least - value)];
  const isNarrow = bits !== 64;
  if (value > most || (isNarrow ? by > up : value >= 0n && by > 0n && by > up)) return 1;
  return value < least || (isNarrow ? by < down : value < 0n && by < 0n && by < down) ? -1 : 0;
}

/** What is there after SET or INCRBY; null: nothing is written, because it would not fit. */
function fitted({ field, overflow }: Operation, value: bigint, by: bigint): bigint | null {
  const { isSigned, bits } = field;
  const side = beyond(field, value, by);
  if (side !== 0 && overflow === 'FAIL') return null;
  if (side === 0 || overflow === 'WRAP')
    return isSigned ? BigInt.asIntN(bits, value + by) : BigInt.asUintN(bits, value + by);
  if (side > 0) return isSigned ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  return isSigned ? -(1n << BigInt(bits - 1)) : 0n;
}

/** What one operation replies, null for an overflow that fails, and whether it wrote something else than there was. */
interface Done {
  readonly result: bigint | null;
  readonly isChange: boolean;
}

function perform(value: Buffer, operation: Operation): Done {
  const { kind, field } = operation;
  const before = read(value, field);
  if (kind === 'GET') return { result: before, isChange: false };
  // Of an unsigned field what is set counts without its sign.
  const given = field.isSigned ? operation.value : BigInt.asUintN(64, operation.value);
  const after = kind === 'SET' ? fitted(operation, given, 0n) : fitted(operation, before, operation.value);
  if (after === null) return { result: null, isChange: false };
  write(value, field, after);
  return { result: kind === 'SET' ? before : after, isChange: before !== after };
}

function answer({ reply }: Call, done: readonly Done[]): void {
  reply.array(done.length);
  for (const { result } of done) {
    if (result === null) reply.null();
    else reply.integer(result);
  }
}

function bitfield(call: Call): void {
  const { args, db } = call;
  const key = at(args, 1);
  const operations = operationsOf(call);
  const written = operations.filter(({ kind }) => kind !== 'GET');
  const found = db.string(key);
  const held = found?.value.length ?? 0;
  if (written.length === 0) {
    const value = found?.value ?? EMPTY;
    answer(
      call,
      operations.map((operation) => perform(value, operation)),
    );
    return;
  }
  const last = written.reduce((most, { field }) => Math.max(most, field.offset + field.bits - 1), 0);
  const length = Math.max(held, Math.floor(last / 8) + 1);
  checkLength(call, length, length - held);
  const value = Buffer.alloc(length);
  found?.value.copy(value);
  const done = operations.map((operation) => perform(value, operation));
  const isGrown = length > held;
  // One that is put back behind a change is told of all the same, and so is a string that grew by one that was done.
  const isChanged = done.some(({ isChange }) => isChange);
  if (isGrown || isChanged) db.setString(key, value, found?.expiresMs ?? 0);
  const isDone = operations.some(({ kind }, index) => kind !== 'GET' && done[index]?.result !== null);
  if (isChanged || (isGrown && isDone)) db.notify('$', 'setbit', key);
  answer(call, done);
}

function bitfieldRo(call: Call): void {
  if (operationsOf(call).some(({ kind }) => kind !== 'GET')) throw new CommandError(READ_ONLY);
  bitfield(call);
}

const EMPTY: Buffer = Buffer.alloc(0);
const one = [1, 1, 1] as const;

export const bitFieldCommands: readonly Command[] = [
  {
    name: 'bitfield',
    arity: -2,
    flags: ['write', 'denyoom'],
    keys: one,
    group: 'bitmap',
    since: '3.2.0',
    summary: 'Performs arbitrary bitfield integer operations on strings.',
    note: 'at most 16 MiB beyond the end of the string',
    run: bitfield,
  },
  {
    name: 'bitfield_ro',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: one,
    group: 'bitmap',
    since: '6.0.0',
    summary: 'Performs arbitrary read-only bitfield integer operations on strings.',
    run: bitfieldRo,
  },
];
