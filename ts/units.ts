/**
 * Sizes and durations with units, as people write them: `'64mb'`, `'100ms'`.
 *
 * Not a general parser: one number, one unit, nothing else. To remember: `kb` is 1024 bytes, as in every storage tool
 * whose users we want.
 */

import { MillraceError } from './errors.ts';

const sizeUnits = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1024],
  ['k', 1024],
  ['mb', 1024 ** 2],
  ['m', 1024 ** 2],
  ['gb', 1024 ** 3],
  ['g', 1024 ** 3],
  ['tb', 1024 ** 4],
]);

const durationUnits = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

function parse(name: string, value: number | string, units: ReadonlyMap<string, number>, example: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(value).trim());
  const unit = units.get((match?.[2] ?? '?').toLowerCase());
  const result = match && unit !== undefined ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(result)) {
    throw new MillraceError('MILLRACE_OPTION', `${name}: ${String(value)} is not understood, write it like ${example}`);
  }
  return result;
}

/** Bytes of `'64mb'`, `'1gb'`, `4096`. `name` is for the error. Throws MILLRACE_OPTION. */
export function parseSize(name: string, value: number | string): number {
  return parse(name, value, sizeUnits, "'64mb'");
}

/** Milliseconds of `'100ms'`, `'5s'`, `250`. `name` is for the error. Throws MILLRACE_OPTION. */
export function parseDuration(name: string, value: number | string): number {
  return parse(name, value, durationUnits, "'100ms'");
}

/** A number of bytes for people: three digits and a unit, such as `715 MiB`. */
export function describeBytes(bytes: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toPrecision(3)} ${['bytes', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}
