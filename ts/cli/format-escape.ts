/**
 * Literal text inside format strings: `\n`, `\t`, `\r`, `\0`, `\\`, `\xNN`, and what kcat's delimiters stand for. Shared by
 * the formats of produce and consume; reads nothing of `%`.
 *
 * Invariant: an escape that is not in the list is refused, not passed through.
 */
import { usage } from './exit.ts';

const single: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, '0': 0, '\\': 92, "'": 39, '"': 34 };

/**
 * Reads one literal character or escape at `position` of `format`; returns its bytes and the position behind it.
 * Throws a usage error for an unknown or unfinished escape.
 */
export function readLiteral(format: string, position: number): { bytes: Uint8Array; next: number } {
  if (format[position] !== '\\') {
    const character = String.fromCodePoint(format.codePointAt(position) ?? 0);
    return { bytes: Buffer.from(character), next: position + character.length };
  }
  const letter = format[position + 1] ?? '';
  const byte = single[letter];
  if (byte !== undefined) return { bytes: Uint8Array.of(byte), next: position + 2 };
  const hex = /^x([0-9a-fA-F]{2})/.exec(format.slice(position + 1, position + 4))?.[1];
  if (hex === undefined)
    throw usage(`the escape '\\${letter}' in the format is not known: give \\n \\t \\r \\0 \\\\ or \\xNN`);
  return { bytes: Uint8Array.of(Number.parseInt(hex, 16)), next: position + 4 };
}

/** kcat's delimiters, of `-K` and `-D`. */
export interface Delimiters {
  readonly keyDelimiter?: string;
  readonly delimiter?: string;
}

/** The format that these delimiters stand for, `%v\n` without `-K`; undefined when none is given. */
export function delimitedFormat({ keyDelimiter, delimiter }: Delimiters): string | undefined {
  if (keyDelimiter === undefined && delimiter === undefined) return undefined;
  // A percent sign stands for itself; `\t` and other escapes keep their meaning.
  const literal = (text: string): string => text.replaceAll('%', '%%');
  const key = keyDelimiter === undefined ? '' : `%k${literal(keyDelimiter)}`;
  return `${key}%v${literal(delimiter ?? '\\n')}`;
}
