/**
 * One store as the commands of a turn see it: what they have read and written so far, and behind it the engine.
 *
 * Not types or databases. The invariants to remember: a read answers at once or throws `Cold`; a value that came from the
 * disk is only used when its key was not written meanwhile; nothing is kept over the end of a turn but what has just come.
 */

import type { KvAnswer } from '../io/kv-reads.ts';
import type { ScanPage } from '../io/kv-scan.ts';
import { Code } from '../io/native-types.ts';
import type { Store } from '../kv/store.ts';
import { Cold, PendingReads } from './cold.ts';
import { DirtyKeys } from './dirty-keys.ts';
import { CommandError } from './protocol/errors.ts';
import type { TurnWrites } from './turn-writes.ts';

/** What lies under a key. */
export interface Entry {
  readonly value: Buffer;
  /** ms since 1970, 0 = never. */
  readonly expiresMs: number;
}

/** An entry of a range. */
export interface RangeEntry extends Entry {
  readonly key: Buffer;
}

/** Part of a store in the order of keys. */
export interface RangeRequest {
  /** From here on; behind it when `after` is set. */
  readonly from: Buffer;
  readonly after?: boolean;
  /** Up to here, exclusive; nothing = to the end. */
  readonly to?: Buffer | undefined;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly limit: number;
}

export interface RangePage {
  readonly entries: readonly RangeEntry[];
  /** There may be more behind the last entry. */
  readonly hasMore: boolean;
}

/** Bytes of a page that is asked for at once. */
const PAGE_BYTES = 256 * 1024;

/** Entries asked for at once when the turn has removed all of the page before. */
const AHEAD_MAX = 1024;

/** Text that stands for a key in a map: a character a byte. */
export function textOf(key: Buffer): string {
  return key.toString('latin1', 0, key.length);
}

export class StoreView {
  readonly store: Store;
  readonly #writes: TurnWrites;
  /** Read or written in this turn; null: absent. */
  #entries = new Map<string, Entry | null | CommandError>();
  #dirty = new DirtyKeys();
  #isCleared = false;
  readonly #loading = new Map<string, PendingReads>();
  #loaded: [key: string, entry: Entry | null | CommandError][] = [];

  constructor(store: Store, writes: TurnWrites) {
    this.store = store;
    this.#writes = writes;
  }

  /** No value is on its way from the disk, or has come and was not looked at. */
  get isAtRest(): boolean {
    return this.#loading.size === 0 && this.#loaded.length === 0;
  }

  /** Reads `keys` ahead in one crossing; what is not in memory comes later and does not end anything here. */
  prefetch(keys: readonly Buffer[]): void {
    const wanted = this.#isCleared
      ? []
      : keys.filter((key) => {
          const text = textOf(key);
          return !this.#entries.has(text) && !this.#loading.has(text);
        });
    if (wanted.length > 0) this.#read(wanted);
  }

  /** Asks the engine; answers the reads that are on their way, if any are. */
  #read(keys: readonly Buffer[]): PendingReads | undefined {
    const reads = new PendingReads();
    const texts = keys.map(textOf);
    const found = this.store.lookup(keys, (answers) => {
      answers.forEach((answer, index) => {
        const text = texts[index] as string;
        if (this.#loading.get(text) !== reads) return;
        this.#loading.delete(text);
        this.#loaded.push([text, entryOf(answer)]);
      });
      reads.arrived();
    });
    if (found === undefined) {
      for (const text of texts) this.#loading.set(text, reads);
      return reads;
    }
    found.forEach((answer, index) => {
      this.#entries.set(texts[index] as string, entryOf(answer));
    });
    return undefined;
  }

  /** The entry of a key, null when there is none or it has expired at `nowMs`. May throw `Cold`, and if it is damaged. */
  get(key: Buffer, nowMs: number, text: string = textOf(key)): Entry | null {
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      if (this.#isCleared) return null;
      const reads = this.#loading.get(text) ?? this.#read([key]);
      if (reads !== undefined) throw new Cold(reads);
      entry = this.#entries.get(text) as Entry | null | CommandError;
    }
    if (entry instanceof CommandError) throw entry;
    return entry !== null && entry.expiresMs !== 0 && entry.expiresMs <= nowMs ? null : entry;
  }

