/**
 * When topics with cleanup.policy=compact are compacted: rounds at a fixed pace (log.cleaner.backoff.ms), each over all
 * partitions that are due. The engine does the work, in steps beside everything else.
 *
 * Not what is due: the settings of each partition say that (partition-settings.ts). To remember: the time used here never
 * runs ahead of the monotonic clock, so a wall clock that jumps forward removes no tombstone early.
 */

import type { Engine } from '../../log/types.ts';
import type { BrokerSettings } from '../settings.ts';

/** Begins rounds of compaction. */
export class Cleaner {
  /** False: nothing is ever compacted (log.cleaner.enable). */
  readonly enabled: boolean;
  /** Time between two rounds. */
  readonly backoffMs: number;
  readonly #engine: Engine;
  readonly #nowMs: () => number;
  readonly #settings: BrokerSettings;
  #closed = false;

  constructor(engine: Engine, settings: BrokerSettings, nowMs: () => number) {
    this.enabled = settings.boolean('log.cleaner.enable');
    this.backoffMs = settings.number('log.cleaner.backoff.ms');
    this.#settings = settings;
    this.#engine = engine;
    this.#nowMs = nowMs;
  }

  /** Starts a round, or lets the one under way go on with the new time. */
  check(): void {
    if (!this.enabled || this.#closed) return;
    const keyBytes = this.#settings.number('log.cleaner.dedupe.buffer.size');
    this.#engine.compact(Math.floor(this.#nowMs()), keyBytes);
  }

  close(): void {
    this.#closed = true;
  }
}
