/**
 * Deletes records older than their topic's retention.ms.
 *
 * Not retention by size, and not the deletion of files: the engine drops what lies below the new log start. To remember:
 * the time used here never runs ahead of the monotonic clock, so a wall clock that jumps forward deletes nothing early.
 */

import { Code, Level } from '../../io/native-types.ts';
import type { Topic, TopicCatalogue } from '../../log/catalogue.ts';
import type { Engine, ReadRequest } from '../../log/types.ts';
import type { BrokerSettings } from '../settings.ts';

/** Partitions looked at in one turn of the loop. */
const STEP = 64;

/** Wall time that follows the wall clock only as far as the monotonic clock has moved since it was made. */
export function steadyWall(wallMs: () => number, monotonicMs: () => number): () => number {
  const offset = wallMs() - monotonicMs();
  return () => Math.min(wallMs(), monotonicMs() + offset);
}

/** Applies retention to all topics, a few partitions a turn. */
export class Retention {
  readonly #engine: Engine;
  readonly #catalogue: TopicCatalogue;
  readonly #settings: BrokerSettings;
  readonly #nowMs: () => number;
  #queue: { topic: Topic; partition: number }[] = [];
  #closed = false;

  constructor(engine: Engine, catalogue: TopicCatalogue, settings: BrokerSettings, nowMs: () => number) {
    this.#engine = engine;
    this.#catalogue = catalogue;
    this.#settings = settings;
    this.#nowMs = nowMs;
  }

  /** Starts a round unless one is going on. */
  check(): void {
    if (this.#queue.length > 0 || this.#closed) return;
    for (const topic of this.#catalogue.all()) {
      if (this.#settings.limitsOf(topic).retentionMs < 0) continue;
      for (const partition of topic.partitions) this.#queue.push({ topic, partition });
    }
    this.#step();
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
  }

  #step(): void {
    for (const { topic, partition } of this.#queue.splice(0, STEP)) {
      this.#look(partition, this.#nowMs() - this.#settings.limitsOf(topic).retentionMs);
    }
    if (this.#queue.length > 0) setImmediate(() => this.#step());
  }

  /** Moves the log start to the first record that is not older than `cutoffMs`, or to the end when all are older. */
  #look(partition: number, cutoffMs: number): void {
    const [mark] = this.#engine.readable([marksOf(partition)]);
    if (!mark || mark.logStart >= mark.highWatermark || cutoffMs <= 0) return;
    this.#engine.offsetForTime(partition, cutoffMs, 0, (code, found) => {
      if (code !== Code.ok || this.#closed) return;
      // Records appended since the marks were taken are newer than the cutoff: the end of the marks is safe.
      const offset = found < 0 ? mark.highWatermark : found;
      if (offset <= mark.logStart) return;
      this.#engine.submit([{ kind: 'deleteRecords', partition, offset }], Level.written, () => {});
    });
  }
}

function marksOf(partition: number): ReadRequest {
  return { partition, offset: 0, maxBytes: 0, isolation: 0, leaderEpoch: -1 };
}
