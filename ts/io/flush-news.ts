/**
 * Tells who listens on `millrace:flush` what became durable since the last turn.
 *
 * Not the flush. To remember: how long flushes took is asked of the engine only while somebody listens.
 */

import { type FlushNews, flushes as flushChannel } from '../channels.ts';
import { type BucketCounts, type EngineTimings, totalOf } from './timings.ts';

const NS_PER_MS = 1e6;

export class FlushReporter {
  readonly #timings: () => EngineTimings;
  /** What had been flushed when it was last told; undefined: nobody listened then. */
  #before: { readonly lsn: number; readonly flushNs: BucketCounts } | undefined;

  constructor(timings: () => EngineTimings) {
    this.#timings = timings;
  }

  /** The watermark may have moved: everything up to `durableLsn` is durable. */
  moved(durableLsn: number): void {
    if (!flushChannel.hasSubscribers) {
      this.#before = undefined;
      return;
    }
    if (this.#before?.lsn === durableLsn) return;
    const { flushNs } = this.#timings();
    const before = this.#before;
    this.#before = { lsn: durableLsn, flushNs };
    // Without a look before it is not known how many of them are news.
    if (!before) return;
    const flushes = totalOf(flushNs) - totalOf(before.flushNs);
    if (flushes === 0) return;
    const durationMs = (flushNs.sum - before.flushNs.sum) / flushes / NS_PER_MS;
    flushChannel.publish({ flushes, frames: durableLsn - before.lsn, durableLsn, durationMs } satisfies FlushNews);
  }
}
