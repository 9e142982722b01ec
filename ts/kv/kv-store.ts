/**
 * A store as a program uses it: reads of its present state, writes, batches, snapshots.
 *
 * Not the directory (kv.ts). To remember: each write is one atomic frame; it resolves at its durability level, and shows
 * in reads from the moment it was called.
 */

import { type Durability, levelNumber } from '../durability.ts';
import { MillraceError, throwIfAborted } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import type { LevelNumber } from '../io/native-types.ts';
import type { EffectResult, KvDemand, KvEffect } from '../log/types.ts';
import {
  type InputOf,
  KEY_BYTES_MAX,
  type KeyEncoding,
  type OutputOf,
  type Transcoder,
  type ValueEncoding,
} from './encoding.ts';
import { type Fence, fenced } from './fence.ts';
import { KvBatch } from './kv-batch.ts';
import { behindPrefix } from './kv-range.ts';
import { KvSnapshot } from './kv-snapshot.ts';
import { KvView, type RangeOptions, type ViewOwner } from './kv-view.ts';
import { KvWatch, type WatchOptions } from './kv-watch.ts';
import { KvWrite } from './kv-write.ts';
import type { Store } from './store.ts';
import { feedPosition, feedSource } from './watch-feed.ts';
import { positionText } from './watch-position.ts';

/** How to write. */
export interface WriteCallOptions {
  /** What the promise waits for; default: the store's. */
  durability?: Durability | undefined;
  /** Ends the wait, not the write. */
  signal?: AbortSignal | undefined;
  /** Only while this lock is held with this token (a `KvLock`, or what was kept of one): judged in the frame itself. */
  fence?: Fence | undefined;
}

/** What a write demands of its key, at most one; when it is not so, nothing is done and the write resolves to false. */
export interface Demand {
  /** Only when the key is not there. */
  ifAbsent?: boolean | undefined;
  /** Only when the key is there. */
  ifPresent?: boolean | undefined;
  /** Only when the key was last written by the write of this sequence. */
  ifSeq?: bigint | undefined;
}

/** How to put. */
export interface PutOptions extends Demand {
  /** The key expires so many ms from now. */
  ttlMs?: number | undefined;
  /** The key expires then, ms since 1970. Not with `ttlMs`. */
  expiresMs?: number | undefined;
}

/** One operation of a batch in array form. */
export type BatchOperation<K, V> =
  | ({ readonly type: 'put'; readonly key: K; readonly value: V } & PutOptions)
  | ({ readonly type: 'del'; readonly key: K } & Demand);

/** What stores share: the handle they belong to. */
export interface StoreOwner extends ViewOwner {
  readonly level: LevelNumber;
  readonly engine: NodeEngine;
  /** Runs `listener` when the handle is closed; returns how to stop it. */
  onClose(listener: () => void): () => void;
}

const CLEAR_PAGE = 10_000;

/** A store. Made by `openKv` and `Kv.store`. */
export class KvStore<KE extends KeyEncoding, VE extends ValueEncoding> extends KvView<KE, VE> {
  readonly name: string;
  readonly #owner: StoreOwner;

  constructor(
    raw: Store,
    keys: Transcoder<InputOf<KE>, OutputOf<KE>>,
    values: Transcoder<InputOf<VE>, OutputOf<VE>>,
    owner: StoreOwner,
  ) {
    super(raw, keys, values, owner, 0);
    this.name = raw.name;
    this.#owner = owner;
  }

  /**
   * Sets a key. Resolves to true, or to false when the key is not as demanded. Rejects as `KvWrite` says, and with
   * MILLRACE_ENCODING, MILLRACE_ARGUMENT, MILLRACE_TOO_LARGE (keys have at most 65,535 bytes).
   */
  put(key: InputOf<KE>, value: InputOf<VE>, options?: PutOptions & WriteCallOptions): KvWrite {
    return this.#write(options, () => [this.putEffect(key, value, options)]);
  }

  /** Removes a key. Resolves to whether it was there (and as demanded). */
  del(key: InputOf<KE>, options?: Demand & WriteCallOptions): KvWrite {
    return this.#write(options, () => [this.delEffect(key, options)], wasThere);
  }

