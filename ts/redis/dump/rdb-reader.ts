/**
 * Reads what is in a payload of DUMP, ours or that of Redis 7: strings, lists, sets, sorted sets, hashes.
 *
 * To remember: the bytes are a client's. A count is at most the bytes that are left, and nothing is allocated by one.
 */

import { BadPayload } from './bad-payload.ts';
import { unpackLzf } from './lzf.ts';
import { integerSet, listpack } from './packed.ts';
import { RdbType } from './rdb-types.ts';

/** A value that was dumped. */
export type Dumped =
  | { readonly type: 'string'; readonly value: Buffer }
  | { readonly type: 'list'; readonly elements: readonly Buffer[] }
  | { readonly type: 'set'; readonly elements: readonly Buffer[] }
  | { readonly type: 'hash'; readonly pairs: readonly (readonly [field: Buffer, value: Buffer])[] }
  | { readonly type: 'zset'; readonly scored: readonly (readonly [member: Buffer, score: number])[] };

const SPECIAL = 3;
const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
const PACKED_NODE = 2;
const PLAIN_NODE = 1;

/** Reads a whole body; throws `BadPayload` when it is none, or has more behind it. */
export function readDumped(body: Buffer, maxBytes: number): Dumped {
  const reader = new RdbReader(body, maxBytes);
  const dumped = reader.value();
  if (!reader.isAtEnd) throw new BadPayload();
  return dumped;
}

class RdbReader {
  readonly #bytes: Buffer;
  readonly #maxBytes: number;
  #at = 0;

  constructor(bytes: Buffer, maxBytes: number) {
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(): Dumped {
    const type = this.#byte();
    switch (type) {
      case RdbType.string:
        return { type: 'string', value: this.#string() };
      case RdbType.list:
        return { type: 'list', elements: this.#some(1, () => this.#string()) };
      case RdbType.packedLists:
        return { type: 'list', elements: filled(this.#some(1, () => this.#node()).flat()) };
      case RdbType.set:
        return { type: 'set', elements: this.#some(1, () => this.#string()) };
      case RdbType.setOfIntegers:
        return { type: 'set', elements: filled(integerSet(this.#string())) };
      case RdbType.packedSet:
        return { type: 'set', elements: filled(listpack(this.#string())) };
      case RdbType.hash:
        return { type: 'hash', pairs: this.#some(2, () => [this.#string(), this.#string()] as const) };
      case RdbType.packedHash:
        return { type: 'hash', pairs: pairsOf(listpack(this.#string())) };
      case RdbType.sortedSet:
        return { type: 'zset', scored: this.#some(9, () => [this.#string(), this.#score()] as const) };
      case RdbType.packedSortedSet:
        return {
          type: 'zset',
          scored: pairsOf(listpack(this.#string())).map(([member, score]) => [member, scoreOf(score)] as const),
        };
      default:
        throw new BadPayload();
    }
  }

  #byte(): number {
    return this.#take(1)[0] as number;
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new BadPayload();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** At least one of what takes at least `least` bytes each. */
  #some<T>(least: number, read: () => T): T[] {
    const count = this.#length();
    if (count * least > this.#bytes.length - this.#at) throw new BadPayload();
    const all: T[] = [];
    while (all.length < count) all.push(read());
    return filled(all);
  }

  #length(): number {
    const first = this.#byte();
    const kind = first >> 6;
    if (kind === SPECIAL) throw new BadPayload();
    return this.#lengthOf(first);
  }

  #lengthOf(first: number): number {
    if (first < 0x40) return first;
    if (first < 0x80) return ((first & 0x3f) << 8) | this.#byte();
    if (first === LENGTH_32) return this.#take(4).readUInt32BE(0);
    if (first === LENGTH_64) return Number(this.#take(8).readBigUInt64BE(0));
    throw new BadPayload();
  }

  #string(): Buffer {
    const first = this.#byte();
    if (first >> 6 !== SPECIAL) return this.#take(this.#lengthOf(first));
    switch (first & 0x3f) {
      case 0:
        return Buffer.from(String(this.#take(1).readInt8(0)));
      case 1:
        return Buffer.from(String(this.#take(2).readInt16LE(0)));
      case 2:
        return Buffer.from(String(this.#take(4).readInt32LE(0)));
      case 3: {
        const packed = this.#length();
        const length = this.#length();
        if (length > this.#maxBytes) throw new BadPayload();
        return unpackLzf(this.#take(packed), length);
      }
      default:
        throw new BadPayload();
    }
  }

  /** A part of a list. */
  #node(): Buffer[] {
    const kind = this.#length();
    if (kind === PLAIN_NODE) return [this.#string()];
    if (kind === PACKED_NODE) return filled(listpack(this.#string()));
    throw new BadPayload();
  }

  #score(): number {
    const score = this.#take(8).readDoubleLE(0);
    if (Number.isNaN(score)) throw new BadPayload();
    return score;
  }
}

function filled<T>(elements: T[]): T[] {
  if (elements.length === 0) throw new BadPayload();
  return elements;
}

function pairsOf(elements: readonly Buffer[]): [Buffer, Buffer][] {
  if (elements.length === 0 || elements.length % 2 === 1) throw new BadPayload();
  const pairs: [Buffer, Buffer][] = [];
  for (let index = 0; index < elements.length; index += 2) {
    pairs.push([elements[index] as Buffer, elements[index + 1] as Buffer]);
  }
  return pairs;
}

function scoreOf(bytes: Buffer): number {
  const text = bytes.toString('latin1');
  const infinite = /^([+-]?)inf$/.exec(text);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const score = Number(text);
  if (text === '' || Number.isNaN(score)) throw new BadPayload();
  return score;
}
