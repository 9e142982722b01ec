/**
 * A write on its way: a promise of whether it was done, and lazily of when it is durable.
 *
 * Not the frame. To remember: the promise settles at the write's durability level; `durable` costs nothing until it is
 * read; aborting ends the wait, never the write.
 */

import { type KvPutNews, kvPuts } from '../channels.ts';
import { type Durability, levelName } from '../durability.ts';
import { abortedError, MillraceError } from '../errors.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { Effect, EffectResult } from '../log/types.ts';
import { firstRefusal } from './refusal.ts';
import type { Stores } from './stores.ts';

/** What a write needs beside its effects. */
export interface WriteOptions {
  readonly level: LevelNumber;
  /** Name of the store, for who listens. */
  readonly store: string;
  readonly signal?: AbortSignal | undefined;
  /** What the promise resolves to when the frame was done. Default: true. */
  readonly outcome?: ((results: readonly EffectResult[]) => boolean) | undefined;
  /** The last effect is a check of a lock's token: a frame that it refuses is refused as fenced. */
  readonly isFenced?: boolean | undefined;
  /** Runs when the frame has reached its level. */
  readonly after?: (() => void) | undefined;
}

/**
 * Resolves to whether the write was done: false when a key was not as the write demanded. Rejects with
 * MILLRACE_OUTCOME_UNKNOWN when a flush failed under it, MILLRACE_BUSY, MILLRACE_NO_SPACE, MILLRACE_POISONED,
 * MILLRACE_CLOSED, MILLRACE_ABORTED, and MILLRACE_FENCED when it names a lock that is not held with its token any more.
 */
export class KvWrite extends Promise<boolean> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  #stores: Stores | undefined;
  #lsn = 0;
  #level: LevelNumber = 0;
  #durable: Promise<void> | undefined;

  /** The sequence of this write once it has settled: the version of its keys, for `ifSeq`. 0n when nothing was done. */
  get sequence(): bigint {
    return BigInt(this.#lsn);
  }

  /** What the promise waits for. */
  get level(): Durability {
    return levelName(this.#level);
  }

  /** Resolves when a power cut cannot take the write back, whatever its level and the flush policy. */
  get durable(): Promise<void> {
    this.#durable ??= this.then(() => this.#stores?.engine.makeDurable(this.#lsn));
    return this.#durable;
  }

  /** Queues `effects` as one frame. */
  static send(stores: Stores, effects: readonly Effect[], options: WriteOptions): KvWrite {
    let resolve: (done: boolean) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const write = new KvWrite((onDone, onError) => {
      resolve = onDone;
      reject = onError;
    });
    const { level, store, signal, outcome, after, isFenced } = options;
    const beganMs = kvPuts.hasSubscribers ? performance.now() : 0;
    write.#stores = stores;
    write.#level = level;
    const abort = signal && (() => reject(abortedError(signal)));
    if (signal && abort) signal.addEventListener('abort', abort, { once: true });
    stores.write(effects, level, (results, failure) => {
      if (signal && abort) signal.removeEventListener('abort', abort);
      const error = errorOf(results, failure);
      if (beganMs > 0) publish(store, effects.length - Number(isFenced === true), level, beganMs, error);
      if (error) {
        if (isFenced && results.at(-1)?.code === Code.conditionFailed) reject(new MillraceError('MILLRACE_FENCED'));
        else if (error.code === 'MILLRACE_CONDITION') resolve(false);
        else reject(error);
        return;
      }
      for (const { lsn } of results) write.#lsn = Math.max(write.#lsn, lsn);
      after?.();
      resolve(outcome ? outcome(results) : true);
    });
    return write;
  }

  /** A write that fails before it is queued. */
  static failed(error: unknown): KvWrite {
    return new KvWrite((_, reject) => reject(error));
  }

  /** A write of nothing. */
  static nothing(): KvWrite {
    return new KvWrite((resolve) => resolve(true));
  }
}

/** Why a frame was not done, or is not known to be. */
function errorOf(results: readonly EffectResult[], failure: CodeNumber): MillraceError | undefined {
  const refusal = firstRefusal(results);
  if (refusal !== Code.ok) return fromCode(refusal);
  return failure === Code.ok ? undefined : outcomeUnknown(failure);
}

function publish(
  store: string,
  operations: number,
  level: LevelNumber,
  beganMs: number,
  error: MillraceError | undefined,
): void {
  kvPuts.publish({
    store,
    operations,
    level: levelName(level),
    durationMs: performance.now() - beganMs,
    ...(error === undefined ? {} : { error: error.code }),
  } satisfies KvPutNews);
}
