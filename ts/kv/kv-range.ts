/**
 * A range of keys, read lazily: a page a crossing, the same state of the store from the first page to the last.
 *
 * Not the bounds' encoding (kv-view.ts). To remember: one page needs no snapshot; a range that is longer takes one in the
 * very moment its first page was read, and gives it back at the end, on `return` and on failure.
 */

import { abortedError, MillraceError } from '../errors.ts';
import type { ScanEntry, ScanPage } from '../io/kv-scan.ts';
import { fromCode } from '../io/native-error.ts';
import { Code } from '../io/native-types.ts';
import type { Bounds, Store } from './store.ts';

/** What to read of a store. */
export interface RangeRequest {
  readonly store: Store;
  /** 0: as the store is when the first page is read. */
  readonly snapshot: number;
  readonly bounds: Bounds;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  /** Most entries; infinity for all. */
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
  assertOpen(): void;
}

const FIRST_PAGE_BYTES = 16 * 1024;
const PAGE_BYTES_MAX = 256 * 1024;
const PAGE_ENTRIES_MAX = 1_000_000;

/** The pages of a range, one at a time. */
export class RangePages {
  readonly #request: RangeRequest;
  #bounds: Bounds;
  #left: number;
  #bytes = FIRST_PAGE_BYTES;
  /** A snapshot of ours; 0: none. */
  #own = 0;
  #isEnded = false;

  constructor(request: RangeRequest) {
    this.#request = request;
    this.#bounds = request.bounds;
    this.#left = request.limit;
  }

  /**
   * The next entries, none at the end: at once when they are in memory, as a promise otherwise. Throws or rejects with
   * MILLRACE_DAMAGED, MILLRACE_ABORTED, MILLRACE_CLOSED.
   */
  next(most: number = PAGE_ENTRIES_MAX): readonly ScanEntry[] | Promise<readonly ScanEntry[]> {
    const { store, snapshot, reverse, keysOnly, signal } = this.#request;
    if (this.#isEnded || this.#left <= 0) return this.#end();
    try {
      this.#request.assertOpen();
      if (signal?.aborted) throw abortedError(signal);
      const limit = Math.min(this.#left, most, PAGE_ENTRIES_MAX);
      let settle: ((page: ScanPage) => void) | undefined;
      const options = { reverse, keysOnly, limit, bytes: this.#bytes };
      const page = store.scanPage(this.#bounds, options, (late) => settle?.(late), snapshot || this.#own);
      if (page) return this.#take(page);
      return new Promise((resolve, reject) => {
        settle = (late) => {
          try {
            resolve(this.#take(late));
          } catch (error) {
            this.close();
            reject(error);
          }
        };
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #end(): readonly ScanEntry[] {
    this.close();
    return [];
  }

  #take({ code, entries, more }: ScanPage): readonly ScanEntry[] {
    if (code !== Code.ok) throw fromCode(code);
    this.#left -= entries.length;
    this.#bytes = Math.min(this.#bytes * 2, PAGE_BYTES_MAX);
    const last = entries.at(-1);
    // Closed while the page was on its way: nobody wants more of it.
    if (!more || this.#left <= 0 || last === undefined || this.#isEnded) {
      this.close();
      return entries;
    }
    this.#goOn(last.key);
    return entries;
  }

  /** The next page begins behind `last`. Nothing has run since this page was read, so a snapshot now is of the same state. */
  #goOn(last: Buffer): void {
    const { store, snapshot, reverse } = this.#request;
    if (snapshot === 0 && this.#own === 0) this.#own = store.snapshotCommitted();
    this.#bounds = reverse ? { ...lower(this.#bounds), lt: last } : { ...upper(this.#bounds), gt: last };
  }

  /** Goes on at `bounds`, in the same direction and of the same state. */
  seek(bounds: Bounds): void {
    this.#bounds = bounds;
  }

  /** Gives the snapshot back; no more entries come. */
  close(): void {
    this.#isEnded = true;
    const own = this.#own;
    this.#own = 0;
    if (own !== 0) this.#request.store.release(own);
  }
}

function lower({ gt, gte }: Bounds): Bounds {
  return { gt, gte };
}

function upper({ lt, lte }: Bounds): Bounds {
  return { lt, lte };
}

/** Entries of a range, decoded, one by one or all at once. */
export class KvRange<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #pages: RangePages;
  readonly #decode: (entry: ScanEntry) => T;
  #page: readonly ScanEntry[] = [];
  #at = 0;
  #isEnded = false;

  constructor(request: RangeRequest, decode: (entry: ScanEntry) => T) {
    this.#pages = new RangePages(request);
    this.#decode = decode;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next entry, in order. */
  next(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#at < this.#page.length) return Promise.resolve(this.#take());
      if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
      const page = this.#pages.next();
      if (page instanceof Promise) return page.then((late) => this.#begin(late));
      return Promise.resolve(this.#begin(page));
    } catch (error) {
      this.#stop();
      return Promise.reject(error);
    }
  }

  #begin(page: readonly ScanEntry[]): IteratorResult<T, undefined> {
    this.#page = page;
    this.#at = 0;
    if (page.length > 0) return this.#take();
    this.#isEnded = true;
    return { done: true, value: undefined };
  }

  #take(): IteratorResult<T, undefined> {
    const entry = this.#page[this.#at] as ScanEntry;
    this.#at += 1;
    return { done: false, value: this.#decode(entry) };
  }

  /** All entries that are left. */
  async all(): Promise<T[]> {
    const all: T[] = [];
    for (;;) {
      while (this.#at < this.#page.length) all.push((this.#take() as IteratorYieldResult<T>).value);
      if (this.#isEnded) return all;
      const page = await this.#pages.next();
      this.#page = page;
      this.#at = 0;
      if (page.length === 0) this.#isEnded = true;
    }
  }

  #stop(): void {
    this.#isEnded = true;
    this.#page = [];
    this.#at = 0;
    this.#pages.close();
  }

  /** Ends the range early and lets go of what it holds. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
  }
}

/** The smallest key behind all keys that begin with `prefix`; undefined when there is none. */
export function behindPrefix(prefix: Uint8Array): Buffer | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end -= 1;
  if (end === 0) return undefined;
  const next = Buffer.from(prefix.subarray(0, end));
  next[end - 1] = (next[end - 1] as number) + 1;
  return next;
}

/** Throws MILLRACE_ARGUMENT unless `limit` is a whole number of entries; -1 and undefined mean all. */
export function limitOf(limit: number | undefined): number {
  if (limit === undefined || limit === -1 || limit === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new MillraceError('MILLRACE_ARGUMENT', `limit must be a whole number, not ${limit}`);
}
