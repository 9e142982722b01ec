/**
 * CRC-32C in JavaScript, for short ranges, where calling the addon costs more than the sum itself.
 *
 * Not for bulk data: the addon's is many times faster from a few hundred bytes on. To remember: both give the same sum,
 * and a test says so.
 */

/** Castagnoli, reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Four tables: entry `[256 * k + b]` is the sum of byte b followed by k zero bytes. */
const tables = makeTables();

function makeTables(): Int32Array {
  const all = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    all[byte] = sum;
  }
  for (let index = 256; index < all.length; index += 1) {
    const shorter = all[index - 256] as number;
    all[index] = (shorter >>> 8) ^ (all[shorter & 255] as number);
  }
  return all;
}

/** CRC-32C of `bytes[start, end)`, 0 to 2^32 - 1. */
export function shortCrc32c(bytes: Uint8Array, start: number, end: number): number {
  const table = tables;
  let sum = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const mixed =
      sum ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    sum =
      (table[768 + (mixed & 255)] as number) ^
      (table[512 + ((mixed >>> 8) & 255)] as number) ^
      (table[256 + ((mixed >>> 16) & 255)] as number) ^
      (table[mixed >>> 24] as number);
  }
  for (; at < end; at += 1) sum = (sum >>> 8) ^ (table[(sum ^ (bytes[at] as number)) & 255] as number);
  return ~sum >>> 0;
}
