/** Strings that Redis has compressed by LZF. To remember: no more memory than so few bytes can stand for. */

import { BadPayload } from './bad-payload.ts';

/** A copy takes three bytes and stands for at most 264. */
const RATIO_MAX = 88;
const LITERALS_MAX = 32;

/** Answers `length` bytes; throws `BadPayload` when `packed` does not stand for exactly those. */
export function unpackLzf(packed: Buffer, length: number): Buffer {
  if (length > packed.length * RATIO_MAX) throw new BadPayload();
  const bytes = Buffer.alloc(length);
  let at = 0;
  let to = 0;
  const next = (): number => {
    const byte = packed[at];
    if (byte === undefined) throw new BadPayload();
    at += 1;
    return byte;
  };
  while (at < packed.length) {
    const control = next();
    if (control < LITERALS_MAX) {
      const count = control + 1;
      if (at + count > packed.length || to + count > length) throw new BadPayload();
      packed.copy(bytes, to, at, at + count);
      at += count;
      to += count;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += next();
    count += 2;
    let from = to - ((control & 0x1f) << 8) - next() - 1;
    if (from < 0 || to + count > length) throw new BadPayload();
    // Byte by byte: what is copied may be what was just written.
    for (; count > 0; count -= 1) {
      bytes[to] = bytes[from] as number;
      to += 1;
      from += 1;
    }
  }
  if (to !== length) throw new BadPayload();
  return bytes;
}
