/**
 * One of the numbered databases: keys with a type, a value and perhaps an expiry.
 *
 * Strings lie in a store of their own as they are, so that the embedded API reads the same bytes; the head of a collection
 * lies in a second store, its members in a third, under the number that the head names. To remember: a key is in the
 * first or in the second store, never in both, and all changes of it go through here.
 */

import { type Collection, decodeHead, encodeHead } from './collection-head.ts';
import { expiryKey } from './collections.ts';
import { CommandError, errors } from './protocol/errors.ts';
import { type Entry, type StoreView, textOf } from './store-view.ts';
import type { TurnWrites } from './turn-writes.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** What a key may hold. */
export type KeyType = 'string' | 'list' | 'set' | 'zset' | 'hash';

/** What all databases of a server share. */
export interface DatabaseHost {
  /** ms since 1970 of the command that runs. */
  readonly nowMs: number;
  readonly writes: TurnWrites;
  /** A key was looked up for a command; only of those that read it counts. */
  looked(isFound: boolean): void;
  /** A key was read or written. `text`: a character a byte. */
  used(db: number, text: string): void;
  /** Somebody has to be told of changed keys. */
  readonly isWatched: boolean;
  /** Somebody wants keyspace events. */
  readonly wantsEvents: boolean;
  /** Members of a collection that is gone are to be removed. */
  purge(database: Database, id: number): void;
}

export class Database {
  readonly index: number;
  readonly strings: StoreView;
  readonly heads: StoreView;
  readonly members: StoreView;
  readonly #host: DatabaseHost;
  /** Whether there may be collections: without, no second look is needed. */
  mayHaveHeads = true;

  constructor(index: number, host: DatabaseHost, strings: StoreView, heads: StoreView, members: StoreView) {
    this.index = index;
    this.#host = host;
    this.strings = strings;
    this.heads = heads;
    this.members = members;
  }

  /** Nothing is on its way from the disk, so that nobody holds what a write past him would make old. */
  get isAtRest(): boolean {
    return this.strings.isAtRest && this.heads.isAtRest && this.members.isAtRest;
  }

  /** Somebody follows the changes of one of its stores. */
  get isFollowed(): boolean {
    return this.strings.store.isFollowed || this.heads.store.isFollowed || this.members.store.isFollowed;
  }

