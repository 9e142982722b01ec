/**
 * One store, as the public API, the adapters and the Redis server use it: bytes in, bytes out, no promise where the
 * answer is there.
 *
 * Not encodings and not options. To remember: a read sees every write queued before it, also of the running turn; what it
 * sees may not be durable yet: who must not show that waits for `appendedLsn` as it was right after the read.
 */

import { MillraceError } from '../errors.ts';
import { absentAnswer, type KvAnswer, type KvDone } from '../io/kv-reads.ts';
import type { ScanPage, ScanRequest } from '../io/kv-scan.ts';
import { fromCode } from '../io/native-error.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { KvEffect } from '../log/types.ts';
import type { FrameDone } from './frames.ts';
import type { Pending } from './overlay.ts';
import type { Stores } from './stores.ts';

/**
 * Which part of a store to read; nothing = all of it. Byte bounds, in the order of bytes; `gte` goes before `gt` and `lte`
 * before `lt` when both are given.
 */
export interface Bounds {
  readonly gt?: Uint8Array | undefined;
  readonly gte?: Uint8Array | undefined;
  readonly lt?: Uint8Array | undefined;
  readonly lte?: Uint8Array | undefined;
}

/** How to read a page of a scan. */
export interface PageOptions {
  readonly reverse?: boolean | undefined;
  readonly keysOnly?: boolean | undefined;
  /** The page has only its last entry, beside its count. */
  readonly lastOnly?: boolean | undefined;
  /** Most entries. */
  readonly limit: number;
  /** Bytes of keys and values; a larger single entry still comes whole. */
  readonly bytes: number;
}

/** The sequence of an entry that the running turn has written: it has none yet. */
export const SEQUENCE_OF_TURN = -1;

/** One store. Made by `Stores`. */
export class Store {
  readonly id: number;
  readonly name: string;
  readonly stores: Stores;

  constructor(stores: Stores, id: number, name: string) {
    this.stores = stores;
    this.id = id;
    this.name = name;
  }

  /**
   * What lies under each of `keys`, with sequence and expiry: at once when it is all in memory; undefined otherwise, and
   * `done` runs with it later. One crossing, none when the turn itself has written all of them.
   */
  lookup(keys: readonly Uint8Array[], done: KvDone, snapshot = 0): KvAnswer[] | undefined {
    const { engine, frames } = this.stores;
    if (snapshot !== 0 || !frames.overlay.touches(this.id)) return engine.kv.get(this.id, snapshot, keys, done);
    let pending = this.#pendingOf(keys);
    if (pending.some((write) => write?.uncertain)) {
      engine.commitNow();
      pending = this.#pendingOf(keys).map((write) => (write?.uncertain ? undefined : write));
    }
    const asked = keys.filter((_, index) => pending[index] === undefined);
    if (asked.length === 0) return this.#merge(pending, []);
    const found = engine.kv.get(this.id, 0, asked, (answers) => done(this.#merge(pending, answers)));
    return found && this.#merge(pending, found);
  }

  /** As `lookup` of one key in the present state: its value, null when there is none, undefined where only `lookup` tells. */
  look(key: Uint8Array): Buffer | null | undefined {
    const { engine, frames } = this.stores;
    return frames.overlay.touches(this.id) ? undefined : engine.kv.look(this.id, key);
  }

  #pendingOf(keys: readonly Uint8Array[]): (Pending | undefined)[] {
    const { overlay } = this.stores.frames;
    return keys.map((key) => overlay.get(this.id, key));
  }

  /** Puts the answers of the engine where the turn had nothing to say. */
  #merge(pending: readonly (Pending | undefined)[], answers: readonly KvAnswer[]): KvAnswer[] {
    const now = this.stores.engine.wallMs;
    let next = 0;
    return pending.map((write) => {
      if (write) return answerOf(write, now);
      next += 1;
      return answers[next - 1] as KvAnswer;
    });
  }

  /** As `lookup`, of what has been committed: every answer has its sequence. Commits the turn first where needed. */
  lookupCommitted(keys: readonly Uint8Array[], done: KvDone): KvAnswer[] | undefined {
    this.commitTurn();
    return this.stores.engine.kv.get(this.id, 0, keys, done);
  }

  /**
   * The values of `keys`, undefined for each that is absent: at once when they are all in memory, as a promise otherwise.
   * Throws or rejects with MILLRACE_DAMAGED, MILLRACE_UNKNOWN_STORE, MILLRACE_CLOSED.
   */
  getMany(keys: readonly Uint8Array[], snapshot = 0): (Buffer | undefined)[] | Promise<(Buffer | undefined)[]> {
    let settle: KvDone | undefined;
    let fail: ((error: unknown) => void) | undefined;
    const found = this.lookup(keys, (answers) => settle?.(answers), snapshot);
    if (found) return valuesOf(found);
    return new Promise((resolve, reject) => {
      fail = reject;
      settle = (answers) => {
        try {
          resolve(valuesOf(answers));
        } catch (error) {
          fail?.(error);
        }
      };
    });
  }

