/**
 * A sorted set on the disk: for every member a key that holds its score, and one in the order of scores.
 *
 * Not ranges as commands name them (ranges.ts). The invariants to remember: both keys of a member are written in one frame;
 * no score is outside of the head's `first` and `end`, which may be further apart than the scores are: so a queue that is
 * emptied at one end is not walked over what is gone. `save` puts the head.
 */

import type { Collection } from '../collection-head.ts';
import type { Call } from '../command.ts';
import { walkMembers } from '../member-walk.ts';
import { CommandError } from '../protocol/errors.ts';
import { readScore, SCORE_BYTES, writeScore } from './score-order.ts';

/** One member. */
export interface Scored {
  readonly member: Buffer;
  readonly score: number;
}

/** A part of the keys that are in the order of scores: from, inclusive, and to, exclusive. */
export interface ScoreKeys {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** How to walk. */
export interface WalkOptions {
  readonly reverse?: boolean;
  /** How many members are expected to be looked at. */
  readonly expected?: number;
}

const ID_BYTES = 8;
/** Behind the number of the set: which kind of key it is. */
const BY_MEMBER = 1;
const BY_SCORE = 2;
const SCORE_AT = ID_BYTES + 1;
const MEMBER_AT = SCORE_AT + SCORE_BYTES;
const NOTHING: Buffer = Buffer.alloc(0);
const LACKING = 'ERR the sorted set lacks a member on the disk; the server log names what is damaged';

export class StoredSortedSet {
  /** In front of members in the keys that SCAN walks. */
  static readonly scanPart: Buffer = Buffer.from([BY_MEMBER]);
  readonly #call: Call;
  readonly #key: Buffer;
  readonly #head: Collection;
  #isHeadChanged = false;
  #isChanged = false;

  private constructor(call: Call, key: Buffer, head: Collection) {
    this.#call = call;
    this.#key = key;
    this.#head = head;
  }

  /** The sorted set under a key, null when there is no such key. Throws WRONGTYPE. */
  static open(call: Call, key: Buffer): StoredSortedSet | null {
    const head = call.db.collection(key, 'zset');
    return head && new StoredSortedSet(call, key, head);
  }

  /** The sorted set under a key, or a new one. Throws WRONGTYPE. */
  static openOrCreate(call: Call, key: Buffer): StoredSortedSet {
    return new StoredSortedSet(call, key, call.db.collection(key, 'zset') ?? call.host.collections.create('zset'));
  }

  /** A new sorted set that takes the place of whatever the key holds when it is saved. */
  static replace(call: Call, key: Buffer): StoredSortedSet {
    call.db.remove(key);
    return new StoredSortedSet(call, key, call.host.collections.create('zset'));
  }

  get count(): number {
    return this.#head.count;
  }

  get id(): number {
    return this.#head.id;
  }

  #start(kind: number, bytes: number): Buffer {
    const key = Buffer.allocUnsafe(ID_BYTES + 1 + bytes);
    key.writeBigUInt64BE(BigInt(this.#head.id));
    key[ID_BYTES] = kind;
    return key;
  }

  #memberKey(member: Buffer): Buffer {
    const key = this.#start(BY_MEMBER, member.length);
    member.copy(key, SCORE_AT);
    return key;
  }

  /** The member of an entry that SCAN has met, with its score. */
  static scanned({ key, value }: { readonly key: Buffer; readonly value: Buffer }): Scored {
    return { member: key.subarray(SCORE_AT), score: value.readDoubleBE(0) };
  }

  /** The key of a member in the order of scores; also of one that is not there. */
  scoreKey(score: number, member: Buffer): Buffer {
    const key = this.#start(BY_SCORE, SCORE_BYTES + member.length);
    writeScore(key, score, SCORE_AT);
    member.copy(key, MEMBER_AT);
    return key;
  }

  /** The first key behind all those of a score. */
  behindScore(score: number): Buffer {
    const key = this.scoreKey(score, NOTHING);
    for (let at = key.length - 1; at > ID_BYTES; at -= 1) {
      key[at] = ((key[at] as number) + 1) & 255;
      if (key[at] !== 0) break;
    }
    return key;
  }

