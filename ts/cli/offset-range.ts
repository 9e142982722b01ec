/**
 * The grammar of `consume -o`: where reading begins and, where given, ends. Pure text to values; what `end` is on a
 * partition is found out by who reads.
 *
 *   range  = point [ ":" [ until ] ] | ":" until | "@" times
 *   point  = "start" | "end" | N | "+" N (after the start) | "-" N (before the end)
 *   until  = "end" | N
 *   times  = moment | ":" moment | moment ":" ( moment | "end" )
 *
 * Invariant: an end is exclusive: `10:47` reads 10 to 46.
 */
import { usage } from './exit.ts';
import { readMoment } from './moment.ts';

/** A place in a partition. `offset` and counts are whole numbers below 2^53; `ms` is milliseconds since 1970. */
export type Point =
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'afterStart'; readonly count: number }
  | { readonly kind: 'beforeEnd'; readonly count: number }
  | { readonly kind: 'time'; readonly ms: number };

/** What to read. Without `until` reading goes on as records arrive. */
export interface OffsetRange {
  readonly from: Point;
  readonly until?: Point;
}

/** Parses the argument of `-o`; `now` is wall time in ms. Throws a usage error that names the part not understood. */
export function parseOffsetRange(text: string, now: number): OffsetRange {
  if (text.startsWith('@')) return parseTimes(text.slice(1), now);
  const colon = text.indexOf(':');
  if (colon < 0) return { from: parsePoint(text) };
  const from: Point = colon === 0 ? { kind: 'start' } : parsePoint(text.slice(0, colon));
  const end = text.slice(colon + 1);
  if (end === '' && colon > 0) return { from };
  return { from, until: end === 'end' ? { kind: 'end' } : { kind: 'offset', offset: wholeNumber(end, text) } };
}

function parsePoint(text: string): Point {
  if (text === 'start' || text === 'beginning' || text === 'earliest') return { kind: 'start' };
  if (text === 'end' || text === 'latest') return { kind: 'end' };
  if (text.startsWith('+')) return { kind: 'afterStart', count: wholeNumber(text.slice(1), text) };
  if (text.startsWith('-')) return { kind: 'beforeEnd', count: wholeNumber(text.slice(1), text) };
  return { kind: 'offset', offset: wholeNumber(text, text) };
}

function parseTimes(text: string, now: number): OffsetRange {
  if (text.startsWith(':')) return { from: { kind: 'start' }, until: parseLastTime(text.slice(1), now) };
  const { ms, rest } = readMoment(text, now);
  const from: Point = { kind: 'time', ms };
  if (rest === '') return { from };
  if (!rest.startsWith(':')) throw usage(`'${rest}' after the time in '@${text}' is not understood`);
  return { from, until: parseLastTime(rest.slice(1), now) };
}

function parseLastTime(text: string, now: number): Point {
  if (text === 'end') return { kind: 'end' };
  const { ms, rest } = readMoment(text, now);
  if (rest !== '') throw usage(`'${rest}' after the time '${text}' is not understood`);
  return { kind: 'time', ms };
}

function wholeNumber(text: string, whole: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw usage(`'${whole}' is not an offset: give start, end, N, +N, -N, N:M, N:end or @TIME`);
  }
  return value;
}
