/**
 * Patterns of KEYS, SCAN, PSUBSCRIBE and CONFIG GET: `*`, `?`, `[a-c]`, `[^a]`, `\x`.
 *
 * To remember: at most the last star is gone back to, so a match takes at most pattern times text steps; and a pattern
 * is at most 1 KiB, so that is linear in the text.
 */

/** Longest pattern that matches anything. */
export const PATTERN_MAX = 1024;
const STAR = 42;
const QUESTION = 63;
const OPEN = 91;
const CLOSE = 93;
const BACKSLASH = 92;
const CARET = 94;
const DASH = 45;

/** Whether all of `text` matches. `foldCase`: letters of ASCII match in either case. */
export function globMatches(pattern: Uint8Array, text: Uint8Array, foldCase = false): boolean {
  if (pattern.length > PATTERN_MAX) return false;
  let p = 0;
  let t = 0;
  let starP = -1;
  let starT = 0;
  while (t < text.length) {
    if (pattern[p] === STAR) {
      starP = p;
      starT = t;
      p += 1;
      continue;
    }
    const next = p < pattern.length ? matchOne(pattern, p, text[t] as number, foldCase) : -1;
    if (next >= 0) {
      p = next;
      t += 1;
    } else if (starP >= 0) {
      starT += 1;
      t = starT;
      p = starP + 1;
    } else {
      return false;
    }
  }
  while (pattern[p] === STAR) p += 1;
  return p >= pattern.length;
}

/** Where the pattern goes on when its item at `p` matches `byte`; -1 when it does not. */
function matchOne(pattern: Uint8Array, p: number, byte: number, foldCase: boolean): number {
  const item = pattern[p] as number;
  if (item === QUESTION) return p + 1;
  if (item === OPEN) return matchSet(pattern, p + 1, byte, foldCase);
  if (item === BACKSLASH && p + 1 < pattern.length) {
    return same(pattern[p + 1] as number, byte, foldCase) ? p + 2 : -1;
  }
  return same(item, byte, foldCase) ? p + 1 : -1;
}

function matchSet(pattern: Uint8Array, from: number, byteGiven: number, foldCase: boolean): number {
  const byte = foldCase ? lower(byteGiven) : byteGiven;
  const isNegated = pattern[from] === CARET;
  let at = isNegated ? from + 1 : from;
  let isIn = false;
  for (; ; at += 1) {
    if (at >= pattern.length) break;
    const item = pattern[at] as number;
    if (item === BACKSLASH && at + 1 < pattern.length) {
      at += 1;
      if (same(pattern[at] as number, byte, foldCase)) isIn = true;
    } else if (item === CLOSE) {
      break;
    } else if (pattern[at + 1] === DASH && at + 2 < pattern.length) {
      const ends = [item, pattern[at + 2] as number].map((end) => (foldCase ? lower(end) : end)) as [number, number];
      if (byte >= Math.min(...ends) && byte <= Math.max(...ends)) isIn = true;
      at += 2;
    } else if (same(item, byte, foldCase)) {
      isIn = true;
    }
  }
  // A set that is not closed ends with the pattern.
  return isIn === isNegated ? -1 : Math.min(at + 1, pattern.length);
}

function same(left: number, right: number, foldCase: boolean): boolean {
  return left === right || (foldCase && lower(left) === lower(right));
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}
