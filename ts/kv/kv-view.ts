/**
 * What can be read of a store, of its present state or of a snapshot: keys, values and ranges in their encodings.
 *
 * Not writing (kv-store.ts). To remember: a missing key is undefined; a promise is made for every read, but only a value
 * that lies on the disk makes anybody wait.
 */

import { type KvGetNews, kvGets } from '../channels.ts';
import { abortedError, MillraceError, throwIfAborted } from '../errors.ts';
import type { KvAnswer } from '../io/kv-reads.ts';
import { abortable } from './abortable.ts';
import type { InputOf, KeyEncoding, OutputOf, Transcoder, ValueEncoding } from './encoding.ts';
import { behindPrefix, KvRange, limitOf, type RangeRequest } from './kv-range.ts';
import { type Bounds, foundValue, type Store } from './store.ts';

/** How to read. */
export interface GetOptions {
  signal?: AbortSignal | undefined;
}

/** Which keys to read, and in which direction. Bounds are keys; the order is that of their bytes. */
export interface RangeOptions<K> {
  gt?: K | undefined;
  gte?: K | undefined;
  lt?: K | undefined;
  lte?: K | undefined;
  /** Only keys that begin so. */
  prefix?: K | undefined;
  reverse?: boolean | undefined;
  /** Most entries; -1 for all. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A value with its version and its end. */
export interface KvEntry<V> {
  readonly value: V;
  /** The sequence of the write that put it: what `ifSeq` takes. */
  readonly sequence: bigint;
  /** When it expires, ms since 1970; undefined: never. */
  readonly expiresMs: number | undefined;
}

/** A key with its value, its version and its end. */
export interface KvRecord<K, V> extends KvEntry<V> {
  readonly key: K;
}

/** What a view belongs to. */
export interface ViewOwner {
  /** Throws MILLRACE_CLOSED. */
  assertOpen(): void;
}

/** A state of a store that can be read. */
export class KvView<KE extends KeyEncoding, VE extends ValueEncoding> {
  /** The bytes below; for adapters. */
  readonly raw: Store;
  protected readonly keyCodec: Transcoder<InputOf<KE>, OutputOf<KE>>;
  protected readonly valueCodec: Transcoder<InputOf<VE>, OutputOf<VE>>;
  protected readonly owner: ViewOwner;
  /** 0: the present state. */
  readonly #snapshot: number;

  constructor(
    raw: Store,
    keys: Transcoder<InputOf<KE>, OutputOf<KE>>,
    values: Transcoder<InputOf<VE>, OutputOf<VE>>,
    owner: ViewOwner,
    snapshot: number,
  ) {
    this.raw = raw;
    this.keyCodec = keys;
    this.valueCodec = values;
    this.owner = owner;
    this.#snapshot = snapshot;
  }

  /** The value of a key; undefined when there is none. Rejects with MILLRACE_DAMAGED, MILLRACE_CLOSED, MILLRACE_ABORTED. */
  get(key: InputOf<KE>, options?: GetOptions): Promise<OutputOf<VE> | undefined> {
    // Who listens is told by the longer way.
    if (this.#snapshot === 0 && options === undefined && !kvGets.hasSubscribers) {
      try {
        const found = this.#look(this.keyCodec.encode(key));
        if (found !== null) return Promise.resolve(found);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#read([key], options, ([answer]) => this.#valueOf(answer as KvAnswer));
  }

  /** The value of a key when memory can tell; null when it cannot. */
  #look(key: Uint8Array): OutputOf<VE> | undefined | null {
    this.owner.assertOpen();
    const found = this.raw.look(key);
    if (found === undefined) return null;
    return found === null ? undefined : this.valueCodec.decode(found);
  }

  /**
   * As `get`, without a promise. Throws MILLRACE_NOT_RESIDENT when the value lies on the disk (`await get` then reads it).
   */
  getSync(key: InputOf<KE>): OutputOf<VE> | undefined {
    const encoded = this.keyCodec.encode(key);
    const beganMs = kvGets.hasSubscribers ? performance.now() : 0;
    const looked = this.#snapshot === 0 && beganMs === 0 ? this.#look(encoded) : null;
    if (looked !== null) return looked;
    this.owner.assertOpen();
    const found = this.raw.lookup([encoded], () => {}, this.#snapshot);
    if (!found) throw new MillraceError('MILLRACE_NOT_RESIDENT');
    if (beganMs > 0) this.#publish(1, false, beganMs);
    return this.#valueOf(found[0] as KvAnswer);
  }

  /** The values of several keys, in their order, in one go. */
  getMany(keys: readonly InputOf<KE>[], options?: GetOptions): Promise<(OutputOf<VE> | undefined)[]> {
    return this.#read(keys, options, (answers) => answers.map((answer) => this.#valueOf(answer)));
  }

  /** A value with its sequence and its expiry; undefined when there is none. */
  async getEntry(key: InputOf<KE>, options?: GetOptions): Promise<KvEntry<OutputOf<VE>> | undefined> {
    this.owner.assertOpen();
    // A sequence is only known of what is committed.
    if (this.#snapshot === 0) this.raw.commitTurn();
    return this.#read([key], options, ([answer]) => {
      const value = foundValue(answer as KvAnswer);
      if (value === undefined) return undefined;
      const { sequence, expiresMs } = answer as KvAnswer;
      const decoded = this.valueCodec.decode(value);
      return { value: decoded, sequence: BigInt(sequence), expiresMs: expiresMs || undefined };
    });
  }

  /** Whether there is such a key. */
  has(key: InputOf<KE>, options?: GetOptions): Promise<boolean> {
    return this.#read([key], options, ([answer]) => foundValue(answer as KvAnswer) !== undefined);
  }

  /** Which of these keys are there. */
  hasMany(keys: readonly InputOf<KE>[], options?: GetOptions): Promise<boolean[]> {
    return this.#read(keys, options, (answers) => answers.map((answer) => foundValue(answer) !== undefined));
  }

  #valueOf(answer: KvAnswer): OutputOf<VE> | undefined {
    const value = foundValue(answer);
    return value === undefined ? undefined : this.valueCodec.decode(value);
  }

