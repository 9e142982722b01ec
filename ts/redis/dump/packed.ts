/**
 * Small collections as Redis 7 packs them into one string: listpacks, and sets of integers.
 *
 * To remember: every length is compared with the bytes that are left; integers become the strings they stand for.
 */

import { BadPayload } from './bad-payload.ts';

const LISTPACK_HEAD = 6;
const LISTPACK_END = 0xff;
const SET_HEAD = 8;

/** The elements of a listpack. */
export function listpack(bytes: Buffer): Buffer[] {
  if (bytes.length < LISTPACK_HEAD + 1 || bytes.readUInt32LE(0) !== bytes.length) throw new BadPayload();
  const elements: Buffer[] = [];
  let at = LISTPACK_HEAD;
  while (bytes[at] !== LISTPACK_END) {
    const { value, length } = element(bytes, at);
    elements.push(value);
    at += length + backBytes(length);
    if (at >= bytes.length) throw new BadPayload();
  }
  if (at !== bytes.length - 1) throw new BadPayload();
  return elements;
}

/** Bytes of the length that stands behind an element, for those who read backwards. */
function backBytes(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}

function text(value: number | bigint): Buffer {
  return Buffer.from(String(value), 'latin1');
}

function part(bytes: Buffer, from: number, length: number): Buffer {
  if (from + length > bytes.length) throw new BadPayload();
  return bytes.subarray(from, from + length);
}

/** The element at `at`, and how many bytes it has. */
function element(bytes: Buffer, at: number): { value: Buffer; length: number } {
  const first = bytes[at];
  if (first === undefined) throw new BadPayload();
  if (first < 0x80) return { value: text(first), length: 1 };
  if (first < 0xc0) return string(bytes, at, 1, first & 0x3f);
  const second = part(bytes, at, 2)[1] as number;
  if (first < 0xe0) {
    const value = ((first & 0x1f) << 8) | second;
    return { value: text(value >= 4096 ? value - 8192 : value), length: 2 };
  }
  if (first < 0xf0) return string(bytes, at, 2, ((first & 0x0f) << 8) | second);
  if (first === 0xf0) return string(bytes, at, 5, part(bytes, at + 1, 4).readUInt32LE(0));
  const size = [2, 3, 4, 8][first - 0xf1];
  if (size === undefined) throw new BadPayload();
  const value = part(bytes, at + 1, size);
  return { value: text(size === 8 ? value.readBigInt64LE(0) : value.readIntLE(0, size)), length: 1 + size };
}

function string(bytes: Buffer, at: number, head: number, length: number): { value: Buffer; length: number } {
  return { value: part(bytes, at + head, length), length: head + length };
}

/** The members of a set of integers. */
export function integerSet(bytes: Buffer): Buffer[] {
  if (bytes.length < SET_HEAD) throw new BadPayload();
  const size = bytes.readUInt32LE(0);
  const count = bytes.readUInt32LE(4);
  if (![2, 4, 8].includes(size) || SET_HEAD + size * count !== bytes.length) throw new BadPayload();
  return Array.from({ length: count }, (_, index) => {
    const at = SET_HEAD + index * size;
    return text(size === 8 ? bytes.readBigInt64LE(at) : bytes.readIntLE(at, size));
  });
}
