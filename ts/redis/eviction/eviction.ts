/**
 * `maxmemory`: what counts against it, and which keys go when there is more.
 *
 * What counts are the keys, values and members of all databases, as their records are on the disk, and a little for each
 * key; whether a value is in memory just now does not matter. To remember: it is judged between commands, never within
 * one; an evicted key is a deletion like any other, in the same frame as the command that needed the room; members of
 * collections that are gone leave over the next turns, and as long as they do nothing further goes.
 */

import { Cold } from '../cold.ts';
import type { Database } from '../database.ts';
import type { RedisSettings } from '../settings.ts';
import type { Statistics } from '../statistics.ts';
import type { TurnWrites } from '../turn-writes.ts';
import { AccessTable } from './access-table.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { type Policy, policyOf } from './policies.ts';

/** What eviction needs of its server. */
export interface EvictionHost {
  readonly databases: readonly Database[];
  readonly settings: RedisSettings;
  readonly statistics: Statistics;
  readonly writes: TurnWrites;
  readonly nowMs: number;
  /** Bytes of all that counts, as far as it is committed. */
  measure(): number;
  /** Members of collections that are gone are still being removed. */
  readonly isPurging: boolean;
}

/** Keys that go before what counts is measured again, at most. */
const BATCH_MAX = 64;
/** So much of the limit becomes free, where keys are small, so that not every command has to make room. */
const SLACK_PART = 256;
const SLACK_MAX = 256 * 1024;

export class Eviction {
  readonly #host: EvictionHost;
  #limit = 0;
  #policy: Policy | null = null;
  #access: AccessTable | null = null;
  #candidates: Candidates | null = null;
  #measured = 0;
  #peak = 0;
  /** The head of what is to go comes from the disk. */
  #isReading = false;
  /** Writes that need room are refused. */
  isOut = false;

  constructor(host: EvictionHost) {
    this.#host = host;
  }

  /** A setting has changed. */
  refresh(): void {
    const { settings, nowMs } = this.#host;
    this.#limit = settings.number('maxmemory');
    const policy = policyOf(settings.text('maxmemory-policy'));
    const order = policy?.order;
    const tracked = order === 'lru' || order === 'lfu' ? order : null;
    if (tracked === null) this.#access = null;
    else if (this.#access?.tracked !== tracked) this.#access = new AccessTable(tracked, nowMs);
    if (policy !== this.#policy) this.#candidates = policy && new Candidates(policy, this.#access);
    this.#policy = policy;
    if (this.#limit === 0) this.isOut = false;
  }

  /** There is a limit. */
  get isOn(): boolean {
    return this.#limit > 0;
  }

  /** Uses of keys, when the policy asks for them. */
  get access(): AccessTable | null {
    return this.#access;
  }

  /** Bytes of all that counts, as far as it is committed, and the most there were at any such look. */
  used(): { used: number; peak: number } {
    this.#measured = this.#host.measure();
    this.#peak = Math.max(this.#peak, this.#measured);
    return { used: this.#measured, peak: this.#peak };
  }

  /** A turn begins. */
  begin(): void {
    if (this.isOn && this.used().used <= this.#limit) this.isOut = false;
  }

  /** Whether the next command may write without making room, as far as can be said without measuring. */
  get hasRoom(): boolean {
    return this.#limit === 0 || this.#measured + this.#host.writes.bytes <= this.#limit;
  }

  /** Makes room before a command that may need some. `submit` hands what the turn has written to the engine. */
  makeRoom(submit: () => void): void {
    submit();
    this.used();
    this.#isReading = false;
    while (this.#measured > this.#limit && !this.#host.isPurging) {
      const before = this.#measured;
      if (!this.#evictSome(this.#batch())) break;
      submit();
      if (this.used().used >= before) break;
    }
    this.isOut = this.#measured > this.#limit && !this.#host.isPurging && !this.#isReading;
  }

  /** How many keys of the usual size are too many. */
  #batch(): number {
    const keys = this.#host.databases.reduce(
      (sum, { strings, heads }) => sum + strings.store.count() + heads.store.count(),
      0,
    );
    const slack = Math.min(SLACK_MAX, this.#limit / SLACK_PART);
    const wanted = Math.ceil((this.#measured + slack - this.#limit) / (this.#measured / Math.max(1, keys)));
    return Math.max(1, Math.min(BATCH_MAX, wanted));
  }

  /** Evicts so many keys; false: there is nothing that may go now. */
  #evictSome(count: number): boolean {
    const { databases, settings, statistics, nowMs } = this.#host;
    const samples = settings.number('maxmemory-samples');
    // What the turn has written has been handed over right before.
    this.#candidates?.settled();
    let evicted = 0;
    while (evicted < count && !this.#host.isPurging) {
      const candidate = this.#candidates?.next(databases, samples, nowMs) ?? null;
      if (candidate === null || !this.#evict(candidate)) break;
      evicted += 1;
      statistics.evicted += 1;
    }
    return evicted > 0;
  }

  /** False: its head is on its way from the disk. */
  #evict(candidate: Candidate): boolean {
    const mark = this.#host.writes.mark();
    try {
      candidate.db.evict(candidate.key, candidate.isHead);
      return true;
    } catch (reason) {
      if (!(reason instanceof Cold)) throw reason;
      this.#host.writes.rollback(mark);
      this.#candidates?.giveBack(candidate);
      this.#isReading = true;
      return false;
    }
  }
}
