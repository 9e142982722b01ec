/**
 * The locks of a directory: who holds which, who waits, and what of it is on the disk.
 *
 * Not the holder's view (kv-lock.ts) and not the check of a token (fence.ts). The invariants to remember: a grant is
 * durable before it is answered, whatever the flush policy, so no power cut takes it back and gives it away again; time is
 * measured by a clock that does not jump, and the wall clock is asked once, after a restart, for at most the rest of a
 * term; a lock is kept from others longer than its holder believes to have it.
 */

import { performance } from 'node:perf_hooks';
import { abortedError, MillraceError } from '../errors.ts';
import type { ScanEntry } from '../io/kv-scan.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { EffectResult, KvDemand, KvEffect } from '../log/types.ts';
import { fenceEffect, grantKey, LOCK_STORE, nameOfTerm, termKey } from './fence.ts';
import { KvLock } from './kv-lock.ts';
import { behindPrefix, KvRange } from './kv-range.ts';
import { firstRefusal } from './refusal.ts';
import type { Store } from './store.ts';
import type { Stores } from './stores.ts';

/** The two clocks, ms. */
export interface LockClock {
  monotonicMs(): number;
  /** Since 1970; may jump. */
  wallMs(): number;
}

/** How to take a lock. */
export interface LockRequest {
  readonly name: string;
  readonly ttlMs: number;
  /** Wait for it; otherwise the answer is undefined when it is held. */
  readonly isPatient: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Waiting extends LockRequest {
  resolve(lock: KvLock | undefined): void;
  reject(error: unknown): void;
  isOver: boolean;
}

/** One lock that is held, was held, or is asked for. */
interface Entry {
  readonly name: string;
  /** Sequence of the grant that is on the disk; 0: none. */
  token: number;
  /** Nobody else gets it before, by the monotonic clock. */
  until: number;
  readonly queue: Waiting[];
  isGranting: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** What the disk knows of a grant's term. */
interface Term {
  readonly ttlMs: number;
  readonly untilMs: number;
}

const systemClock: LockClock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
const known = new WeakMap<Stores, Locks>();
const TTL_MAX = 2 ** 31 - 1;
const NAME_MAX = 1024;

/** All locks of one engine. */
export class Locks {
  readonly #stores: Stores;
  readonly #clock: LockClock;
  readonly #entries = new Map<string, Entry>();
  #loading: Promise<Store> | undefined;

  /** The locks of `stores`: always the same object. The clock is taken from whoever asks first. */
  static of(stores: Stores, clock: LockClock = systemClock): Locks {
    let locks = known.get(stores);
    if (!locks) {
      locks = new Locks(stores, clock);
      known.set(stores, locks);
    }
    return locks;
  }

  private constructor(stores: Stores, clock: LockClock) {
    this.#stores = stores;
    this.#clock = clock;
  }

  /** Takes a lock; see `Kv.lock`. */
  async acquire(request: LockRequest): Promise<KvLock | undefined> {
    const { name, ttlMs, signal } = request;
    if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > NAME_MAX) {
      throw new MillraceError('MILLRACE_ARGUMENT', `a lock's name has 1 to ${NAME_MAX} bytes`);
    }
    assertTtl(ttlMs);
    const store = await this.#load();
    if (signal?.aborted) throw abortedError(signal);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { ...request, resolve, reject, isOver: false };
      const abort = signal && (() => this.#withdraw(waiting, abortedError(signal)));
      if (signal && abort) {
        signal.addEventListener('abort', abort, { once: true });
        waiting.resolve = (lock) => {
          signal.removeEventListener('abort', abort);
          resolve(lock);
        };
      }
      const entry = this.#entry(name);
      entry.queue.push(waiting);
      this.#pump(store, entry);
    });
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (!entry) {
      entry = { name, token: 0, until: 0, queue: [], isGranting: false, timer: undefined };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  #withdraw(waiting: Waiting, error: unknown): void {
    if (waiting.isOver) return;
    waiting.isOver = true;
    waiting.reject(error);
    const { queue } = this.#entry(waiting.name);
    const at = queue.indexOf(waiting);
    if (at >= 0) queue.splice(at, 1);
  }