  /** The keys of all members. */
  get allKeys(): ScoreKeys {
    return { from: this.scoreKey(this.#head.first, NOTHING), to: this.behindScore(this.#head.end) };
  }

  /** Reads ahead, in one crossing. */
  prefetch(members: readonly Buffer[]): void {
    if (members.length > 1) this.#call.db.members.prefetch(members.map((member) => this.#memberKey(member)));
  }

  score(member: Buffer): number | null {
    const found = this.#call.db.members.get(this.#memberKey(member), this.#call.nowMs);
    return found === null ? null : found.value.readDoubleBE(0);
  }

  /** Gives a member a score; `old` is the one it has, null when it is new. */
  put(member: Buffer, score: number, old: number | null): void {
    const { members } = this.#call.db;
    const value = Buffer.allocUnsafe(SCORE_BYTES);
    value.writeDoubleBE(score === 0 ? 0 : score);
    if (old !== null) members.remove(this.scoreKey(old, member));
    members.put(this.#memberKey(member), value, 0);
    members.put(this.scoreKey(score, member), NOTHING, 0);
    this.#isChanged = true;
    const { count, first, end } = this.#head;
    this.#head.first = count === 0 ? score : Math.min(first, score);
    this.#head.end = count === 0 ? score : Math.max(end, score);
    if (old === null) this.#head.count += 1;
    if (this.#head.first !== first || this.#head.end !== end || old === null) this.#isHeadChanged = true;
  }

  remove({ member, score }: Scored): void {
    const { members } = this.#call.db;
    members.remove(this.#memberKey(member));
    members.remove(this.scoreKey(score, member));
    this.#head.count -= 1;
    this.#isHeadChanged = true;
  }

  *walk(
    keys: ScoreKeys = this.allKeys,
    { reverse = false, expected = this.count }: WalkOptions = {},
  ): Generator<Scored, void, undefined> {
    const range = { ...keys, reverse, keysOnly: true, expected };
    for (const { key } of walkMembers(this.#call.db, range, this.#call.nowMs)) {
      yield { member: key.subarray(MEMBER_AT), score: readScore(key, SCORE_AT) };
    }
  }

  /** Takes away the first (or last) members, at most `count`. */
  pop(count: number, isLast: boolean): Scored[] {
    const popped: Scored[] = [];
    for (const scored of this.walk(this.allKeys, { reverse: isLast, expected: count })) {
      popped.push(scored);
      if (popped.length >= count) break;
    }
    for (const scored of popped) this.remove(scored);
    const last = popped.at(-1);
    if (last !== undefined && isLast) this.#head.end = last.score;
    else if (last !== undefined) this.#head.first = last.score;
    return popped;
  }

  /** How many members lie before a key, in the order of scores. */
  countBefore(key: Buffer): number {
    return this.countBetween({ from: this.allKeys.from, to: key });
  }

  countBetween({ from, to }: ScoreKeys): number {
    return from.compare(to) < 0 ? this.#call.db.members.countBetween(from, to, this.#call.nowMs) : 0;
  }

  /** The member of a rank that is in the set. */
  at(rank: number): Scored {
    const [scored] = this.walk(this.keysFrom(rank, false), { expected: 1 });
    if (scored === undefined) throw new CommandError(LACKING);
    return scored;
  }

  /** The keys from a rank on, to either end: those of a `walk` that begins there. */
  keysFrom(rank: number, reverse: boolean): ScoreKeys {
    const { from, to } = this.allKeys;
    const key = this.#call.db.members.keyAt(from, to, reverse ? this.count - 1 - rank : rank, this.#call.nowMs);
    if (key === null) throw new CommandError(LACKING);
    return reverse ? { from, to: Buffer.concat([key, Buffer.alloc(1)]) } : { from: key, to };
  }

  /** Removes the key with all members at once. */
  drop(): void {
    this.#call.db.remove(this.#key);
    this.#call.db.notify('g', 'del', this.#key);
  }

  /** Puts the head when it has changed; a sorted set without members is gone, and told so. */
  save(): void {
    if (this.#isHeadChanged) this.#call.db.setCollection(this.#key, this.#head);
    else if (this.#isChanged) this.#call.db.touched(this.#key);
  }
}