  /**
   * Several writes as one atomic frame: all of them are done, or none. Without operations, answers a builder. Resolves to
   * false when a key was not as demanded; within a batch the last write of a key wins.
   */
  batch(): KvBatch<KE, VE>;
  batch(operations: readonly BatchOperation<InputOf<KE>, InputOf<VE>>[], options?: WriteCallOptions): KvWrite;
  batch(
    operations?: readonly BatchOperation<InputOf<KE>, InputOf<VE>>[],
    options?: WriteCallOptions,
  ): KvWrite | KvBatch<KE, VE> {
    const batch = new KvBatch<KE, VE>(this);
    if (!operations) return batch;
    try {
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value, operation);
        else batch.del(operation.key, operation);
      }
    } catch (error) {
      return KvWrite.failed(error);
    }
    return batch.write(options);
  }

  /**
   * Removes all keys as one record, whatever their number; with bounds, the keys between them, in batches of 10,000 of
   * which each is atomic.
   */
  async clear(options: RangeOptions<InputOf<KE>> & WriteCallOptions = {}): Promise<void> {
    this.#owner.assertOpen();
    throwIfAborted(options.signal);
    const { gt, gte, lt, lte, prefix, limit } = options;
    if ([gt, gte, lt, lte, prefix].every((bound) => bound === undefined) && (limit === undefined || limit === -1)) {
      await this.#write(options, () => [{ kind: 'kvClear', store: this.raw.id }]);
      return;
    }
    const range = this.keys(options);
    let effects: KvEffect[] = [];
    const flush = async (): Promise<void> => {
      const page = effects;
      effects = [];
      if (page.length > 0) await this.#write(options, () => page);
    };
    for await (const key of range) {
      effects.push(this.delEffect(key as unknown as InputOf<KE>));
      if (effects.length === CLEAR_PAGE) await flush();
    }
    await flush();
  }

  /** A snapshot: the store as it is now, for as long as it is open. Overwritten values cost memory until it is closed. */
  snapshot(): KvSnapshot<KE, VE> {
    this.#owner.assertOpen();
    const id = this.raw.snapshot();
    const feed = feedSource(this.raw, this.#owner.engine);
    const position = feed
      ? feedPosition(feed, 'now')
      : ({ kind: 'sequence', sequence: this.raw.appendedLsn, taken: 0 } as const);
    return new KvSnapshot(this.raw, this.keyCodec, this.valueCodec, this.#owner, id, positionText(position));
  }

  /**
   * Changes of this store, whoever makes them, in the order of their commits and only when they are durable: from now on,
   * from a position that was kept, or beginning with all entries it has now. Where the store has a feed (`Kv.setFeed`) they
   * are read from there, and a position stays good across restarts; otherwise a window in memory of the newest changes
   * bounds how far a watcher may fall behind. It has its place from this call on, not from the first `next`; it has to be
   * read to its end or closed. Throws MILLRACE_FELL_BEHIND, MILLRACE_ARGUMENT, MILLRACE_OPTION, MILLRACE_CLOSED.
   */
  watch(options: WatchOptions<InputOf<KE>> = {}): KvWatch<OutputOf<KE>, OutputOf<VE>> {
    this.#owner.assertOpen();
    const { prefix: wanted, ...rest } = options;
    const prefix = wanted === undefined ? Buffer.alloc(0) : this.keyCodec.encode(wanted);
    const bounds = prefix.length === 0 ? {} : { gte: prefix, lt: behindPrefix(prefix) };
    return new KvWatch({
      store: this.raw,
      engine: this.#owner.engine,
      options: rest,
      prefix,
      initialRange: (snapshot) => ({
        store: this.raw,
        snapshot,
        bounds,
        reverse: false,
        keysOnly: false,
        limit: Number.POSITIVE_INFINITY,
        signal: undefined,
        assertOpen: () => this.#owner.assertOpen(),
      }),
      decodeKey: (key) => this.keyCodec.decode(key),
      decodeValue: (value) => this.valueCodec.decode(value),
      onClose: (listener) => this.#owner.onClose(listener),
    });
  }

  /** Keys that are there. */
  count(): number {
    this.#owner.assertOpen();
    return this.raw.count();
  }

  /** What the store holds and costs: keys, bytes in memory and on disk, files. */
  stats(): Record<string, unknown> {
    this.#owner.assertOpen();
    return this.raw.stats();
  }

  /** Begins to give back what overwritten and deleted records occupy on disk; `stats` shows how far it is. */
  merge(): void {
    this.#owner.assertOpen();
    this.raw.merge();
  }

  /** The effect of a put; for `KvBatch`. Throws as `put` rejects. */
  putEffect(key: InputOf<KE>, value: InputOf<VE>, options: PutOptions = {}): KvEffect {
    const encoded = this.#keyOf(key);
    const expiresMs = expiryOf(options, this.raw.stores.engine.wallMs);
    const demand = demandOf(options);
    return {
      kind: 'kvPut',
      store: this.raw.id,
      key: encoded,
      value: this.valueCodec.encode(value),
      ...(expiresMs === 0 ? {} : { expiresMs }),
      ...(demand === undefined ? {} : { demand }),
    };
  }

  /** The effect of a del; for `KvBatch`. */
  delEffect(key: InputOf<KE>, options: Demand = {}): KvEffect {
    const demand = demandOf(options);
    const effect = { kind: 'kvDelete', store: this.raw.id, key: this.#keyOf(key) } as const;
    return demand === undefined ? effect : { ...effect, demand };
  }

  /** The level of a write; for `KvBatch`. Throws MILLRACE_OPTION, MILLRACE_CLOSED, MILLRACE_ABORTED. */
  levelOf(options: WriteCallOptions | undefined): LevelNumber {
    this.#owner.assertOpen();
    throwIfAborted(options?.signal);
    return options?.durability === undefined ? this.#owner.level : levelNumber(options.durability);
  }

  #keyOf(key: InputOf<KE>): Buffer {
    const encoded = this.keyCodec.encode(key);
    if (encoded.length <= KEY_BYTES_MAX) return encoded;
    throw new MillraceError('MILLRACE_TOO_LARGE', `a key has at most ${KEY_BYTES_MAX} bytes, not ${encoded.length}`);
  }

  #write(
    options: WriteCallOptions | undefined,
    effects: () => readonly KvEffect[],
    outcome?: (results: readonly EffectResult[]) => boolean,
  ): KvWrite {
    try {
      const level = this.levelOf(options);
      const { stores } = this.raw;
      const { signal, fence } = options ?? {};
      const isFenced = fence !== undefined;
      return KvWrite.send(stores, fenced(stores, effects(), fence), {
        level,
        signal,
        outcome,
        isFenced,
        store: this.name,
      });
    } catch (error) {
      return KvWrite.failed(error);
    }
  }
}

