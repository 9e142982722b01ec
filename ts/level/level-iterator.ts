/**
 * Iterators of the level adapter: entries, keys or values of one range, a page a crossing.
 *
 * Not decoding and not the limit: abstract-level does both. To remember: an iterator sees the store as it was when it was
 * made; the snapshot that makes it so is given back when it is closed.
 */

import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from 'abstract-level';
import type { ScanEntry } from '../io/kv-scan.ts';
import { RangePages } from '../kv/kv-range.ts';
import type { Bounds, Store } from '../kv/store.ts';
import type { MillraceLevel } from './millrace-level.ts';

/** Options as abstract-level hands them on: bounds are encoded, the limit is -1 for none. */
export interface LevelRange extends Bounds {
  readonly reverse?: boolean;
  readonly values?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly snapshot?: { readonly id: number } | undefined;
}

/** What all three kinds of iterators share: where they are in their range. */
class Cursor {
  readonly #store: Store;
  readonly #range: LevelRange;
  readonly #keysOnly: boolean;
  readonly #snapshot: number;
  /** The snapshot is the caller's. */
  readonly #isBorrowed: boolean;
  #pages: RangePages;
  #page: readonly ScanEntry[] = [];
  #at = 0;

  constructor(store: Store, range: LevelRange, keysOnly: boolean) {
    this.#store = store;
    this.#range = range;
    this.#keysOnly = keysOnly;
    this.#isBorrowed = range.snapshot !== undefined;
    this.#snapshot = range.snapshot?.id ?? store.snapshot();
    this.#pages = this.#pagesOf(range);
  }

  #pagesOf(bounds: Bounds): RangePages {
    return new RangePages({
      store: this.#store,
      snapshot: this.#snapshot,
      bounds,
      reverse: this.#range.reverse === true,
      keysOnly: this.#keysOnly,
      limit: Number.POSITIVE_INFINITY,
      signal: undefined,
      assertOpen: () => {},
    });
  }

  /** The next entries, at most `most`; none at the end. */
  async take(most: number): Promise<ScanEntry[]> {
    const { signal } = this.#range;
    if (signal) {
      // Whoever aborts in the turn of the call is heard.
      await Promise.resolve();
      if (signal.aborted) throw new LevelAbortError(signal.reason);
    }
    if (this.#at === this.#page.length) {
      this.#page = await this.#pages.next(most);
      this.#at = 0;
    }
    const end = Math.min(this.#page.length, this.#at + most);
    const entries = this.#page.slice(this.#at, end);
    this.#at = end;
    return entries;
  }

  /** Everything that is left, at most `most` entries. */
  async takeAll(most: number): Promise<ScanEntry[]> {
    const all: ScanEntry[] = [];
    while (all.length < most) {
      const page = await this.take(most - all.length);
      if (page.length === 0) break;
      for (const entry of page) all.push(entry);
    }
    return all;
  }

  /** Goes on at `target`, or where the range begins when `target` lies before it. */
  seek(target: Uint8Array): void {
    const { gt, gte, lt, lte, reverse } = this.#range;
    this.#pages.close();
    this.#page = [];
    this.#at = 0;
    const first = gte ?? gt;
    const last = lte ?? lt;
    const bounds: Bounds = { gt, gte, lt, lte };
    if (reverse) {
      const order = last === undefined ? -1 : Buffer.compare(target, last);
      this.#pages = this.#pagesOf(order < 0 ? { gt, gte, lte: target } : bounds);
    } else {
      const order = first === undefined ? 1 : Buffer.compare(target, first);
      this.#pages = this.#pagesOf(order > 0 ? { lt, lte, gte: target } : bounds);
    }
  }

  close(): void {
    this.#pages.close();
    if (!this.#isBorrowed) this.#store.release(this.#snapshot);
  }
}

/** The error of an aborted iterator, as abstract-level's users know it. */
export class LevelAbortError extends Error {
  readonly code = 'LEVEL_ABORTED';

  constructor(cause: unknown) {
    super('Operation has been aborted', { cause });
    this.name = 'AbortError';
  }
}

type Options = ConstructorParameters<typeof AbstractIterator>[1];
type Database = MillraceLevel<unknown, unknown>;

/** How many entries `_all` may still give. */
function leftOf(iterator: { readonly limit: number; readonly count: number }): number {
  return iterator.limit - iterator.count;
}

/** Entries of a range. */
export class LevelIterator extends AbstractIterator<Database, unknown, unknown> {
  readonly #cursor: Cursor;

  constructor(db: Database, store: Store, options: LevelRange) {
    super(db, options as Options);
    this.#cursor = new Cursor(store, options, options.values === false);
  }

  async _next(): Promise<[Buffer, Buffer] | undefined> {
    const [entry] = await this.#cursor.take(1);
    return entry && [entry.key, entry.value];
  }

  async _nextv(size: number): Promise<[Buffer, Buffer][]> {
    return pairs(await this.#cursor.take(size));
  }

  async _all(): Promise<[Buffer, Buffer][]> {
    return pairs(await this.#cursor.takeAll(leftOf(this)));
  }

  _seek(target: Uint8Array): void {
    this.#cursor.seek(target);
  }

  async _close(): Promise<void> {
    this.#cursor.close();
  }
}

/** Keys of a range: no value is read. */
export class LevelKeyIterator extends AbstractKeyIterator<Database, unknown> {
  readonly #cursor: Cursor;

  constructor(db: Database, store: Store, options: LevelRange) {
    super(db, options as Options);
    this.#cursor = new Cursor(store, options, true);
  }

  async _next(): Promise<Buffer | undefined> {
    const [entry] = await this.#cursor.take(1);
    return entry?.key;
  }

  async _nextv(size: number): Promise<Buffer[]> {
    return keys(await this.#cursor.take(size));
  }

  async _all(): Promise<Buffer[]> {
    return keys(await this.#cursor.takeAll(leftOf(this)));
  }

  _seek(target: Uint8Array): void {
    this.#cursor.seek(target);
  }

  async _close(): Promise<void> {
    this.#cursor.close();
  }
}

/** Values of a range. */
export class LevelValueIterator extends AbstractValueIterator<Database, unknown, unknown> {
  readonly #cursor: Cursor;

  constructor(db: Database, store: Store, options: LevelRange) {
    super(db, options as Options);
    this.#cursor = new Cursor(store, options, false);
  }

  async _next(): Promise<Buffer | undefined> {
    const [entry] = await this.#cursor.take(1);
    return entry?.value;
  }

  async _nextv(size: number): Promise<Buffer[]> {
    return values(await this.#cursor.take(size));
  }

  async _all(): Promise<Buffer[]> {
    return values(await this.#cursor.takeAll(leftOf(this)));
  }

  _seek(target: Uint8Array): void {
    this.#cursor.seek(target);
  }

  async _close(): Promise<void> {
    this.#cursor.close();
  }
}

function pairs(entries: readonly ScanEntry[]): [Buffer, Buffer][] {
  return entries.map(({ key, value }) => [key, value]);
}

function keys(entries: readonly ScanEntry[]): Buffer[] {
  return entries.map(({ key }) => key);
}

function values(entries: readonly ScanEntry[]): Buffer[] {
  return entries.map(({ value }) => value);
}