  /** Queues one atomic frame of writes; see `Stores.write`. */
  write(effects: readonly KvEffect[], level: LevelNumber, done: FrameDone): void {
    this.stores.write(effects, level, done);
  }

  /** Removes everything, as one record, whatever the size. */
  clear(level: LevelNumber, done: FrameDone): void {
    this.stores.write([{ kind: 'kvClear', store: this.id }], level, done);
  }

  /** One page of keys in order: at once, or later by `done`. Commits the turn first when it has written here. */
  scanPage(bounds: Bounds, options: PageOptions, done: (page: ScanPage) => void, snapshot = 0): ScanPage | undefined {
    if (snapshot === 0) this.commitTurn();
    return this.stores.engine.kv.scan(requestOf(this.id, snapshot, bounds, options), done);
  }

  /** Keys that are there, expired ones not counted; 0 when the store was dropped. */
  count(): number {
    this.commitTurn();
    return Math.max(0, this.stores.engine.kv.count(this.id));
  }

  /**
   * Keys from `from` on and before `to`, without walking over them; below 0 a `Code`, negated. Expired keys count until
   * they are purged.
   */
  countBetween(from: Uint8Array, to: Uint8Array): number {
    this.commitTurn();
    return this.stores.engine.kv.countBetween(this.id, from, to);
  }

  /** The key of that range (without `to`: of all behind) with `index` keys of it before it; undefined: there are fewer; a number: a `Code`. */
  nthBetween(from: Uint8Array, to: Uint8Array | undefined, index: number): Buffer | CodeNumber | undefined {
    this.commitTurn();
    return this.stores.engine.kv.nthBetween(this.id, from, to, index);
  }

  /** A snapshot as of everything queued so far. Throws MILLRACE_UNKNOWN_STORE. It has to be released. */
  snapshot(): number {
    this.commitTurn();
    return this.snapshotCommitted();
  }

  /** As `snapshot`, as of everything committed so far. */
  snapshotCommitted(): number {
    const snapshot = this.stores.engine.kv.snapshot(this.id);
    if (snapshot === 0) throw new MillraceError('MILLRACE_UNKNOWN_STORE', this.name);
    return snapshot;
  }

  release(snapshot: number): void {
    this.stores.engine.kv.release(snapshot);
  }

  stats(): Record<string, unknown> {
    return this.stores.engine.kv.stats(this.id);
  }

  merge(): void {
    this.stores.engine.kv.merge(this.id);
  }

  /** Commits what the turn has written here, so that it is in what the engine answers. */
  commitTurn(): void {
    const { engine, frames } = this.stores;
    if (frames.overlay.touches(this.id)) engine.commitNow();
  }

  /** Somebody follows its changes: each has to be told as it is made. */
  get isFollowed(): boolean {
    const { feeds, windows } = this.stores;
    return windows.has(this.id) || feeds.get(this.id) !== undefined;
  }

  /** LSN of the newest frame: what a read sees now is durable when this is. */
  get appendedLsn(): number {
    return this.stores.engine.appendedLsn;
  }

  /** Resolves when `lsn` is durable; a flush must be on its way (`makeDurable` sends one). */
  whenDurable(lsn: number): Promise<void> {
    return this.stores.engine.whenDurable(lsn);
  }
}

function answerOf(write: Pending, now: number): KvAnswer {
  const { value, expiresMs } = write;
  if (value === undefined || (expiresMs !== 0 && expiresMs <= now)) return absentAnswer;
  return { code: Code.ok, value: Buffer.from(value), sequence: SEQUENCE_OF_TURN, expiresMs };
}

/** The values of answers. Throws the typed error of the first that is neither there nor absent. */
export function valuesOf(answers: readonly KvAnswer[]): (Buffer | undefined)[] {
  return answers.map(foundValue);
}

/** The value of one answer, undefined when it is absent. */
export function foundValue(answer: KvAnswer): Buffer | undefined {
  if (answer.code === Code.ok) return answer.value;
  if (answer.code === Code.absent) return undefined;
  throw fromCode(answer.code);
}

function requestOf(store: number, snapshot: number, bounds: Bounds, options: PageOptions): ScanRequest {
  const { gt, gte, lt, lte } = bounds;
  return {
    store,
    snapshot,
    from: gte ?? gt,
    fromInclusive: gte !== undefined,
    to: lte ?? lt,
    toInclusive: lte !== undefined,
    reverse: options.reverse === true,
    keysOnly: options.keysOnly === true,
    lastOnly: options.lastOnly === true,
    limit: options.limit,
    bytes: options.bytes,
  };
}