  /** The string under a key, null when there is no such key. Throws WRONGTYPE. */
  string(key: Buffer): Entry | null {
    const text = textOf(key);
    const entry = this.strings.get(key, this.#host.nowMs, text);
    if (entry === null && this.#head(key, text) !== null) throw new CommandError(errors.wrongType);
    this.#looked(text, entry !== null);
    return entry;
  }

  #looked(text: string, isFound: boolean): void {
    this.#host.looked(isFound);
    if (isFound) this.#host.used(this.index, text);
  }

  /** The string under a key, null for anything else. */
  stringOrNull(key: Buffer): Entry | null {
    const text = textOf(key);
    const entry = this.strings.get(key, this.#host.nowMs, text);
    this.#looked(text, entry !== null);
    return entry;
  }

  #head(key: Buffer, text: string): Entry | null {
    return this.mayHaveHeads ? this.heads.get(key, this.#host.nowMs, text) : null;
  }

  /** The collection under a key, null when there is no such key. Throws WRONGTYPE. */
  collection(key: Buffer, type: KeyType): Collection | null {
    const text = textOf(key);
    const head = this.#head(key, text);
    if (head !== null) {
      const collection = decodeHead(head);
      if (collection.type !== type) throw new CommandError(errors.wrongType);
      this.#looked(text, true);
      return collection;
    }
    if (this.strings.get(key, this.#host.nowMs, text) !== null) throw new CommandError(errors.wrongType);
    this.#host.looked(false);
    return null;
  }

  /** Puts a changed head; one without members is removed, and its key with it. */
  setCollection(key: Buffer, head: Collection): void {
    this.mayHaveHeads = true;
    if (head.count === 0) {
      this.heads.remove(key);
      this.#expiryChanged(head.id, head.expiresMs, 0);
      this.touched(key);
      this.notify('g', 'del', key);
      return;
    }
    this.heads.put(key, encodeHead(head), head.expiresMs);
    this.touched(key);
  }

  /** What a key holds, whatever it is. */
  entry(key: Buffer): { type: KeyType; entry: Entry } | null {
    const text = textOf(key);
    const entry = this.strings.get(key, this.#host.nowMs, text);
    const head = entry === null ? this.#head(key, text) : null;
    this.#looked(text, entry !== null || head !== null);
    if (entry !== null) return { type: 'string', entry };
    return head === null ? null : { type: decodeHead(head).type, entry: head };
  }

  has(key: Buffer): boolean {
    return this.entry(key) !== null;
  }

  /** Makes the key hold this string, whatever it held. `expiresMs`: 0 = never. */
  setString(key: Buffer, value: Buffer, expiresMs: number): void {
    const text = textOf(key);
    const head = this.#head(key, text);
    if (head !== null) this.#drop(key, text, head);
    this.strings.put(key, value, expiresMs, text);
    this.#host.used(this.index, text);
    this.touched(key, text);
  }

  #drop(key: Buffer, text: string, head: Entry): void {
    const { id } = decodeHead(head);
    this.heads.remove(key, text);
    this.#expiryChanged(id, head.expiresMs, 0);
    this.#host.purge(this, id);
  }

  /** Keeps the list of collections that expire. */
  #expiryChanged(id: number, beforeMs: number, expiresMs: number): void {
    if (beforeMs !== 0) this.members.remove(expiryKey(beforeMs, id));
    if (expiresMs !== 0) this.members.put(expiryKey(expiresMs, id), NOTHING, 0);
  }

  /** Removes a key; answers whether it was there. */
  remove(key: Buffer): boolean {
    const text = textOf(key);
    if (this.strings.get(key, this.#host.nowMs, text) !== null) {
      this.strings.remove(key, text);
      this.touched(key, text);
      return true;
    }
    const head = this.#head(key, text);
    if (head === null) return false;
    this.#drop(key, text, head);
    this.touched(key, text);
    return true;
  }

  /** Removes a key for want of room, without reading what it holds. May throw `Cold` for a collection. */
  evict(key: Buffer, isHead: boolean): void {
    const text = textOf(key);
    if (isHead) {
      const head = this.#head(key, text);
      if (head === null) return;
      this.#drop(key, text, head);
    } else {
      this.strings.remove(key, text);
    }
    this.touched(key, text);
    this.notify('e', 'evicted', key);
  }

  /** Changes when a key that is there expires; 0 = never. */
  setExpiry(key: Buffer, expiresMs: number): void {
    const found = this.entry(key);
    if (found === null) return;
    const { type, entry } = found;
    if (type !== 'string') this.#expiryChanged(decodeHead(entry).id, entry.expiresMs, expiresMs);
    const view = type === 'string' ? this.strings : this.heads;
    view.put(key, entry.value, expiresMs);
    this.touched(key);
  }

  /** Makes `to` of `target` hold what `from` holds, which is gone then. */
  move(from: Buffer, target: Database, to: Buffer): void {
    const found = this.entry(from);
    if (found === null) return;
    const { type, entry } = found;
    target.remove(to);
    if (type === 'string') {
      this.strings.remove(from);
      target.strings.put(to, entry.value, entry.expiresMs);
    } else {
      this.heads.remove(from);
      target.mayHaveHeads = true;
      target.heads.put(to, entry.value, entry.expiresMs);
    }
    this.touched(from);
    target.touched(to);
  }

  /** Keys that are there. */
  count(): number {
    const { nowMs } = this.#host;
    return this.strings.count(nowMs) + (this.mayHaveHeads ? this.heads.count(nowMs) : 0);
  }

  /** Keys that expire, as far as the engine counts them. */
  expiring(): number {
    return [this.strings, this.heads].reduce((sum, { store }) => {
      const { expiring } = store.stats();
      return sum + (typeof expiring === 'number' ? expiring : 0);
    }, 0);
  }

  /** Removes everything: a record for each store, whatever the size. */
  clear(): void {
    for (const view of [this.strings, this.heads, this.members]) view.clear();
    if (this.#host.isWatched) this.#host.writes.touched.push({ db: this.index, key: null });
  }

  /** A key was changed: whoever watches or tracks it is told when the command is done. */
  touched(key: Buffer, text: string = textOf(key)): void {
    if (this.#host.isWatched) this.#host.writes.touched.push({ db: this.index, key: text });
  }

  /** A keyspace event; it is sent when the command is done, if anybody wants it. */
  notify(kind: string, event: string, key: Buffer): void {
    if (this.#host.wantsEvents) this.#host.writes.events.push({ db: this.index, kind, event, key });
  }

  begin(): void {
    this.strings.begin();
    this.heads.begin();
    this.members.begin();
  }

  end(): void {
    this.strings.end();
    this.heads.end();
    this.members.end();
  }
}
