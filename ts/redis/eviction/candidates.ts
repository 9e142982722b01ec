/**
 * Keys that may be evicted, a few at a time and by chance, and the best of all that were seen.
 *
 * Not the eviction (eviction.ts). To remember: a sample reads no value; a key of the pool may be gone by the time it is
 * taken, so it is looked at again.
 */

import type { Database } from '../database.ts';
import { type RangeEntry, type StoreView, textOf } from '../store-view.ts';
import type { AccessTable } from './access-table.ts';
import type { Policy } from './policies.ts';

/** A key that may go. */
export interface Candidate {
  readonly db: Database;
  /** Whether it holds a collection. */
  readonly isHead: boolean;
  readonly key: Buffer;
  readonly text: string;
  /** The higher, the sooner it goes. */
  readonly merit: number;
}

/** Candidates that are remembered, as in Redis. */
const POOL = 16;
/** Keys looked at behind a random place for one that expires. */
const NEARBY = 32;
/** Keys looked at in one go, and how many such, when chance finds none that expires. */
const PAGE = 500;
const PAGES = 8;
const NOTHING: Buffer = Buffer.alloc(0);

interface Place {
  readonly db: Database;
  readonly isHead: boolean;
  readonly view: StoreView;
  readonly count: number;
}

export class Candidates {
  readonly #policy: Policy;
  readonly #access: AccessTable | null;
  #pool: Candidate[] = [];
  /** Where the search for keys that expire goes on: a place, and the key behind which. */
  #cursor: { place: number; after: Buffer } = { place: 0, after: NOTHING };

  constructor(policy: Policy, access: AccessTable | null) {
    this.#policy = policy;
    this.#access = access;
  }

  /** The next key to go, among `samples` new ones and the best of before; null when there is none that may. */
  next(databases: readonly Database[], samples: number, nowMs: number): Candidate | null {
    const places = placesOf(databases);
    const total = places.reduce((sum, { count }) => sum + count, 0);
    if (total === 0) return null;
    const wanted = this.#policy.order === 'random' ? 1 : samples;
    for (let sample = 0; sample < wanted; sample += 1) this.#sample(places, Math.random() * total, nowMs);
    if (this.#pool.length === 0 && this.#policy.isVolatile) this.#search(places, nowMs);
    for (let best = this.#pool.pop(); best !== undefined; best = this.#pool.pop()) {
      if (this.#isStillGood(best, nowMs)) return best;
    }
    return null;
  }

  /** What was answered could not go yet: it is the first to be taken again. */
  giveBack(candidate: Candidate): void {
    this.#pool.push(candidate);
  }

  /** Looks at the key at a random place, or the first behind it that expires. */
  #sample(places: readonly Place[], at: number, nowMs: number): void {
    let left = Math.floor(at);
    for (const place of places) {
      if (left >= place.count) {
        left -= place.count;
        continue;
      }
      const from = place.view.store.nthBetween(NOTHING, undefined, left);
      if (!(from instanceof Buffer)) return;
      const limit = this.#policy.isVolatile ? NEARBY : 1;
      const { entries } = place.view.range({ from, keysOnly: true, limit }, nowMs);
      const found = this.#policy.isVolatile ? entries.find(({ expiresMs }) => expiresMs !== 0) : entries[0];
      if (found !== undefined) this.#offer(place, found, nowMs);
      return;
    }
  }

  /** Looks for keys that expire in the order of keys, where the last search has ended. */
  #search(places: readonly Place[], nowMs: number): void {
    for (let page = 0; page < PAGES && this.#pool.length === 0; page += 1) {
      const place = places[this.#cursor.place % places.length] as Place;
      const request = { from: this.#cursor.after, after: this.#cursor.after.length > 0, keysOnly: true, limit: PAGE };
      const { entries, hasMore } = place.view.range(request, nowMs);
      for (const entry of entries) if (entry.expiresMs !== 0) this.#offer(place, entry, nowMs);
      const last = entries.at(-1);
      this.#cursor =
        hasMore && last !== undefined
          ? { place: this.#cursor.place, after: last.key }
          : { place: (this.#cursor.place + 1) % places.length, after: NOTHING };
    }
  }

  /** Puts a key among the best; the best is the last. */
  #offer({ db, isHead }: Place, { key, expiresMs }: RangeEntry, nowMs: number): void {
    const text = textOf(key);
    if (this.#pool.some((known) => known.text === text && known.db === db)) return;
    const candidate = { db, isHead, key, text, merit: this.#merit(db, text, expiresMs, nowMs) };
    const behind = this.#pool.findIndex(({ merit }) => merit > candidate.merit);
    this.#pool.splice(behind < 0 ? this.#pool.length : behind, 0, candidate);
    if (this.#pool.length > POOL) this.#pool.shift();
  }

  #merit(db: Database, text: string, expiresMs: number, nowMs: number): number {
    switch (this.#policy.order) {
      case 'lru':
        return this.#access?.idleMs(db.index, text, nowMs) ?? 0;
      case 'lfu':
        return 255 - (this.#access?.frequency(db.index, text, nowMs) ?? 0);
      case 'ttl':
        return -expiresMs;
      default:
        return 0;
    }
  }

  #isStillGood({ db, isHead, key }: Candidate, nowMs: number): boolean {
    const view = isHead ? db.heads : db.strings;
    const to = Buffer.concat([key, Buffer.alloc(1)]);
    const [entry] = view.range({ from: key, to, keysOnly: true, limit: 1 }, nowMs).entries;
    return entry !== undefined && (!this.#policy.isVolatile || entry.expiresMs !== 0);
  }
}

/** Where keys lie, as far as they are committed. */
function placesOf(databases: readonly Database[]): Place[] {
  return databases.flatMap((db) =>
    [
      { db, isHead: false, view: db.strings, count: db.strings.store.count() },
      { db, isHead: true, view: db.heads, count: db.mayHaveHeads ? db.heads.store.count() : 0 },
    ].filter(({ count }) => count > 0),
  );
}
