/** Keys behind their number: `numkeys key [key ...]`. */

import { CommandError, errors } from '../protocol/errors.ts';
import { parseSmall } from '../protocol/numbers.ts';
import { at, int64 } from './arguments.ts';

/** The keys of a call that `args` may be, for reading ahead and COMMAND GETKEYS: none when the number is wrong. */
export function keysBehindCount(args: readonly Buffer[], countAt: number): Buffer[] {
  const count = parseSmall(args[countAt] ?? Buffer.alloc(0)) ?? 0;
  return count < 1 || countAt + count >= args.length ? [] : args.slice(countAt + 1, countAt + 1 + count);
}

/** The keys behind the number at `countAt`; `tooMany` is the error when there are fewer. */
export function countedKeys(args: readonly Buffer[], countAt: number, tooMany: string = errors.syntax): Buffer[] {
  const count = atLeastOne(at(args, countAt), 'ERR numkeys should be greater than 0');
  if (count > args.length - countAt - 1) throw new CommandError(tooMany);
  return args.slice(countAt + 1, countAt + 1 + count);
}

/** A whole number from 1 on; `error` is for anything else. */
export function atLeastOne(arg: Buffer, error: string): number {
  const value = int64(arg, error);
  if (value < 1n) throw new CommandError(error);
  return Number(value);
}

/** A whole number from 0 on. */
export function positive(arg: Buffer): number {
  const error = 'ERR value is out of range, must be positive';
  const value = int64(arg, error);
  if (value < 0n) throw new CommandError(error);
  return Number(value);
}
