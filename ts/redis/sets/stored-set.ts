/**
 * A set on the disk: a key for every member, in the order of a hash, so that chance finds all of them about equally often.
 *
 * Not commands (commands/sets.ts). To remember: `save` puts the head; without it the count is wrong.
 */

import type { Collection } from '../collection-head.ts';
import { memberPrefix } from '../collections.ts';
import type { Call } from '../command.ts';
import { walkMembers } from '../member-walk.ts';
import { hashOf } from './member-hash.ts';

/** Number and hash in front of a member. */
const HEAD_BYTES = 12;
const HASH_AT = 8;
const NOTHING: Buffer = Buffer.alloc(0);
/** Sets up to here are read whole when chance chooses. */
const SMALL = 256;
/** Of a large set so many neighbours are read, and one of them chosen. */
const NEIGHBOURS = 16;

export class StoredSet {
  readonly #call: Call;
  readonly #key: Buffer;
  readonly #head: Collection;
  readonly #countBefore: number;

  private constructor(call: Call, key: Buffer, head: Collection) {
    this.#call = call;
    this.#key = key;
    this.#head = head;
    this.#countBefore = head.count;
  }

  /** The set under a key, null when there is no such key. Throws WRONGTYPE. */
  static open(call: Call, key: Buffer): StoredSet | null {
    const head = call.db.collection(key, 'set');
    return head && new StoredSet(call, key, head);
  }

  /** The set under a key, or a new one. Throws WRONGTYPE. */
  static openOrCreate(call: Call, key: Buffer): StoredSet {
    return new StoredSet(call, key, call.db.collection(key, 'set') ?? call.host.collections.create('set'));
  }

  /** A new set that takes the place of whatever the key holds when it is saved. */
  static replace(call: Call, key: Buffer): StoredSet {
    call.db.remove(key);
    return new StoredSet(call, key, call.host.collections.create('set'));
  }

  get count(): number {
    return this.#head.count;
  }

  get id(): number {
    return this.#head.id;
  }

  /** The key of a member, to go on behind it. */
  keyOf(member: Buffer): Buffer {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + member.length);
    bytes.writeBigUInt64BE(BigInt(this.#head.id));
    bytes.writeUInt32BE(hashOf(member), HASH_AT);
    member.copy(bytes, HEAD_BYTES);
    return bytes;
  }

  /** The member of a key. */
  static memberOf(key: Buffer): Buffer {
    return key.subarray(HEAD_BYTES);
  }

  /** Reads ahead, in one crossing. */
  prefetch(members: readonly Buffer[]): void {
    if (members.length > 1) this.#call.db.members.prefetch(members.map((member) => this.keyOf(member)));
  }

  has(member: Buffer): boolean {
    return this.#call.db.members.get(this.keyOf(member), this.#call.nowMs) !== null;
  }

  /** Answers whether it is new. */
  add(member: Buffer): boolean {
    if (this.has(member)) return false;
    this.#call.db.members.put(this.keyOf(member), NOTHING, 0);
    this.#head.count += 1;
    return true;
  }

  /** Answers whether it was there. */
  remove(member: Buffer): boolean {
    if (!this.has(member)) return false;
    this.#call.db.members.remove(this.keyOf(member));
    this.#head.count -= 1;
    return true;
  }

  *members(): Generator<Buffer, void, undefined> {
    const [from, to] = [memberPrefix(this.#head.id), memberPrefix(this.#head.id + 1)];
    const range = { from, to, keysOnly: true, expected: this.count };
    for (const { key } of walkMembers(this.#call.db, range, this.#call.nowMs)) yield StoredSet.memberOf(key);
  }

  /** A member by chance. */
  random(): Buffer {
    const near = this.count <= SMALL ? [...this.members()] : this.#neighbours();
    return near[Math.floor(Math.random() * near.length)] as Buffer;
  }

  /** So many different members by chance, all of them when there are no more. */
  sample(count: number): Buffer[] {
    if (count * 3 < this.count && this.count > SMALL) {
      const chosen = new Map<string, Buffer>();
      while (chosen.size < count) {
        const member = this.random();
        chosen.set(member.toString('latin1'), member);
      }
      return [...chosen.values()];
    }
    const all = [...this.members()];
    const size = Math.min(count, all.length);
    for (let index = 0; index < size; index += 1) {
      const other = index + Math.floor(Math.random() * (all.length - index));
      [all[index], all[other]] = [all[other] as Buffer, all[index] as Buffer];
    }
    return all.slice(0, size);
  }

  /** Members whose hashes follow a random one. */
  #neighbours(): Buffer[] {
    const { db, nowMs } = this.#call;
    const [first, to] = [memberPrefix(this.#head.id), memberPrefix(this.#head.id + 1)];
    const from = Buffer.concat([first, Buffer.alloc(HEAD_BYTES - HASH_AT)]);
    from.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), HASH_AT);
    const found: Buffer[] = [];
    for (const start of [from, first]) {
      const request = { from: start, to, keysOnly: true, limit: NEIGHBOURS - found.length };
      for (const { key } of db.members.range(request, nowMs).entries) found.push(StoredSet.memberOf(key));
      if (found.length >= NEIGHBOURS) break;
    }
    return found;
  }

  /** Removes the key with all members at once. */
  drop(): void {
    this.#call.db.remove(this.#key);
    this.#call.db.notify('g', 'del', this.#key);
  }

  /** Puts the head when the count has changed; a set without members is gone, and told so. */
  save(): void {
    if (this.#head.count !== this.#countBefore) this.#call.db.setCollection(this.#key, this.#head);
  }
}
