/**
 * Following the changes of a store: from now, from a position that was kept, or from the state it has now.
 *
 * Not where changes come from (watch-window.ts in memory, watch-feed.ts from a topic). The invariant to remember: the
 * state that watching begins with and the place where following begins are taken in one moment, before anything else can
 * run: no change is in both, none in neither.
 */

import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { WINDOW_BYTES } from './change-window.ts';
import { KvRange, type RangeRequest } from './kv-range.ts';
import type { RawChange } from './raw-change.ts';
import type { Store } from './store.ts';
import { feedPosition, feedSource, watchFeed } from './watch-feed.ts';
import { parsePosition, positionText, type SequencePosition, type WatchPosition } from './watch-position.ts';
import { startIn, type WatchIsolation, watchWindow } from './watch-window.ts';

/** What to watch, and from where. */
export interface WatchOptions<K> {
  /**
   * `now` (default), a position (of a change, or of a snapshot), or `earliest`: everything the feed has. A store without a
   * feed only knows positions of this process, as far as its window in memory goes back.
   */
  from?: string | undefined;
  /** Tells every entry the store has now first, then what changes. Not with `from`. */
  initial?: boolean | undefined;
  /** Only keys that begin so; that all keys are gone is told in any case. */
  prefix?: K | undefined;
  /**
   * `durable` (default): what is told cannot be taken back by a power cut. `written`: it survives the death of the process;
   * for stores that are hardly ever flushed.
   */
  isolation?: WatchIsolation | undefined;
  /** Bytes of changes that are kept in memory for this store, at least. Default 8 MiB; without meaning where it has a feed. */
  windowBytes?: number | undefined;
  /** Wait at the end for more (default), or end there. Only of a store with a feed. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** What every change tells beside itself. */
interface ChangePlace {
  /** Sequence of the write, as `getEntry` shows it; 0n where a feed tells, which knows an offset instead. */
  readonly sequence: bigint;
  /** No more of the same frame follows. */
  readonly isLast: boolean;
  /** An entry of the state that watching began with, not a change. */
  readonly isInitial: boolean;
  /** What `from` takes to go on behind this change; undefined for `isInitial`, behind which there is no going on. */
  readonly position: string | undefined;
}

/** One change. A key whose time has come is not told of: `expiresMs` has said when. */
export type KvChange<K, V> = ChangePlace &
  (
    | { readonly type: 'put'; readonly key: K; readonly value: V; readonly expiresMs: number | undefined }
    | { readonly type: 'del'; readonly key: K }
    | { readonly type: 'clear' }
  );

/** What a watcher needs of its store. */
export interface WatchRequest<K, V> {
  readonly store: Store;
  readonly engine: NodeEngine;
  readonly options: Omit<WatchOptions<never>, 'prefix'>;
  /** Bytes that keys begin with; empty: all. */
  readonly prefix: Buffer;
  /** The range of the entries to begin with, of this snapshot. */
  readonly initialRange: (snapshot: number) => RangeRequest;
  decodeKey(key: Buffer): K;
  decodeValue(value: Buffer): V;
  /** Runs `listener` when the handle is closed; returns how to stop it. */
  onClose(listener: () => void): () => void;
}

type Source = (signal: AbortSignal) => AsyncGenerator<RawChange, void, undefined>;

/** Changes of a store in the order of their commits. Made by `KvStore.watch`; ends by `return`, `close` or its signal. */
export class KvWatch<K, V> implements AsyncIterableIterator<KvChange<K, V>>, AsyncDisposable {
  readonly #request: WatchRequest<K, V>;
  readonly #stop = new AbortController();
  readonly #stops: (() => void)[] = [];
  readonly #changes: AsyncGenerator<RawChange, void, undefined>;
  /** Where the watcher stands: behind what was told last. */
  #position: string | undefined;
  /** Where following begins. */
  #follows: string | undefined;
  #snapshot = 0;
  #isClosed = false;

