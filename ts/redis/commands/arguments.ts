/** Arguments of commands as numbers, words and moments; each throws the error that Redis answers. */

import { CommandError, errors } from '../protocol/errors.ts';
import { isInt64, parseInt64, parseSmall } from '../protocol/numbers.ts';

/** An argument that is there: arity was checked. */
export function at(args: readonly Buffer[], index: number): Buffer {
  const arg = args[index];
  if (arg === undefined) throw new CommandError(errors.syntax);
  return arg;
}

/** An option's name: upper case. */
export function word(arg: Buffer | undefined): string {
  return arg === undefined ? '' : arg.toString('latin1', 0, Math.min(arg.length, 64)).toUpperCase();
}

/** An integer of 64 bits. */
export function int64(arg: Buffer, error: string = errors.integer): bigint {
  const value = parseInt64(arg);
  if (value === undefined) throw new CommandError(error);
  return value;
}

/** An integer of 64 bits, with those beyond 2^53 put at its ends: nothing here is so large. */
export function integer(arg: Buffer, error: string = errors.integer): number {
  return parseSmall(arg) ?? Number(clamp(int64(arg, error)));
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function clamp(value: bigint): bigint {
  if (value > SAFE) return SAFE;
  return value < -SAFE ? -SAFE : value;
}

/** How the time of an expiry is given. */
export interface ExpiryUnit {
  readonly isSeconds: boolean;
  readonly isAbsolute: boolean;
}

export const expiryOptions: Readonly<Record<string, ExpiryUnit>> = {
  EX: { isSeconds: true, isAbsolute: false },
  PX: { isSeconds: false, isAbsolute: false },
  EXAT: { isSeconds: true, isAbsolute: true },
  PXAT: { isSeconds: false, isAbsolute: true },
};

/** Latest moment that is stored as it is, ms since 1970. */
const LATEST_MS = 2 ** 53 - 1;

/**
 * A moment in ms since 1970. `isPositive`: zero and less are refused, as everything that does not fit into 64 bits is.
 * Moments later than a double can tell apart are that last one.
 */
export function moment(arg: Buffer, unit: ExpiryUnit, nowMs: number, command: string, isPositive: boolean): number {
  const given = int64(arg);
  const error = `ERR invalid expire time in '${command}' command`;
  if (isPositive && given <= 0n) throw new CommandError(error);
  const ms = unit.isSeconds ? given * 1000n : given;
  if (!isInt64(ms)) throw new CommandError(error);
  const moment = unit.isAbsolute ? ms : ms + BigInt(nowMs);
  if (!isInt64(moment)) throw new CommandError(error);
  return Math.min(Math.max(Number(moment), -LATEST_MS), LATEST_MS);
}
