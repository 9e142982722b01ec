/**
 * A store behind the interface of `abstract-level`: what was written for `level` runs on it.
 *
 * Not the store's own API, which can do more (conditions, expiry, the log beside it). To remember: a write is `durable`
 * before it resolves unless `durability` says otherwise, where classic-level answers from the page cache unless `sync` is
 * given.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AbstractDatabaseOptions, AbstractLevel } from 'abstract-level';
import { type Durability, levelNumber } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import { type Kv, openKv } from '../kv/kv.ts';
import { RangePages } from '../kv/kv-range.ts';
import { firstRefusal } from '../kv/refusal.ts';
import type { Bounds, Store } from '../kv/store.ts';
import type { KvEffect } from '../log/types.ts';
import { type EngineOptions, sizeOptions } from '../options.ts';
import { LevelIterator, LevelKeyIterator, type LevelRange, LevelValueIterator } from './level-iterator.ts';
import { LevelSnapshot } from './level-snapshot.ts';

/** What the constructor takes: abstract-level's options and the engine's. */
export interface MillraceLevelOptions<K, V> extends AbstractDatabaseOptions<K, V>, EngineOptions {
  /** Which store of the directory. Default `default`. */
  store?: string | undefined;
}

/** What a write may say for itself. */
interface LevelWriteOptions {
  readonly durability?: Durability;
  /** As in classic-level: true is `durable`. */
  readonly sync?: boolean;
}

interface LevelReadOptions {
  readonly snapshot?: { readonly id: number };
}

interface LevelOperation {
  readonly type: 'put' | 'del';
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

const manifest = {
  encodings: { buffer: true },
  has: true,
  seek: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
  permanence: true,
  signals: { iterators: true },
};
const CLEAR_PAGE = 10_000;

/** A database of level's kind over one store of a directory. */
export class MillraceLevel<K = string, V = string> extends AbstractLevel<Buffer | Uint8Array | string, K, V> {
  readonly location: string;
  #kv: Kv<'buffer', 'buffer'> | undefined;
  readonly #engine: EngineOptions;
  readonly #name: string;
  readonly #level: LevelNumber;

  /**
   * Opens nothing yet: abstract-level does that in the next tick, or `open()` at once. Throws MILLRACE_OPTION for a
   * durability that does not exist.
   */
  constructor(location: string, options: MillraceLevelOptions<K, V> = {}) {
    if (typeof location !== 'string' || location === '') {
      throw new TypeError("The first argument 'location' must be a non-empty string");
    }
    const { store = 'default', ...given } = options;
    const { engine, rest } = divide(given);
    super(manifest, rest as AbstractDatabaseOptions<K, V>);
    this.location = location;
    this.#engine = engine;
    this.#name = store;
    this.#level = levelNumber(engine.durability ?? 'durable');
  }

  /** The store below; throws MILLRACE_CLOSED when the database is not open. */
  get #store(): Store {
    if (!this.#kv) throw new MillraceError('MILLRACE_CLOSED');
    return this.#kv.raw;
  }

  async _open({ createIfMissing, errorIfExists }: { createIfMissing: boolean; errorIfExists: boolean }): Promise<void> {
    const isSimulated = this.#engine.sim !== undefined;
    const isThere = isSimulated || existsSync(join(this.location, 'manifest'));
    if (!createIfMissing && !isThere) {
      throw new MillraceError('MILLRACE_UNKNOWN_STORE', `${this.location} does not exist`);
    }
    if (errorIfExists && isThere) await this.#refuseExisting();
    this.#kv = await this.#openKv(createIfMissing);
  }