function wasThere([result]: readonly EffectResult[]): boolean {
  return result !== undefined && result.baseOffset > 0;
}

/** When a put expires, ms since 1970; 0: never. Throws MILLRACE_ARGUMENT. */
function expiryOf({ ttlMs, expiresMs }: PutOptions, now: number): number {
  if (ttlMs === undefined && expiresMs === undefined) return 0;
  if (ttlMs !== undefined && expiresMs !== undefined) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'ttlMs and expiresMs exclude each other');
  }
  const at = ttlMs === undefined ? (expiresMs as number) : Math.ceil(now + ttlMs);
  if (!Number.isSafeInteger(at) || at <= 0 || (ttlMs !== undefined && ttlMs <= 0)) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'ttlMs must be above 0, expiresMs a whole number of ms since 1970');
  }
  return at;
}

function demandOf({ ifAbsent, ifPresent, ifSeq }: Demand): KvDemand | undefined {
  if (ifAbsent !== true && ifPresent !== true && ifSeq === undefined) return undefined;
  const given = [ifAbsent === true, ifPresent === true, ifSeq !== undefined].filter(Boolean).length;
  if (given > 1) throw new MillraceError('MILLRACE_ARGUMENT', 'ifAbsent, ifPresent and ifSeq exclude each other');
  if (ifSeq === undefined) return ifAbsent ? 'absent' : 'present';
  if (typeof ifSeq !== 'bigint' || ifSeq < 1n || ifSeq > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'ifSeq must be the sequence of a write, a bigint above 0');
  }
  return { sequence: Number(ifSeq) };
}