  /** Puts a value; the bytes are copied. */
  put(key: Buffer, value: Buffer, expiresMs: number, text: string = textOf(key)): void {
    const kept = this.#writes.keepValue(value);
    this.#change(
      text,
      { value: kept, expiresMs },
      {
        kind: 'kvPut',
        store: this.store.id,
        key: this.#writes.keep(key),
        value: kept,
        expiresMs,
      },
    );
  }

  remove(key: Buffer, text: string = textOf(key)): void {
    this.#change(text, null, { kind: 'kvDelete', store: this.store.id, key: this.#writes.keep(key) });
  }

  #change(text: string, entry: Entry | null, effect: Parameters<TurnWrites['add']>[0]): void {
    const before = this.#entries.get(text);
    const wasDirty = this.#dirty.add(text);
    this.#entries.set(text, entry);
    this.#loading.delete(text);
    this.#writes.add(effect, () => {
      if (before === undefined) this.#entries.delete(text);
      else this.#entries.set(text, before);
      if (!wasDirty) this.#dirty.delete(text);
    });
  }

  /** Removes everything, as one record. */
  clear(): void {
    const [entries, dirty, isCleared] = [this.#entries, this.#dirty, this.#isCleared];
    this.#entries = new Map();
    this.#dirty = new DirtyKeys();
    this.#isCleared = true;
    this.#loading.clear();
    this.#writes.add({ kind: 'kvClear', store: this.store.id }, () => {
      this.#entries = entries;
      this.#dirty = dirty;
      this.#isCleared = isCleared;
    });
  }

  /** Keys that are there. May throw `Cold`. */
  count(nowMs: number): number {
    let count = this.#isCleared ? 0 : this.store.count();
    if (this.#dirty.size === 0) return count;
    const texts = [...this.#dirty.all()];
    const before = this.#isCleared ? null : this.#committed(texts.map((text) => Buffer.from(text, 'latin1')));
    texts.forEach((text, index) => {
      count += Number(isLive(this.#entries.get(text), nowMs)) - Number(before?.[index]?.code === Code.ok);
    });
    return count;
  }

  #committed(keys: readonly Buffer[]): KvAnswer[] {
    const reads = new PendingReads();
    const answers = this.store.lookup(keys, () => reads.arrived());
    if (answers === undefined) throw new Cold(reads);
    return answers;
  }

  /** One page of a range, what the turn has written included. May throw `Cold`. */
  range(request: RangeRequest, nowMs: number, ahead: number = request.limit): RangePage {
    const page = this.#isCleared ? { entries: [], hasMore: false } : this.#committedRange(request, ahead);
    if (this.#dirty.size === 0) return page;
    const isReverse = request.reverse === true;
    const last = page.hasMore ? page.entries.at(-1)?.key : undefined;
    const written: RangeEntry[] = [];
    for (const text of this.#dirty.between(textOf(request.from), request.to && textOf(request.to))) {
      const entry = this.#entries.get(text);
      if (!isEntry(entry) || (entry.expiresMs !== 0 && entry.expiresMs <= nowMs)) continue;
      const key = Buffer.from(text, 'latin1');
      if (!isInside(key, request)) continue;
      // What lies behind the page comes with the next one.
      if (last !== undefined && (isReverse ? key.compare(last) < 0 : key.compare(last) > 0)) continue;
      written.push({ key, value: entry.value, expiresMs: entry.expiresMs });
    }
    if (isReverse) written.reverse();
    const kept = page.entries.filter(({ key }) => !this.#dirty.has(textOf(key)));
    const merged = written.length === 0 ? kept : inOneOrder(kept, written, isReverse);
    const hasMore = page.hasMore || merged.length > request.limit;
    // A page all of whose entries were removed meanwhile is empty: its reader goes on behind what the engine answered.
    if (merged.length === 0 && page.hasMore) {
      return this.range({ ...request, ...behind(request, last) }, nowMs, Math.min(ahead * 4, AHEAD_MAX));
    }
    return { entries: merged.slice(0, request.limit), hasMore };
  }

  /** How many keys there are from `from` on and before `to`; none of them may expire. May throw `Cold`. */
  countBetween(from: Buffer, to: Buffer, nowMs: number): number {
    let count = this.#isCleared ? 0 : this.#committedBetween(from, to);
    if (this.#dirty.size === 0) return count;
    const texts = this.#dirty.between(textOf(from), textOf(to));
    const before = this.#isCleared ? null : this.#committed(texts.map((text) => Buffer.from(text, 'latin1')));
    texts.forEach((text, index) => {
      count += Number(isLive(this.#entries.get(text), nowMs)) - Number(before?.[index]?.code === Code.ok);
    });
    return count;
  }

  #committedBetween(from: Buffer, to: Buffer): number {
    const count = this.store.countBetween(from, to);
    if (count < 0) throw unreadable(-count);
    return count;
  }

  /**
   * The key that has `index` keys of the range before it, null when there are fewer; none of them may expire. Logarithms,
   * beside what the turn has written in the range. May throw `Cold`.
   */
  keyAt(from: Buffer, to: Buffer, index: number, nowMs: number): Buffer | null {
    const texts = this.#dirty.size === 0 ? [] : [...this.#dirty.between(textOf(from), textOf(to))];
    const live = texts.map((text) => isLive(this.#entries.get(text), nowMs));
    const keys = texts.map((text) => Buffer.from(text, 'latin1'));
    if (this.#isCleared) return keys.filter((_, at) => live[at])[index] ?? null;
    const before = keys.length === 0 ? [] : this.#committed(keys).map(({ code }) => code === Code.ok);
    // What the turn has added before each key it has written, and before the end.
    const added = [0];
    for (let at = 0; at < keys.length; at += 1) {
      added.push((added[at] as number) + Number(live[at]) - Number(before[at]));
    }
    const rankOf = (at: number): number => this.#committedBetween(from, keys[at] as Buffer) + (added[at] as number);
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rankOf(middle) <= index) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && live[low - 1] && rankOf(low - 1) === index) return keys[low - 1] as Buffer;
    const found = this.store.nthBetween(from, to, index - (added[low] as number));
    if (typeof found === 'number') throw unreadable(found);
    return found ?? null;
  }

  #committedRange({ from, after, to, reverse, keysOnly }: RangeRequest, limit: number): RangePage {
    const reads = new PendingReads();
    const low = after === true && reverse !== true ? { gt: from } : { gte: from };
    const page = this.store.scanPage(
      { ...low, lt: to },
      {
        reverse: reverse === true,
        keysOnly: keysOnly === true,
        limit,
        bytes: Math.min(PAGE_BYTES, 1024 + limit * 512),
      },
      () => reads.arrived(),
    );
    if (page === undefined) throw new Cold(reads);
    return pageOf(page);
  }

  /** What has come from the disk can be used by the turn that begins. */
  begin(): void {
    if (this.#loaded.length === 0) return;
    for (const [text, entry] of this.#loaded) this.#entries.set(text, entry);
    this.#loaded = [];
  }

  /** The turn is over: its writes are on their way into the engine. */
  end(): void {
    if (this.#entries.size > 0) this.#entries.clear();
    if (this.#dirty.size > 0) this.#dirty = new DirtyKeys();
    this.#isCleared = false;
  }
}

function behind({ reverse }: RangeRequest, last: Buffer | undefined): Partial<RangeRequest> {
  if (last === undefined) return {};
  return reverse === true ? { to: last } : { from: last, after: true };
}

function isInside(key: Buffer, { from, after, to, reverse }: RangeRequest): boolean {
  const order = key.compare(from);
  if (order < 0 || (order === 0 && after === true && reverse !== true)) return false;
  return to === undefined || key.compare(to) < 0;
}

/** Two lists in the same order, which have no key in common, as one. */
function inOneOrder(left: readonly RangeEntry[], right: readonly RangeEntry[], isReverse: boolean): RangeEntry[] {
  const merged: RangeEntry[] = [];
  const sign = isReverse ? -1 : 1;
  let next = 0;
  for (const entry of left) {
    while (next < right.length && sign * (right[next] as RangeEntry).key.compare(entry.key) < 0) {
      merged.push(right[next] as RangeEntry);
      next += 1;
    }
    merged.push(entry);
  }
  for (; next < right.length; next += 1) merged.push(right[next] as RangeEntry);
  return merged;
}

function pageOf(page: ScanPage): RangePage {
  if (page.code !== Code.ok) throw unreadable(page.code);
  return { entries: page.entries, hasMore: page.more };
}

function entryOf(answer: KvAnswer): Entry | null | CommandError {
  if (answer.code === Code.ok) return answer;
  return answer.code === Code.absent ? null : unreadable(answer.code);
}

function isEntry(entry: Entry | null | CommandError | undefined): entry is Entry {
  return entry !== null && entry !== undefined && !(entry instanceof CommandError);
}

function isLive(entry: Entry | null | CommandError | undefined, nowMs: number): boolean {
  return isEntry(entry) && (entry.expiresMs === 0 || entry.expiresMs > nowMs);
}

function unreadable(code: number): CommandError {
  return new CommandError(
    code === Code.damaged
      ? 'ERR the value is damaged on the disk and is not shown; the server log names file and position'
      : `ERR the store cannot be read (code ${code})`,
  );
}