  #openKv(createIfMissing: boolean): Promise<Kv<'buffer', 'buffer'>> {
    const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
    return openKv(this.location, { ...this.#engine, ...encodings, store: this.#name, createIfMissing });
  }

  /** Rejects when the directory has this store already. */
  async #refuseExisting(): Promise<void> {
    try {
      await using existing = await this.#openKv(false);
      throw new MillraceError('MILLRACE_ARGUMENT', `${this.location} exists, with a store ${existing.name}`);
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'MILLRACE_UNKNOWN_STORE')) throw error;
    }
  }

  async _close(): Promise<void> {
    const kv = this.#kv;
    this.#kv = undefined;
    await kv?.close();
  }

  async _get(key: Uint8Array, options: LevelReadOptions): Promise<Buffer | undefined> {
    const [value] = await this.#store.getMany([key], options.snapshot?.id);
    return value;
  }

  async _getMany(keys: Uint8Array[], options: LevelReadOptions): Promise<(Buffer | undefined)[]> {
    return this.#store.getMany(keys, options.snapshot?.id);
  }

  async _has(key: Uint8Array, options: LevelReadOptions): Promise<boolean> {
    const [value] = await this.#store.getMany([key], options.snapshot?.id);
    return value !== undefined;
  }

  async _hasMany(keys: Uint8Array[], options: LevelReadOptions): Promise<boolean[]> {
    const found = await this.#store.getMany(keys, options.snapshot?.id);
    return found.map((value) => value !== undefined);
  }

  _put(key: Uint8Array, value: Uint8Array, options: LevelWriteOptions): Promise<void> {
    return this.#write([this.#effectOf({ type: 'put', key, value })], options);
  }

  _del(key: Uint8Array, options: LevelWriteOptions): Promise<void> {
    return this.#write([this.#effectOf({ type: 'del', key })], options);
  }

  _batch(operations: readonly LevelOperation[], options: LevelWriteOptions): Promise<void> {
    return this.#write(
      operations.map((operation) => this.#effectOf(operation)),
      options,
    );
  }

  /** The caller may go on using its buffers, so they are copied. */
  #effectOf({ type, key, value }: LevelOperation): KvEffect {
    const store = this.#store.id;
    const own = Buffer.from(key);
    if (type === 'del') return { kind: 'kvDelete', store, key: own };
    return { kind: 'kvPut', store, key: own, value: Buffer.from(value as Uint8Array) };
  }

  #write(effects: readonly KvEffect[], { durability, sync }: LevelWriteOptions): Promise<void> {
    const chosen = durability === undefined ? this.#level : levelNumber(durability);
    const level = sync === true ? Level.durable : chosen;
    return new Promise((resolve, reject) => {
      this.#store.write(effects, level, (results, failure) => {
        const refusal = firstRefusal(results);
        if (refusal !== Code.ok) reject(fromCode(refusal));
        else if (failure !== Code.ok) reject(outcomeUnknown(failure));
        else resolve();
      });
    });
  }

  /** Without bounds one record, whatever the number of keys; with bounds batches of 10,000, each atomic. */
  async _clear(options: LevelRange & LevelWriteOptions & { limit: number }): Promise<void> {
    const { gt, gte, lt, lte, limit, snapshot, reverse } = options;
    const bounds: Bounds = { gt, gte, lt, lte };
    if (limit === -1 && !snapshot && [gt, gte, lt, lte].every((bound) => bound === undefined)) {
      return this.#write([{ kind: 'kvClear', store: this.#store.id }], options);
    }
    const pages = new RangePages({
      store: this.#store,
      snapshot: snapshot?.id ?? 0,
      bounds,
      reverse: reverse === true,
      keysOnly: true,
      limit: limit === -1 ? Number.POSITIVE_INFINITY : limit,
      signal: undefined,
      assertOpen: () => {},
    });
    for (;;) {
      const page = await pages.next(CLEAR_PAGE);
      if (page.length === 0) return;
      await this.#write(
        page.map(({ key }) => ({ kind: 'kvDelete', store: this.#store.id, key })),
        options,
      );
    }
  }

  _iterator(options: LevelRange): LevelIterator {
    return new LevelIterator(this as MillraceLevel<unknown, unknown>, this.#store, options);
  }

  _keys(options: LevelRange): LevelKeyIterator {
    return new LevelKeyIterator(this as MillraceLevel<unknown, unknown>, this.#store, options);
  }

  _values(options: LevelRange): LevelValueIterator {
    return new LevelValueIterator(this as MillraceLevel<unknown, unknown>, this.#store, options);
  }

  _snapshot(options: object): LevelSnapshot {
    return new LevelSnapshot(this.#store, options);
  }
}

const engineNames = new Set([
  'flush',
  'durability',
  'driver',
  'sim',
  'journalFiles',
  ...sizeOptions.map((o) => o.name),
]);

/** The engine's options, and those that are abstract-level's and its users'. */
function divide(options: object): { engine: EngineOptions; rest: object } {
  const entries = Object.entries(options);
  return {
    engine: Object.fromEntries(entries.filter(([name]) => engineNames.has(name))),
    rest: Object.fromEntries(entries.filter(([name]) => !engineNames.has(name))),
  };
}
