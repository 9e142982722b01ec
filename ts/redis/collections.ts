/**
 * What all collections share: numbers for their members, copies, and the removal of what is left of those that are gone.
 *
 * Not their commands. To remember: removing a collection writes one record, a mark that names its number; the members go
 * later, a few at a time, and the mark after the last of them, so a restart goes on where it was. A collection that expires
 * is in a list of those by moment, exactly as long as its head has that expiry: nobody else would remember its number.
 */

import { type Collection, encodeHead } from './collection-head.ts';
import type { Call } from './command.ts';
import type { Database, KeyType } from './database.ts';

/** Members removed in one turn, and copied in one go. */
const STEP = 500;
const ID_BYTES = 8;
/** Marks of collections whose members are to be removed lie under the number 0. */
const MARKS = 0;
/** Numbers of collections that expire, by moment, lie under the number 1. */
const EXPIRIES = 1;
/** Members of what has expired stay so long, ms: until then a clock may be set back, and the collection be there again. */
const KEPT_MS = 60_000;
const NOTHING: Buffer = Buffer.alloc(0);

/** What lies in front of the keys of all members of a collection. */
export function memberPrefix(id: number): Buffer {
  const bytes = Buffer.allocUnsafe(ID_BYTES);
  bytes.writeBigUInt64BE(BigInt(id));
  return bytes;
}

/** The key of a member. */
export function memberKey(id: number, member: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(ID_BYTES + member.length);
  bytes.writeBigUInt64BE(BigInt(id));
  member.copy(bytes, ID_BYTES);
  return bytes;
}

/** The place of a collection in the list of those that expire. */
export function expiryKey(expiresMs: number, id: number): Buffer {
  return memberKey(EXPIRIES, Buffer.concat([memberPrefix(expiresMs), memberPrefix(id)]));
}

/** The member of a key. */
export function memberOf(key: Buffer): Buffer {
  return key.subarray(ID_BYTES);
}

export class Collections {
  readonly #pending: { db: Database; id: number }[] = [];
  #lastId: number;
  readonly #wakePurge: () => void;

  /** `wakePurge` has `purgeSome` called within a turn, soon. */
  constructor(wakePurge: () => void) {
    this.#wakePurge = wakePurge;
    // Numbers are moments, with room between: they grow over restarts as long as fewer than 4096 are made in a ms.
    this.#lastId = Date.now() * 4096;
  }

  /** A new collection without members. */
  create(type: Exclude<KeyType, 'string'>): Collection {
    this.#lastId += 1;
    return { type, id: this.#lastId, count: 0, first: 0, end: 0, expiresMs: 0 };
  }

  /** Puts a copy of a collection with all its members under another key. */
  copy({ nowMs }: Call, db: Database, from: Buffer, target: Database, to: Buffer): void {
    const found = db.entry(from);
    if (found === null || found.type === 'string') return;
    const source = db.collection(from, found.type) as Collection;
    const copied = { ...source, id: this.create(found.type).id };
    const entries = [...this.members(db, source.id, nowMs)];
    target.remove(to);
    for (const { key, value } of entries) target.members.put(memberKey(copied.id, memberOf(key)), value, 0);
    target.mayHaveHeads = true;
    target.heads.put(to, encodeHead(copied), copied.expiresMs);
    if (copied.expiresMs !== 0) target.members.put(expiryKey(copied.expiresMs, copied.id), NOTHING, 0);
    target.touched(to);
  }

  /** All members of a collection in order. */
  *members(db: Database, id: number, nowMs: number): Iterable<{ key: Buffer; value: Buffer }> {
    let from = memberPrefix(id);
    const to = memberPrefix(id + 1);
    for (let after = false; ; after = true) {
      const { entries, hasMore } = db.members.range({ from, after, to, limit: STEP }, nowMs);
      yield* entries;
      const last = entries.at(-1);
      if (!hasMore || last === undefined) return;
      from = last.key;
    }
  }

  /** The members of a collection that is gone are to be removed. */
  purge(db: Database, id: number): void {
    db.members.put(memberKey(MARKS, memberPrefix(id)), NOTHING, 0);
    this.#pending.push({ db, id });
    this.#wakePurge();
  }

  /** Members of collections that are gone are still being removed. */
  get isPurging(): boolean {
    return this.#pending.length > 0;
  }

  /** Finds what an earlier run has left to be removed. */
  resume(databases: readonly Database[], nowMs: number): void {
    for (const db of databases) {
      for (const { key } of this.members(db, MARKS, nowMs)) {
        this.#pending.push({ db, id: Number(memberOf(key).readBigUInt64BE()) });
      }
    }
    if (this.#pending.length > 0) this.#wakePurge();
  }

  /** Finds collections that have expired, within a turn; their members go as those of removed ones do. */
  sweepExpired(databases: readonly Database[], nowMs: number): void {
    if (nowMs <= KEPT_MS) return;
    for (const db of databases) {
      const request = { from: memberPrefix(EXPIRIES), to: expiryKey(nowMs - KEPT_MS, 0), keysOnly: true, limit: STEP };
      for (const { key } of db.members.range(request, nowMs).entries) {
        db.members.remove(key);
        this.purge(db, Number(memberOf(key).readBigUInt64BE(ID_BYTES)));
      }
    }
  }

  /** Removes a few members, within a turn. */
  purgeSome(nowMs: number): void {
    const next = this.#pending[0];
    if (next === undefined) return;
    const { db, id } = next;
    const { entries } = db.members.range(
      { from: memberPrefix(id), to: memberPrefix(id + 1), keysOnly: true, limit: STEP },
      nowMs,
    );
    for (const { key } of entries) db.members.remove(key);
    if (entries.length < STEP) {
      db.members.remove(memberKey(MARKS, memberPrefix(id)));
      this.#pending.shift();
    }
    if (this.#pending.length > 0) this.#wakePurge();
  }
}
