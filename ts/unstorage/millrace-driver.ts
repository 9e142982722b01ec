/**
 * A store as a driver of unstorage 1: items as text or bytes, a time to live, changes of the store as `watch`.
 *
 * Not unstorage: it normalizes keys and serializes values, and hands text here. To remember: the time to live is the
 * store's own; a store that the caller gave stays open, one that this driver opened ends with `dispose`.
 */

import { MillraceError } from '../errors.ts';
import { type Kv, type KvOptions, openKv } from '../kv/kv.ts';
import type { KvStore } from '../kv/kv-store.ts';

/** The store a driver works on. */
export type ItemStore = KvStore<'utf8', 'buffer'>;

/** A store that is open, or the directory to open one in (`store`: its name) when the first item is asked for. */
export type MillraceDriverOptions =
  | { readonly kv: ItemStore }
  | ({ readonly dir: string } & Omit<KvOptions<'utf8', 'buffer'>, 'keyEncoding' | 'valueEncoding'>);

/** What unstorage passes on from a call. */
export interface ItemOptions {
  /** Seconds. */
  readonly ttl?: number | undefined;
  readonly [option: string]: unknown;
}

interface Item {
  readonly key: string;
  readonly value: string;
  readonly options?: ItemOptions | undefined;
}

/** unstorage's driver over one store; unstorage 1.10 and later take it as it is. */
export interface MillraceDriver {
  readonly name: 'millrace';
  readonly options: MillraceDriverOptions;
  getInstance(): Promise<ItemStore>;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItems(items: readonly { readonly key: string }[]): Promise<{ key: string; value: string | null }[]>;
  getItemRaw(key: string): Promise<Buffer | null>;
  setItem(key: string, value: string, options?: ItemOptions): Promise<void>;
  /** All of them as one atomic frame. */
  setItems(items: readonly Item[], common?: ItemOptions): Promise<void>;
  setItemRaw(key: string, value: Uint8Array | ArrayBuffer | string, options?: ItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  /** `ttl`: seconds that are left. */
  getMeta(key: string): Promise<{ ttl?: number } | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
  dispose(): Promise<void>;
  /** Tells of every change, whoever makes it; answers how to stop. */
  watch(callback: (event: 'update' | 'remove', key: string) => unknown): Promise<() => Promise<void>>;
}

/** Makes a driver: `createStorage({ driver: millraceDriver({ dir: 'data' }) })`. Its calls reject as the store's do. */
export function millraceDriver(options: MillraceDriverOptions): MillraceDriver {
  return new Driver(options);
}

/** Its methods are called without it, so each holds on to it. */
class Driver implements MillraceDriver {
  readonly name = 'millrace';
  readonly options: MillraceDriverOptions;
  #opened: Promise<Kv<'utf8', 'buffer'>> | undefined;

  constructor(options: MillraceDriverOptions) {
    this.options = options;
  }

  readonly getInstance = async (): Promise<ItemStore> => {
    if ('kv' in this.options) return this.options.kv;
    const { dir, ...rest } = this.options;
    this.#opened ??= openKv(dir, rest).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  };

  readonly hasItem = async (key: string): Promise<boolean> => {
    return (await this.getInstance()).has(key);
  };

  readonly getItem = async (key: string): Promise<string | null> => {
    return (await this.getItemRaw(key))?.toString() ?? null;
  };

  readonly getItems = async (
    items: readonly { readonly key: string }[],
  ): Promise<{ key: string; value: string | null }[]> => {
    const values = await (await this.getInstance()).getMany(items.map(({ key }) => key));
    return items.map(({ key }, index) => ({ key, value: values[index]?.toString() ?? null }));
  };

  readonly getItemRaw = async (key: string): Promise<Buffer | null> => {
    return (await (await this.getInstance()).get(key)) ?? null;
  };

  readonly setItem = async (key: string, value: string, options?: ItemOptions): Promise<void> => {
    await (await this.getInstance()).put(key, value, lifeOf(options));
  };

  readonly setItems = async (items: readonly Item[], common?: ItemOptions): Promise<void> => {
    const batch = (await this.getInstance()).batch();
    for (const { key, value, options } of items) batch.put(key, value, lifeOf({ ...common, ...options }));
    await batch.write();
  };

  readonly setItemRaw = async (
    key: string,
    value: Uint8Array | ArrayBuffer | string,
    options?: ItemOptions,
  ): Promise<void> => {
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    await (await this.getInstance()).put(key, bytes, lifeOf(options));
  };

  readonly removeItem = async (key: string): Promise<void> => {
    await (await this.getInstance()).del(key);
  };

  readonly getMeta = async (key: string): Promise<{ ttl?: number } | null> => {
    const entry = await (await this.getInstance()).getEntry(key);
    if (!entry) return null;
    return entry.expiresMs === undefined ? {} : { ttl: Math.max(0, Math.ceil((entry.expiresMs - Date.now()) / 1000)) };
  };

  readonly getKeys = async (base?: string): Promise<string[]> => {
    return (await this.getInstance()).keys(base ? { prefix: base } : {}).all();
  };

  readonly clear = async (base?: string): Promise<void> => {
    await (await this.getInstance()).clear(base ? { prefix: base } : {});
  };

  readonly dispose = async (): Promise<void> => {
    const opened = this.#opened;
    this.#opened = undefined;
    await (await opened)?.close();
  };

  readonly watch = async (
    callback: (event: 'update' | 'remove', key: string) => unknown,
  ): Promise<() => Promise<void>> => {
    const store = await this.getInstance();
    const changes = store.watch({ initial: true });
    let keys = new Set<string>();
    const told = (async () => {
      for await (const change of changes) {
        if (change.type === 'put') {
          keys.add(change.key);
          if (!change.isInitial) callback('update', change.key);
        } else if (change.type === 'del') {
          keys.delete(change.key);
          callback('remove', change.key);
        } else {
          const gone = keys;
          keys = new Set();
          for (const key of gone) callback('remove', key);
        }
      }
    })();
    // A store that is closed has no more to tell; whatever else ends the telling is for whoever stops it.
    const failure = told.then(
      () => undefined,
      (error: unknown) => error,
    );
    return async () => {
      await changes.close();
      const error = await failure;
      if (error !== undefined && !isClosed(error)) throw error;
    };
  };
}

function isClosed(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'MILLRACE_CLOSED';
}

function lifeOf(options: ItemOptions | undefined): { ttlMs?: number } {
  const ttl = options?.ttl;
  return typeof ttl === 'number' && ttl > 0 ? { ttlMs: Math.ceil(ttl * 1000) } : {};
}
