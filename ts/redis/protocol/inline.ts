/**
 * Words of an inline command, as Redis splits them: blanks between, double quotes with escapes, single quotes without.
 *
 * To remember: a quoted word ends in a blank or the line; otherwise, and with an open quote, there is no command.
 */

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const escapes: Readonly<Record<number, number>> = { 110: 10, 114: 13, 116: 9, 98: 8, 97: 7 };

/** The words of `line`; undefined when its quotes do not match. */
export function splitInline(line: Buffer): Buffer[] | undefined {
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at] as number)) at += 1;
    if (at >= line.length) return words;
    const bytes: number[] = [];
    const end = readWord(line, at, bytes);
    if (end < 0) return undefined;
    words.push(Buffer.from(bytes));
    at = end;
  }
}

/** Reads one word at `at` into `bytes`; answers where it ends, or -1. */
function readWord(line: Buffer, from: number, bytes: number[]): number {
  let at = from;
  let quote = 0;
  for (;;) {
    if (at >= line.length) return quote === 0 ? at : -1;
    const byte = line[at] as number;
    if (quote === 0) {
      if (isBlank(byte)) return at;
      if (byte === QUOTE || byte === APOSTROPHE) quote = byte;
      else bytes.push(byte);
      at += 1;
    } else if (byte === quote) {
      const next = line[at + 1];
      return next === undefined || isBlank(next) ? at + 1 : -1;
    } else if (byte === BACKSLASH && at + 1 < line.length) {
      at += quote === QUOTE ? readEscape(line, at, bytes) : readApostrophe(line, at, bytes);
    } else {
      bytes.push(byte);
      at += 1;
    }
  }
}

/** `\x41`, `\n` and the like, or the byte behind the backslash; answers how long it is. */
function readEscape(line: Buffer, at: number, bytes: number[]): number {
  const next = line[at + 1] as number;
  if (next === 120) {
    const digits = line.toString('latin1', at + 2, at + 4);
    if (/^[0-9a-fA-F]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 16));
      return 4;
    }
  }
  bytes.push(escapes[next] ?? next);
  return 2;
}

/** In single quotes only `\'` is special. */
function readApostrophe(line: Buffer, at: number, bytes: number[]): number {
  if (line[at + 1] === APOSTROPHE) {
    bytes.push(APOSTROPHE);
    return 2;
  }
  bytes.push(BACKSLASH);
  return 1;
}

/** As isspace in the C locale. */
function isBlank(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13) || byte === 0;
}
