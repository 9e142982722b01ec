/**
 * A store as a storage adapter of Keyv.
 *
 * Not Keyv: it prefixes keys with its namespace and serializes values, and hands text here. To remember: the time to live
 * is the store's own, so expired keys go away without being read; the store is the caller's and `disconnect` leaves it
 * open, unless this adapter opened it.
 */

import { EventEmitter } from 'node:events';
import { MillraceError } from '../errors.ts';
import { type Kv, type KvOptions, openKv } from '../kv/kv.ts';
import type { KvStore } from '../kv/kv-store.ts';
import type { KvWrite } from '../kv/kv-write.ts';

/** The stores an adapter works on: text under text. */
export type KeyvStore = KvStore<'utf8', 'utf8'>;

/** One entry of `setMany`. */
export interface KeyvSet {
  readonly key: string;
  readonly value: unknown;
  /** ms. */
  readonly ttl?: number | undefined;
}

/** Keyv's storage adapter over one store. */
export class KeyvMillrace extends EventEmitter {
  /** Keyv iterates only over adapters whose dialect it knows; a store is ordered and scanned like theirs. */
  readonly opts: { dialect: string; url: string; [option: string]: unknown };
  /** Set by Keyv: `clear` removes only keys of this namespace. */
  namespace?: string | undefined;
  readonly #store: KeyvStore;
  readonly #close: (() => Promise<void>) | undefined;

  /** `close` runs when Keyv disconnects. */
  constructor(store: KeyvStore, close?: () => Promise<void>) {
    super();
    this.#store = store;
    this.#close = close;
    this.opts = { dialect: 'redis', url: `millrace://${store.name}` };
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return (await this.#store.get(key)) as Value | undefined;
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return (await this.#store.getMany(keys)) as (Value | undefined)[];
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    return this.#store.put(key, textOf(value), ttlOf(ttl));
  }

  /** All entries as one atomic frame. */
  async setMany(entries: readonly KeyvSet[]): Promise<void> {
    const batch = this.#store.batch();
    for (const { key, value, ttl } of entries) batch.put(key, textOf(value), ttlOf(ttl));
    await batch.write();
  }

  async delete(key: string): Promise<boolean> {
    return this.#store.del(key);
  }

  /** Whether any of them was there. */
  async deleteMany(keys: string[]): Promise<boolean> {
    const writes: KvWrite[] = keys.map((key) => this.#store.del(key));
    return (await Promise.all(writes)).some(Boolean);
  }

  async has(key: string): Promise<boolean> {
    return this.#store.has(key);
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return this.#store.hasMany(keys);
  }

  async clear(): Promise<void> {
    await this.#store.clear(prefixOf(this.namespace));
  }

  async *iterator<Value>(namespace?: string): AsyncGenerator<[string, Awaited<Value>], void> {
    yield* this.#store.entries(prefixOf(namespace)) as AsyncIterable<[string, Awaited<Value>]>;
  }

  async disconnect(): Promise<void> {
    await this.#close?.();
  }
}

function prefixOf(namespace: string | undefined): { prefix?: string } {
  return namespace === undefined || namespace === '' ? {} : { prefix: `${namespace}:` };
}

function ttlOf(ttl: number | undefined): { ttlMs?: number } {
  return ttl === undefined || ttl <= 0 ? {} : { ttlMs: ttl };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new MillraceError('MILLRACE_ENCODING', 'Keyv must serialize values to text: do not switch `serialize` off');
}

/** Opens a directory for Keyv: `new Keyv({ store: await openKeyv('cache') })`. Rejects as `openKv` does. */
export async function openKeyv(
  dir: string,
  options: Omit<KvOptions<'utf8', 'utf8'>, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<KeyvMillrace> {
  const kv: Kv<'utf8', 'utf8'> = await openKv(dir, { ...options, keyEncoding: 'utf8', valueEncoding: 'utf8' });
  return new KeyvMillrace(kv, () => kv.close());
}
