/**
 * `openKv`: key-value stores in a directory, by themselves or beside a log.
 *
 * Not the stores' operations (kv-store.ts). To remember: a log and any number of KV handles on one directory share one
 * engine and one journal in a process; the last one to close closes it.
 */

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FlushInput, levelNumber, parseFlush } from '../durability.ts';
import { MillraceError, throwIfAborted } from '../errors.ts';
import { type BackupOptions, type BackupResult, backupDirectory } from '../io/backup.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode } from '../io/native-error.ts';
import type { CodeNumber, DriverReport, LevelNumber, RecoveryAccount } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import { type EngineShare, shareEngine } from '../io/shared-engine.ts';
import type { EngineOptions } from '../options.ts';
import {
  type InputOf,
  type KeyEncoding,
  keyTranscoderOf,
  type OutputOf,
  type Transcoder,
  transcoderOf,
  type ValueEncoding,
} from './encoding.ts';
import { beginFeed, endFeed, type FeedOptions } from './feed-topic.ts';
import type { KvLock } from './kv-lock.ts';
import { KvStore, type StoreOwner } from './kv-store.ts';
import { Locks } from './locks.ts';
import type { Store } from './store.ts';
import { Stores } from './stores.ts';

/** How a store is read and written. */
export interface StoreOptions<KE extends KeyEncoding, VE extends ValueEncoding> {
  /** Default `utf8`. The order of keys is that of their bytes. */
  keyEncoding?: KE | undefined;
  /** Default `buffer`. */
  valueEncoding?: VE | undefined;
  /** Creates the store when it is not there. Default true. */
  createIfMissing?: boolean | undefined;
}