  #publish(keys: number, isCold: boolean, beganMs: number): void {
    const durationMs = performance.now() - beganMs;
    kvGets.publish({ store: this.raw.name, keys, isCold, durationMs } satisfies KvGetNews);
  }

  #read<T>(
    keys: readonly InputOf<KE>[],
    options: GetOptions | undefined,
    decode: (answers: readonly KvAnswer[]) => T,
  ): Promise<T> {
    try {
      this.owner.assertOpen();
      const signal = options?.signal;
      throwIfAborted(signal);
      let settle: ((answers: KvAnswer[]) => void) | undefined;
      const beganMs = kvGets.hasSubscribers ? performance.now() : 0;
      const encoded = keys.map((key) => this.keyCodec.encode(key));
      const found = this.raw.lookup(encoded, (answers) => settle?.(answers), this.#snapshot);
      if (found) {
        if (beganMs > 0) this.#publish(keys.length, false, beganMs);
        return Promise.resolve(decode(found));
      }
      const late = new Promise<T>((resolve, reject) => {
        settle = (answers) => {
          if (beganMs > 0) this.#publish(keys.length, true, beganMs);
          try {
            resolve(decode(answers));
          } catch (error) {
            reject(error);
          }
        };
      });
      return signal ? abortable(late, signal) : late;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Keys with their values, in the order of keys: a page a crossing, as it is consumed. All of it is the state the store
   * has when the first entry is asked for. Throws MILLRACE_ARGUMENT, MILLRACE_CLOSED.
   */
  entries(options: RangeOptions<InputOf<KE>> = {}): KvRange<[key: OutputOf<KE>, value: OutputOf<VE>]> {
    return new KvRange(this.#range(options, false), ({ key, value }) => [
      this.keyCodec.decode(key),
      this.valueCodec.decode(value),
    ]);
  }

  /** As `entries`, with the version and the expiry of each. */
  records(options: RangeOptions<InputOf<KE>> = {}): KvRange<KvRecord<OutputOf<KE>, OutputOf<VE>>> {
    return new KvRange(this.#range(options, false), ({ key, value, sequence, expiresMs }) => ({
      key: this.keyCodec.decode(key),
      value: this.valueCodec.decode(value),
      sequence: BigInt(sequence),
      expiresMs: expiresMs || undefined,
    }));
  }

  /** As `entries`, keys only: no value is read. */
  keys(options: RangeOptions<InputOf<KE>> = {}): KvRange<OutputOf<KE>> {
    return new KvRange(this.#range(options, true), ({ key }) => this.keyCodec.decode(key));
  }

  /** As `entries`, values only. */
  values(options: RangeOptions<InputOf<KE>> = {}): KvRange<OutputOf<VE>> {
    return new KvRange(this.#range(options, false), ({ value }) => this.valueCodec.decode(value));
  }

  #range(options: RangeOptions<InputOf<KE>>, keysOnly: boolean): RangeRequest {
    this.owner.assertOpen();
    const { signal } = options;
    if (signal?.aborted) throw abortedError(signal);
    return {
      store: this.raw,
      snapshot: this.#snapshot,
      bounds: this.boundsOf(options),
      reverse: options.reverse === true,
      keysOnly,
      limit: limitOf(options.limit),
      signal,
      assertOpen: () => this.owner.assertOpen(),
    };
  }

  /** The bounds of a range in bytes. Throws MILLRACE_ARGUMENT when `prefix` is given beside a bound. */
  protected boundsOf(options: RangeOptions<InputOf<KE>>): Bounds {
    const { gt, gte, lt, lte, prefix } = options;
    if (prefix !== undefined) {
      if ([gt, gte, lt, lte].some((bound) => bound !== undefined)) {
        throw new MillraceError('MILLRACE_ARGUMENT', 'prefix and bounds exclude each other');
      }
      const first = this.keyCodec.encode(prefix);
      return { gte: first, lt: behindPrefix(first) };
    }
    const encode = (key: InputOf<KE> | undefined): Buffer | undefined =>
      key === undefined ? undefined : this.keyCodec.encode(key);
    return { gt: encode(gt), gte: encode(gte), lt: encode(lt), lte: encode(lte) };
  }
}
