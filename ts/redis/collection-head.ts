/**
 * The head of a collection: its type, the number its members lie under, how many they are.
 *
 * Not the members (collection-members.ts). To remember: a number is never given out twice, so members that are left of a
 * collection that was removed belong to nobody.
 */

import type { KeyType } from './database.ts';
import type { Entry } from './store-view.ts';

export interface Collection {
  readonly type: KeyType;
  /** Under which its members lie; below 2^53. */
  readonly id: number;
  count: number;
  /** Of a list: the position of its first member, and the one behind its last. */
  first: number;
  end: number;
  /** ms since 1970, 0 = never. */
  readonly expiresMs: number;
}

const types: readonly KeyType[] = ['string', 'list', 'set', 'zset', 'hash'];
const HEAD_BYTES = 33;
const ID_AT = 1;
const COUNT_AT = 9;
const FIRST_AT = 17;
const END_AT = 25;

export function encodeHead(head: Collection): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes[0] = types.indexOf(head.type);
  bytes.writeDoubleBE(head.id, ID_AT);
  bytes.writeDoubleBE(head.count, COUNT_AT);
  bytes.writeDoubleBE(head.first, FIRST_AT);
  bytes.writeDoubleBE(head.end, END_AT);
  return bytes;
}

export function decodeHead({ value, expiresMs }: Entry): Collection {
  const type = types[value[0] ?? 0];
  if (value.length !== HEAD_BYTES || type === undefined || type === 'string') {
    throw new Error('a store of collection heads holds something else');
  }
  return {
    type,
    id: value.readDoubleBE(ID_AT),
    count: value.readDoubleBE(COUNT_AT),
    first: value.readDoubleBE(FIRST_AT),
    end: value.readDoubleBE(END_AT),
    expiresMs,
  };
}
