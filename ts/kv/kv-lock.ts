/**
 * A lock as its holder has it.
 *
 * Not who gets it (locks.ts). To remember: a holder may be stopped for any time without noticing, so `lost` and the clock
 * are hints; what proves that the lock is still held is its token, compared where the guarded thing is written.
 */

import { MillraceError } from '../errors.ts';
import type { LockClock, Locks } from './locks.ts';

/** A lock that was granted. Made by `Kv.lock`. */
export class KvLock implements AsyncDisposable {
  readonly name: string;
  /** Grows with every grant of any lock of the directory, for ever. What `fence` takes, and what other resources compare. */
  readonly token: bigint;
  readonly #locks: Locks;
  readonly #clock: LockClock;
  readonly #lost = new AbortController();
  #ttlMs: number;
  /** By the monotonic clock. */
  #until: number;
  #timer: NodeJS.Timeout | undefined;

  /** `since`: when it was asked for. A lock is the holder's for less long than it is kept from others. */
  constructor(locks: Locks, clock: LockClock, name: string, token: number, ttlMs: number, since: number) {
    this.name = name;
    this.token = BigInt(token);
    this.#locks = locks;
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#until = since + ttlMs;
    this.#arm();
  }

  /** Fires when the time is over, the lock was released or given away, or the handle was closed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether the time is not over, by a clock that does not jump. */
  get isHeld(): boolean {
    return !this.#lost.signal.aborted && this.#clock.monotonicMs() < this.#until;
  }

  /**
   * Holds the lock for `ttlMs` from now on (default: as when it was taken); durable when this resolves to true. False when
   * it is not held any more. Rejects as writes do.
   */
  async extend(ttlMs: number = this.#ttlMs): Promise<boolean> {
    if (!this.isHeld) return false;
    const since = this.#clock.monotonicMs();
    const isDone = await this.#locks.extend(this.name, Number(this.token), ttlMs);
    if (!isDone) {
      this.lose(new MillraceError('MILLRACE_FENCED'));
      return false;
    }
    this.#ttlMs = ttlMs;
    this.#until = since + ttlMs;
    this.#arm();
    return this.isHeld;
  }

  /** Gives the lock back; true when it was still held with this token. Twice is once. */
  release(): Promise<boolean> {
    if (this.#lost.signal.aborted) return Promise.resolve(false);
    this.lose(new MillraceError('MILLRACE_FENCED', 'it was released'));
    return this.#locks.release(this.name, Number(this.token));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const left = Math.max(0, Math.ceil(this.#until - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      if (this.isHeld) this.#arm();
      else this.lose(new MillraceError('MILLRACE_FENCED', 'its time is over'));
    }, left);
    this.#timer.unref();
  }

  /** For `Locks` and `Kv`: the holder has it no more. */
  lose(reason: MillraceError): void {
    clearTimeout(this.#timer);
    this.#lost.abort(reason);
  }
}
