/**
 * When records are deleted that their topics no longer keep: the engine does it, in steps, by the settings of each
 * partition (partition-settings.ts).
 *
 * Not what expires. To remember: the time used here never runs ahead of the monotonic clock, so a wall clock that jumps
 * forward deletes nothing early.
 */

import type { Engine } from '../../log/types.ts';

/** Wall time that follows the wall clock only as far as the monotonic clock has moved since it was made. */
export function steadyWall(wallMs: () => number, monotonicMs: () => number): () => number {
  const offset = wallMs() - monotonicMs();
  return () => Math.min(wallMs(), monotonicMs() + offset);
}

/** Begins rounds of retention. */
export class Retention {
  readonly #engine: Engine;
  readonly #nowMs: () => number;
  #closed = false;

  constructor(engine: Engine, nowMs: () => number) {
    this.#engine = engine;
    this.#nowMs = nowMs;
  }

  /** Starts a round, or lets the one under way go on with the new time. */
  check(): void {
    if (!this.#closed) this.#engine.retain(Math.floor(this.#nowMs()));
  }

  close(): void {
    this.#closed = true;
  }
}