  /** Takes its place in the store's history at once. Throws MILLRACE_ARGUMENT, MILLRACE_FELL_BEHIND. */
  constructor(request: WatchRequest<K, V>) {
    this.#request = request;
    const { store, options } = request;
    const { initial = false, from, signal } = options;
    if (initial && from !== undefined)
      throw new MillraceError('MILLRACE_ARGUMENT', 'initial and from exclude each other');
    store.commitTurn();
    const source = this.#source(from ?? 'now');
    if (initial) {
      this.#snapshot = store.snapshotCommitted();
      this.#follows = this.#position;
      this.#position = undefined;
    }
    this.#stops.push(request.onClose(() => this.#stop.abort(new MillraceError('MILLRACE_CLOSED'))));
    if (signal) {
      const abort = (): void => this.#stop.abort(signal.reason);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      this.#stops.push(() => signal.removeEventListener('abort', abort));
    }
    const following = source(this.#stop.signal);
    this.#changes = initial ? this.#initialThen(store.appendedLsn, following) : following;
  }

  /** What `from` takes to go on where this watcher stands; undefined while the state it began with is told. */
  get position(): string | undefined {
    return this.#position;
  }

  #source(from: string): Source {
    const { store, engine, options } = this.#request;
    const { isolation = 'durable', windowBytes = WINDOW_BYTES, follow = true } = options;
    if (isolation !== 'durable' && isolation !== 'written') {
      throw new MillraceError('MILLRACE_OPTION', 'isolation must be durable or written');
    }
    const feed = feedSource(store, engine);
    const isWord = from === 'now' || from === 'earliest';
    let position: WatchPosition | undefined = isWord ? undefined : parsePosition(from);
    if (feed && position?.kind !== 'sequence') {
      const start = position ?? feedPosition(feed, from as 'now' | 'earliest');
      this.#position = positionText(start);
      return (signal) => watchFeed(feed, start, { isolation, follow, signal });
    }
    if (position?.kind === 'offset') throw new MillraceError('MILLRACE_FELL_BEHIND', 'the store has no feed any more');
    if (from === 'earliest' || !follow) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'earliest and follow: false need a store with a feed');
    }
    const here: SequencePosition = { kind: 'sequence', sequence: store.appendedLsn, taken: 0 };
    position ??= here;
    const window = store.stores.windowOf(store);
    window.widen(windowBytes);
    const start = startIn(window, store, position);
    this.#position = positionText(position);
    return (signal) => watchWindow(window, store, start, isolation, signal);
  }

  /** The entries of the snapshot, then what `following` tells. */
  async *#initialThen(
    lsn: number,
    following: AsyncGenerator<RawChange, void, undefined>,
  ): AsyncGenerator<RawChange, void, undefined> {
    const { engine, options, initialRange } = this.#request;
    if (options.isolation !== 'written') await engine.makeDurable(lsn);
    const entries = new KvRange(initialRange(this.#snapshot), (entry) => entry);
    for await (const { key, value, sequence, expiresMs } of entries) {
      if (this.#stop.signal.aborted) break;
      const change = { type: 'put', key, value, expiresMs } as const;
      yield { change, sequence, isLast: true, isInitial: true, position: undefined };
    }
    this.#release();
    this.#position = this.#follows;
    yield* following;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next change. Rejects with MILLRACE_FELL_BEHIND when changes were lost to a watcher that was too slow, with
   * MILLRACE_ABORTED, MILLRACE_CLOSED, MILLRACE_POISONED, MILLRACE_UNKNOWN_STORE when the store was dropped.
   */
  async next(): Promise<IteratorResult<KvChange<K, V>, undefined>> {
    try {
      for (;;) {
        if (this.#isClosed) return { done: true, value: undefined };
        const { done, value } = await this.#changes.next();
        if (done || this.#isClosed) break;
        if (!value.isInitial) this.#position = value.position;
        if (this.#isWanted(value)) return { done: false, value: this.#decoded(value) };
      }
    } catch (error) {
      if (!this.#isClosed) {
        const reason = this.#reasonOf(error);
        await this.close();
        throw reason;
      }
    }
    await this.close();
    return { done: true, value: undefined };
  }

  /** A closed handle is told as such, not as the abort it makes of us. */
  #reasonOf(error: unknown): unknown {
    const { reason } = this.#stop.signal;
    return this.#stop.signal.aborted && reason instanceof MillraceError && reason.code === 'MILLRACE_CLOSED'
      ? reason
      : error;
  }

  #isWanted({ change }: RawChange): boolean {
    const { prefix } = this.#request;
    return change.type === 'clear' || change.key.subarray(0, prefix.length).equals(prefix);
  }

  #decoded({ change, sequence, isLast, isInitial, position }: RawChange): KvChange<K, V> {
    const { decodeKey, decodeValue } = this.#request;
    const place = { sequence: BigInt(sequence), isLast, isInitial, position };
    if (change.type === 'clear') return { type: 'clear', ...place };
    const key = decodeKey(change.key);
    if (change.type === 'del') return { type: 'del', key, ...place };
    const { value, expiresMs } = change;
    return { type: 'put', key, value: decodeValue(value), expiresMs: expiresMs || undefined, ...place };
  }

  /** Ends watching; whoever waits for a change learns that there is none. Twice is once. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#stop.abort(new MillraceError('MILLRACE_CLOSED'));
    this.#release();
    await this.#changes.return().catch(() => {});
  }

  #release(): void {
    const snapshot = this.#snapshot;
    this.#snapshot = 0;
    if (snapshot !== 0) this.#request.store.release(snapshot);
  }

  async return(): Promise<IteratorResult<KvChange<K, V>, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
