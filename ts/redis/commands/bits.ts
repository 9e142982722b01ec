/** Single bits of strings, and counts of them. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { parseInt64 } from '../protocol/numbers.ts';
import { at, integer, word } from './arguments.ts';
import { checkLength } from './string-parts.ts';

const BIT_OFFSET = 'ERR bit offset is not an integer or out of range';

/** Where a bit is. `#3`, where a field has a width, is behind three fields of this many bits. */
export function bitOffset({ host }: Call, arg: Buffer, width = 0): number {
  const isCounted = width > 0 && arg[0] === 35;
  const given = parseInt64(isCounted ? arg.subarray(1) : arg);
  if (given === undefined) throw new CommandError(BIT_OFFSET);
  const offset = isCounted ? given * BigInt(width) : given;
  if (offset < 0n || offset >= 2n ** 32n) throw new CommandError(BIT_OFFSET);
  if (offset >> 3n >= host.settings.number('proto-max-bulk-len')) throw new CommandError(BIT_OFFSET);
  return Number(offset);
}

function getbit(call: Call): void {
  const { args, db, reply } = call;
  const offset = bitOffset(call, at(args, 2));
  const byte = db.string(at(args, 1))?.value[offset >>> 3] ?? 0;
  reply.integer((byte >> (7 - (offset & 7))) & 1);
}

function setbit(call: Call): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  const offset = bitOffset(call, at(args, 2));
  const bit = parseInt64(at(args, 3));
  if (bit !== 0n && bit !== 1n) throw new CommandError('ERR bit is not an integer or out of range');
  const found = db.string(key);
  // Offsets have 32 bits without a sign.
  const index = offset >>> 3;
  checkLength(call, index + 1, index - (found?.value.length ?? 0));
  const value = Buffer.alloc(Math.max(found?.value.length ?? 0, index + 1));
  found?.value.copy(value);
  const mask = 1 << (7 - (offset & 7));
  const byte = value[index] as number;
  value[index] = bit === 1n ? byte | mask : byte & ~mask;
  // A bit that stays as it was is no change, for those who watch the key neither.
  if (value[index] !== byte || value.length !== found?.value.length) {
    db.setString(key, value, found?.expiresMs ?? 0);
    db.notify('$', 'setbit', key);
  }
  reply.integer((byte & mask) === 0 ? 0 : 1);
}

/** A range of BITCOUNT: bytes or bits, both ends included; undefined when it is empty. */
function bitRange(start: number, end: number, length: number): [number, number] | undefined {
  if (start < 0 && end < 0 && start > end) return undefined;
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length - 1, Math.max(0, end < 0 ? length + end : end));
  return from > to ? undefined : [from, to];
}

const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest >>= 1) count += rest & 1;
  return count;
});

/** Ones among the bits `[from, to]`. */
function countBits(value: Buffer, from: number, to: number): number {
  const [first, last] = [Math.floor(from / 8), Math.floor(to / 8)];
  let count = 0;
  for (let index = first; index <= last; index += 1) {
    let byte = value[index] as number;
    if (index === first) byte &= 0xff >> (from & 7);
    if (index === last) byte &= 0xff << (7 - (to & 7));
    count += ones[byte & 0xff] as number;
  }
  return count;
}

/** First place of a bit of that kind among the bits `[from, to]`; -1: there is none. */
function findBit(value: Buffer, bit: number, from: number, to: number): number {
  const skipped = bit === 1 ? 0 : 0xff;
  for (let place = from; place <= to; ) {
    const byte = value[Math.floor(place / 8)] as number;
    if (place % 8 === 0 && byte === skipped) {
      place += 8;
      continue;
    }
    if (((byte >> (7 - (place % 8))) & 1) === bit) return place;
    place += 1;
  }
  return -1;
}

function bitpos({ args, db, reply }: Call): void {
  const bit = integer(at(args, 2));
  if (bit !== 0 && bit !== 1) throw new CommandError('ERR The bit argument must be 1 or 0.');
  const value = db.string(at(args, 1))?.value;
  if (value === undefined) {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  if (args.length > 6) throw new CommandError(errors.syntax);
  const start = args.length > 3 ? integer(at(args, 3)) : 0;
  const unit = args.length > 5 ? word(args[5]) : 'BYTE';
  if (unit !== 'BIT' && unit !== 'BYTE') throw new CommandError(errors.syntax);
  const isBits = unit === 'BIT';
  const isClosed = args.length > 4;
  const length = isBits ? value.length * 8 : value.length;
  const end = isClosed ? integer(at(args, 4)) : length - 1;
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length - 1, isClosed && end < 0 ? Math.max(0, length + end) : end);
  if (from > to) {
    reply.integer(-1);
    return;
  }
  const found = isBits ? findBit(value, bit, from, to) : findBit(value, bit, from * 8, to * 8 + 7);
  // A string without an end that was asked for goes on with zeros.
  reply.integer(found < 0 && bit === 0 && !isClosed ? value.length * 8 : found);
}

function bitcount({ args, db, reply }: Call): void {
  // An absent key is 0 whatever follows, as in Redis.
  const value = db.string(at(args, 1))?.value;
  if (value === undefined) {
    reply.integer(0);
    return;
  }
  if (args.length !== 2 && args.length !== 4 && args.length !== 5) throw new CommandError(errors.syntax);
  const unit = args.length === 5 ? word(args[4]) : 'BYTE';
  const ends = args.length > 2 ? ([integer(at(args, 2)), integer(at(args, 3))] as const) : ([0, -1] as const);
  if (unit !== 'BYTE' && unit !== 'BIT') throw new CommandError(errors.syntax);
  const scale = unit === 'BIT' ? 1 : 8;
  const range = bitRange(ends[0], ends[1], (value.length * 8) / scale);
  reply.integer(range === undefined ? 0 : countBits(value, range[0] * scale, range[1] * scale + scale - 1));
}

const one = [1, 1, 1] as const;

export const bitCommands: readonly Command[] = [
  {
    name: 'getbit',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: one,
    group: 'bitmap',
    since: '2.2.0',
    summary: 'Returns a bit value by offset.',
    run: getbit,
  },
  {
    name: 'setbit',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: one,
    group: 'bitmap',
    since: '2.2.0',
    summary: 'Sets or clears the bit at offset of the string value.',
    note: 'at most 16 MiB beyond the end of the string',
    run: setbit,
  },
  {
    name: 'bitpos',
    arity: -3,
    flags: ['readonly'],
    keys: one,
    group: 'bitmap',
    since: '2.8.7',
    summary: 'Finds the first set (1) or clear (0) bit in a string.',
    run: bitpos,
  },
  {
    name: 'bitcount',
    arity: -2,
    flags: ['readonly'],
    keys: one,
    group: 'bitmap',
    since: '2.6.0',
    summary: 'Counts the number of set bits in a string.',
    run: bitcount,
  },
];
