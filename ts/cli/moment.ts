/**
 * Points in time as people type them after `-o @`: unix seconds or milliseconds, a date, RFC 3339, `-1h` for "an hour
 * ago". Not a calendar: everything becomes milliseconds since 1970 UTC.
 *
 * Invariant: a prefix of the text is consumed and the rest handed back, because RFC 3339 contains the `:` that
 * separates two moments of a range.
 */
import { usage } from './exit.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const patterns: readonly { expression: RegExp; toMs: (text: string, now: number) => number }[] = [
  { expression: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/, toMs: (text) => Date.parse(text) },
  { expression: /^\d{4}-\d\d-\d\d/, toMs: (text) => Date.parse(`${text}T00:00:00Z`) },
  { expression: /^\d{13}(?!\d)/, toMs: (text) => Number(text) },
  { expression: /^\d{9,10}(?!\d)/, toMs: (text) => Number(text) * 1000 },
  { expression: /^-(\d+(ms|s|m|h|d))+/, toMs: (text, now) => now - spanMs(text.slice(1)) },
];

function spanMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return total;
}

/**
 * Reads one moment from the front of `text`; `now` is wall time in ms. Returns milliseconds since 1970 and the rest of
 * the text. Throws a usage error when the front is no moment, or a date that does not exist.
 */
export function readMoment(text: string, now: number): { ms: number; rest: string } {
  for (const { expression, toMs } of patterns) {
    const matched = expression.exec(text)?.[0];
    if (matched === undefined) continue;
    const ms = toMs(matched, now);
    if (!Number.isSafeInteger(ms)) break;
    return { ms, rest: text.slice(matched.length) };
  }
  throw usage(
    `'${text}' is not a time: give unix seconds (9-10 digits) or milliseconds (13), YYYY-MM-DD, RFC 3339 or -1h30m`,
  );
}