/** What `openKv` takes beside the engine's options. */
export interface KvOptions<KE extends KeyEncoding, VE extends ValueEncoding>
  extends EngineOptions,
    StoreOptions<KE, VE> {
  /** Name of the store that the handle itself is. Default `default`. */
  store?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** How to take a lock. */
export interface LockOptions {
  /** How long it is held unless it is extended or released, ms: 1 to 2^31 - 1. */
  ttlMs: number;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

const STORE_NAME_MAX = 255;

/** The engine's side of an open handle. */
class Handle implements StoreOwner {
  readonly share: EngineShare;
  readonly stores: Stores;
  readonly level: LevelNumber;
  readonly #closeListeners = new Set<() => void>();
  #closed: Promise<void> | undefined;

  constructor(share: EngineShare, level: LevelNumber) {
    this.share = share;
    this.stores = Stores.of(share.engine);
    this.level = level;
  }

  assertOpen(): void {
    if (this.#closed) throw new MillraceError('MILLRACE_CLOSED');
  }

  open(name: string, createIfMissing: boolean): Promise<Store> {
    if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > STORE_NAME_MAX) {
      return Promise.reject(new MillraceError('MILLRACE_ARGUMENT', `a store's name has 1 to ${STORE_NAME_MAX} bytes`));
    }
    if (!createIfMissing && !this.stores.get(name)) {
      return Promise.reject(new MillraceError('MILLRACE_UNKNOWN_STORE', name));
    }
    return new Promise((resolve, reject) => {
      this.stores.open(name, (store, code) => (store ? resolve(store) : reject(fromCode(code))));
    });
  }

  get engine(): NodeEngine {
    return this.share.engine;
  }

  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const released = this.share.release();
    for (const listener of [...this.#closeListeners]) listener();
    await released;
  }
}

/** An open handle: its own store, and the way to the others of the directory. */
export class Kv<KE extends KeyEncoding = 'utf8', VE extends ValueEncoding = 'buffer'>
  extends KvStore<KE, VE>
  implements AsyncDisposable
{
  readonly #handle: Handle;

  /** Use `openKv`. */
  constructor(
    raw: Store,
    keys: Transcoder<InputOf<KE>, OutputOf<KE>>,
    values: Transcoder<InputOf<VE>, OutputOf<VE>>,
    handle: Handle,
  ) {
    super(raw, keys, values, handle);
    this.#handle = handle;
  }

  /** The engine below, shared with a log on the same directory. */
  get engine(): NodeEngine {
    return this.#handle.share.engine;
  }

  /** Which driver serves this directory, and why. */
  get driver(): DriverReport {
    return this.engine.driver;
  }

  /** What opening found: what was kept and what was cut. */
  get recovery(): RecoveryAccount {
    return this.engine.recovery;
  }

  /**
   * Another store of the directory; created, durably, when it is not there. Rejects with MILLRACE_UNKNOWN_STORE,
   * MILLRACE_ARGUMENT, MILLRACE_OPTION, MILLRACE_CLOSED.
   */
  async store<KO extends KeyEncoding = 'utf8', VO extends ValueEncoding = 'buffer'>(
    name: string,
    options: StoreOptions<KO, VO> = {},
  ): Promise<KvStore<KO, VO>> {
    this.#handle.assertOpen();
    const { keys, values } = transcoders(options);
    const raw = await this.#handle.open(name, options.createIfMissing !== false);
    return new KvStore(raw, keys, values, this.#handle);
  }

  /** Names of all stores of the directory, sorted. */
  stores(): string[] {
    this.#handle.assertOpen();
    return this.#handle.stores.names();
  }

  /** Drops a store with everything in it; durable when this resolves. Dropping what is not there is fine. */
  async dropStore(name: string): Promise<void> {
    this.#handle.assertOpen();
    const code = await new Promise<CodeNumber>((resolve) => this.#handle.stores.drop(name, resolve));
    if (code !== Code.ok) throw fromCode(code);
  }

  /**
   * Lets every change of a store go to a topic as well, in the same frame as the change: what any Kafka client reads, and
   * what `KvStore.watch` goes on from after a restart. The topic is created when it is not there. The feed begins with the
   * next write: it has no record of what the store holds already. Durable when this resolves. Rejects with
   * MILLRACE_UNKNOWN_STORE, MILLRACE_INVALID_TOPIC, MILLRACE_TOPIC_EXISTS when it has more than one partition, MILLRACE_OPTION when it is compacted,
   * MILLRACE_ARGUMENT when the store has another feed (end that first).
   */
  async setFeed(store: string, topic: string, options: FeedOptions = {}): Promise<void> {
    this.#handle.assertOpen();
    await beginFeed(this.#handle.stores, store, topic, options);
  }

  /** Ends the feed of a store; its topic stays. Durable when this resolves. A store without one is left as it is. */
  async endFeed(store: string): Promise<void> {
    this.#handle.assertOpen();
    await endFeed(this.#handle.stores, store);
  }

  /** The topic that the changes of a store go to; undefined when they go nowhere. */
  feedTopic(store: string): string | undefined {
    this.#handle.assertOpen();
    const { stores } = this.#handle;
    const feed = stores.feeds.get(stores.get(store)?.id ?? 0);
    return feed && stores.feeds.topicOf(feed)?.name;
  }

  /**
   * Takes a lock of the directory for `ttlMs`, waiting in line while somebody else has it. The grant is durable before this
   * resolves, whatever the flush policy, and no token is ever given twice, across crashes too. Only a write that names the
   * lock (`fence`) is safe from a holder that was stopped for longer than its time: no lock is safe without comparing
   * tokens. Rejects with MILLRACE_ABORTED, MILLRACE_CLOSED, MILLRACE_ARGUMENT, and as durable writes do.
   */
  async lock(name: string, options: LockOptions): Promise<KvLock> {
    return (await this.#takeLock(name, options, true)) as KvLock;
  }

  /** As `lock`, without waiting: undefined when somebody has it. */
  tryLock(name: string, options: LockOptions): Promise<KvLock | undefined> {
    return this.#takeLock(name, options, false);
  }

  async #takeLock(name: string, { ttlMs, signal }: LockOptions, isPatient: boolean): Promise<KvLock | undefined> {
    this.#handle.assertOpen();
    const closing = new AbortController();
    const forget = this.#handle.onClose(() => closing.abort());
    const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    try {
      const lock = await Locks.of(this.#handle.stores).acquire({ name, ttlMs, isPatient, signal: either });
      if (lock) {
        const stop = this.#handle.onClose(() => lock.lose(new MillraceError('MILLRACE_CLOSED')));
        lock.lost.addEventListener('abort', stop, { once: true });
      }
      return lock;
    } catch (error) {
      throw closing.signal.aborted ? new MillraceError('MILLRACE_CLOSED') : error;
    } finally {
      forget();
    }
  }

  /** Resolves when everything written so far survives a power cut, whatever the flush policy. */
  async flush(): Promise<void> {
    this.#handle.assertOpen();
    await this.engine.flush();
  }

  /**
   * Copies the directory, its log too, to `target` while it is written: as of one mark, as if it had been stopped cleanly
   * there. `target` must not exist or be empty. Rejects with MILLRACE_ARGUMENT, MILLRACE_ABORTED, MILLRACE_CLOSED,
   * MILLRACE_BUSY, MILLRACE_POISONED, MILLRACE_IO.
   */
  async backup(target: string, options: BackupOptions = {}): Promise<BackupResult> {
    this.#handle.assertOpen();
    return backupDirectory(this.engine, this.#handle.share.dir, target, options);
  }

  /** Changes the flush policy of the directory while running. */
  setFlushPolicy(flush: FlushInput): void {
    this.#handle.assertOpen();
    this.engine.setFlushPolicy(parseFlush(flush));
  }

  /** Runs `listener` when a flush has failed: from then on nothing can be written until the directory is opened again. */
  onFailure(listener: (error: MillraceError) => void): () => void {
    return this.engine.onFailure((code: CodeNumber) => {
      if (code !== Code.closing) listener(fromCode(code));
    });
  }

  /** Closes this handle. The last one on a directory flushes, leaves the mark of a clean shutdown, and lets go of it. */
  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function transcoders<KE extends KeyEncoding, VE extends ValueEncoding>(
  options: StoreOptions<KE, VE>,
): { keys: Transcoder<InputOf<KE>, OutputOf<KE>>; values: Transcoder<InputOf<VE>, OutputOf<VE>> } {
  return {
    keys: keyTranscoderOf(options.keyEncoding ?? ('utf8' as KE)),
    values: transcoderOf('valueEncoding', options.valueEncoding ?? ('buffer' as VE)),
  };
}

/**
 * Opens (or creates) the stores in `dir`. A log that this process has open there is shared. Rejects with MILLRACE_LOCKED
 * when another process has it, MILLRACE_FORMAT when a newer version wrote it, MILLRACE_UNKNOWN_STORE, MILLRACE_OPTION,
 * MILLRACE_DRIVER, MILLRACE_IO, MILLRACE_ABORTED.
 */
export async function openKv<KE extends KeyEncoding = 'utf8', VE extends ValueEncoding = 'buffer'>(
  dir: string,
  options: KvOptions<KE, VE> = {},
): Promise<Kv<KE, VE>> {
  const { keyEncoding, valueEncoding, createIfMissing = true, store = 'default', signal, ...engineOptions } = options;
  throwIfAborted(signal);
  const { keys, values } = transcoders<KE, VE>({ keyEncoding, valueEncoding });
  const level = levelNumber(options.durability ?? 'durable');
  if (!engineOptions.sim) await mkdir(dirname(dir), { recursive: true });
  const handle = new Handle(shareEngine(dir, 'kv', engineOptions), level);
  try {
    return new Kv(await handle.open(store, createIfMissing), keys, values, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
