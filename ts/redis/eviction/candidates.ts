/**
 * Keys that may be evicted, a few at a time and by chance, and the best of all that were seen.
 *
 * Not the eviction (eviction.ts). To remember: a sample reads no value and sees what is committed; a key of the pool may be
 * gone by the time it is taken, so it is looked at again. Keys of one sample follow one another in the order of keys.
 */

import type { ScanEntry } from '../../io/kv-scan.ts';
import { Code } from '../../io/native-types.ts';
import type { Bounds } from '../../kv/store.ts';
import type { Database } from '../database.ts';
import { type StoreView, textOf } from '../store-view.ts';
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
/** Random places that are looked at while the pool is less than half full. */
const PLACES = 8;
/** Keys looked at behind a random place for those that expire. */
const NEARBY = 64;
/** Bytes of keys of a look. */
const LOOK_BYTES = 64 * 1024;
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
  /** Gone since the engine was last handed what is gone: it still has them. */
  readonly #gone = new Set<string>();
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
    for (let looked = 0; looked === 0 || (looked < PLACES && this.#pool.length < POOL / 2); looked += 1) {
      this.#sample(places, Math.random() * total, wanted, nowMs);
      if (this.#policy.order === 'random' && this.#pool.length > 0) break;
    }
    if (this.#pool.length === 0 && this.#policy.isVolatile) this.#search(places, nowMs);
    for (let best = this.#pool.pop(); best !== undefined; best = this.#pool.pop()) {
      if (!this.#isStillGood(best, nowMs)) continue;
      this.#gone.add(nameOf(best.db, best.text));
      return best;
    }
    return null;
  }

  /** What was answered could not go yet: it is the first to be taken again. */
  giveBack(candidate: Candidate): void {
    this.#gone.delete(nameOf(candidate.db, candidate.text));
    this.#pool.push(candidate);
  }

  /** The engine has been handed everything that is gone. */
  settled(): void {
    this.#gone.clear();
  }

  /** Looks at a few keys from a random place on; of those that follow one another some may expire. */
  #sample(places: readonly Place[], at: number, samples: number, nowMs: number): void {
    let left = Math.floor(at);
    for (const place of places) {
      if (left >= place.count) {
        left -= place.count;
        continue;
      }
      const from = place.view.store.nthBetween(NOTHING, undefined, left);
      if (!(from instanceof Buffer)) return;
      const keys = look(place, { gte: from }, this.#policy.isVolatile ? NEARBY : samples).filter((key) => {
        return !this.#policy.isVolatile || key.expiresMs !== 0;
      });
      for (const key of keys.slice(0, samples)) this.#offer(place, key, nowMs);
      return;
    }
  }

  /** Looks for keys that expire in the order of keys, where the last search has ended. */
  #search(places: readonly Place[], nowMs: number): void {
    for (let page = 0; page < PAGES && this.#pool.length === 0; page += 1) {
      const place = places[this.#cursor.place % places.length] as Place;
      const keys = look(place, { gt: this.#cursor.after }, PAGE);
      for (const key of keys) if (key.expiresMs !== 0) this.#offer(place, key, nowMs);
      const last = keys.at(-1);
      this.#cursor =
        keys.length === PAGE && last !== undefined
          ? { place: this.#cursor.place, after: last.key }
          : { place: (this.#cursor.place + 1) % places.length, after: NOTHING };
    }
  }

  /** Puts a key among the best; the best is the last. */
  #offer({ db, isHead }: Place, { key, expiresMs }: ScanEntry, nowMs: number): void {
    const text = textOf(key);
    if (this.#gone.has(nameOf(db, text))) return;
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
    const place = { view: isHead ? db.heads : db.strings };
    const [entry] = look(place, { gte: key, lte: key }, 1);
    if (entry === undefined || (entry.expiresMs !== 0 && entry.expiresMs <= nowMs)) return false;
    return !this.#policy.isVolatile || entry.expiresMs !== 0;
  }
}

/** Keys of a place as far as they are committed, without their values. */
function look({ view }: Pick<Place, 'view'>, bounds: Bounds, limit: number): readonly ScanEntry[] {
  const page = view.store.scanPage(bounds, { keysOnly: true, limit, bytes: LOOK_BYTES }, () => {});
  return page?.code === Code.ok ? page.entries : [];
}

function nameOf(db: Database, text: string): string {
  return `${db.index} ${text}`;
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