  /** Gives the lock to the first who waits, if it is free; otherwise sees to it that somebody looks when it may be. */
  #pump(store: Store, entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.isGranting) return;
    const left = entry.token === 0 ? 0 : entry.until - this.#clock.monotonicMs();
    if (left <= 0) {
      const next = entry.queue.shift();
      if (next) this.#grant(store, entry, next);
      else this.#forget(store, entry);
      return;
    }
    for (const waiting of entry.queue.filter(({ isPatient }) => !isPatient)) {
      waiting.isOver = true;
      waiting.resolve(undefined);
      entry.queue.splice(entry.queue.indexOf(waiting), 1);
    }
    entry.timer = setTimeout(() => this.#pump(store, entry), Math.ceil(left));
    if (entry.queue.length === 0) entry.timer.unref();
  }

  /** Nobody holds it and nobody wants it: nothing of it stays. */
  #forget(store: Store, { name, token }: Entry): void {
    this.#entries.delete(name);
    if (token !== 0) this.#write(releaseEffects(store, name, token), Level.written, () => {});
  }

  #grant(store: Store, entry: Entry, waiting: Waiting): void {
    const { name, ttlMs } = waiting;
    const since = this.#clock.monotonicMs();
    entry.isGranting = true;
    const demand: KvDemand = entry.token === 0 ? 'absent' : { sequence: entry.token };
    const effects: KvEffect[] = [
      { kind: 'kvPut', store: store.id, key: grantKey(name), value: Buffer.alloc(0), demand },
      this.#term(store, name, ttlMs),
    ];
    this.#write(effects, Level.durable, (result, error) => {
      entry.isGranting = false;
      if (error?.code === 'MILLRACE_CONDITION') {
        // What is on the disk is another grant than we know of: look there, and try again.
        this.#reload(store, entry, waiting);
        return;
      }
      if (error) {
        if (!waiting.isOver) waiting.reject(error);
        waiting.isOver = true;
        this.#pump(store, entry);
        return;
      }
      entry.token = (result as EffectResult).lsn;
      entry.until = this.#clock.monotonicMs() + ttlMs;
      if (waiting.isOver) {
        void this.release(name, entry.token);
        return;
      }
      waiting.isOver = true;
      waiting.resolve(new KvLock(this, this.#clock, name, entry.token, ttlMs, since));
      this.#pump(store, entry);
    });
  }

  #reload(store: Store, entry: Entry, waiting: Waiting): void {
    entry.isGranting = true;
    const again = (token: number): void => {
      entry.isGranting = false;
      entry.token = token;
      if (!waiting.isOver) entry.queue.unshift(waiting);
      this.#pump(store, entry);
    };
    const found = store.lookupCommitted([grantKey(entry.name)], ([answer]) => again(answer?.sequence ?? 0));
    if (found) again(found[0]?.sequence ?? 0);
  }

  /** Lets the holder have it for `ttlMs` from now on; false when it does not hold it. Durable when it resolves. */
  async extend(name: string, token: number, ttlMs: number): Promise<boolean> {
    assertTtl(ttlMs);
    const store = await this.#load();
    const entry = this.#entries.get(name);
    if (!entry || entry.token !== token || entry.isGranting) return false;
    if (entry.until <= this.#clock.monotonicMs()) return false;
    // From here on nobody else gets it, whatever becomes of the write.
    const keep = (): void => {
      entry.until = Math.max(entry.until, this.#clock.monotonicMs() + ttlMs);
      this.#pump(store, entry);
    };
    keep();
    const effects = [this.#term(store, name, ttlMs), fenceEffect(store.id, { name, token: BigInt(token) })];
    return new Promise((resolve, reject) => {
      this.#write(effects, Level.durable, (_, error) => {
        if (error && error.code !== 'MILLRACE_CONDITION') reject(error);
        else if (error) resolve(false);
        else {
          if (entry.token === token) keep();
          resolve(true);
        }
      });
    });
  }

  /** Takes the lock from who holds it with `token`; false when nobody does. It survives the death of the process then. */
  async release(name: string, token: number): Promise<boolean> {
    const store = await this.#load();
    const entry = this.#entries.get(name);
    if (!entry || entry.token !== token || entry.isGranting) return false;
    entry.token = 0;
    const done = new Promise<boolean>((resolve, reject) => {
      this.#write(releaseEffects(store, name, token), Level.written, (_, error) => {
        if (error && error.code !== 'MILLRACE_CONDITION') reject(error);
        else resolve(!error);
      });
    });
    // The next grant lies behind the release in the journal: one is not there without the other.
    this.#pump(store, entry);
    return done;
  }

  #term(store: Store, name: string, ttlMs: number): KvEffect {
    const term: Term = { ttlMs, untilMs: Math.ceil(this.#clock.wallMs() + ttlMs) };
    const value = Buffer.from(JSON.stringify({ v: 1, ...term }));
    return { kind: 'kvPut', store: store.id, key: termKey(name), value };
  }

  #write(
    effects: readonly KvEffect[],
    level: LevelNumber,
    done: (first: EffectResult | undefined, error: MillraceError | undefined) => void,
  ): void {
    this.#stores.write(effects, level, (results, failure) => {
      const refusal = firstRefusal(results);
      if (refusal !== Code.ok) done(undefined, fromCode(refusal));
      else done(results[0], failure === Code.ok ? undefined : outcomeUnknown(failure));
    });
  }

  /** Opens the store of locks; what a former life has granted holds for the rest of its term. */
  #load(): Promise<Store> {
    this.#loading ??= this.#read().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #read(): Promise<Store> {
    const store = await new Promise<Store>((resolve, reject) => {
      this.#stores.open(LOCK_STORE, (found, code: CodeNumber) => (found ? resolve(found) : reject(fromCode(code))));
    });
    const [wall, now] = [this.#clock.wallMs(), this.#clock.monotonicMs()];
    const terms = await pageOf(store, 't/');
    const grants = new Map((await pageOf(store, 'g/')).map(({ key, sequence }) => [nameOfTerm(key), sequence]));
    for (const { key, value } of terms) {
      const name = nameOfTerm(key);
      const token = grants.get(name);
      const { ttlMs, untilMs } = JSON.parse(value.toString()) as Term;
      if (token === undefined) continue;
      const left = Math.min(ttlMs, untilMs - wall);
      if (left > 0) Object.assign(this.#entry(name), { token, until: now + left });
      else this.#write(releaseEffects(store, name, token), Level.written, () => {});
    }
    return store;
  }
}

function releaseEffects(store: Store, name: string, token: number): KvEffect[] {
  return [
    { kind: 'kvDelete', store: store.id, key: grantKey(name), demand: { sequence: token } },
    { kind: 'kvDelete', store: store.id, key: termKey(name) },
  ];
}

function assertTtl(ttlMs: number): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 1 && ttlMs <= TTL_MAX) return;
  throw new MillraceError('MILLRACE_ARGUMENT', `ttlMs must be a whole number between 1 and ${TTL_MAX}`);
}

/** All entries whose keys begin so. */
function pageOf(store: Store, prefix: string): Promise<ScanEntry[]> {
  const first = Buffer.from(prefix);
  const range = new KvRange(
    {
      store,
      snapshot: 0,
      bounds: { gte: first, lt: behindPrefix(first) },
      reverse: false,
      keysOnly: false,
      limit: Number.POSITIVE_INFINITY,
      signal: undefined,
      assertOpen: () => {},
    },
    (entry) => entry,
  );
  return range.all();
}
