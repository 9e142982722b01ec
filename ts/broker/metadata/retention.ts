/**
 * Deletes records older than their topic's retention.ms.
 *
 * Not retention by size, and not the deletion of files: the engine drops what lies below the new log start. To remember:
 * the time used here never runs ahead of the monotonic clock, so a wall clock that jumps forward deletes nothing early.
 */

import { Code, Level } from '../../io/native-types.ts';
import type { Topic, TopicCatalogue } from '../../log/catalogue.ts';
import type { Engine } from '../../log/types.ts';
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
    if (cutoffMs <= 0) return;
    // The end is taken before the search: what is appended meanwhile is newer than the cutoff and stays.
    const [start, end] = [this.#edge(partition, EARLIEST), this.#edge(partition, LATEST)];
    if (start >= end) return;
    this.#engine.offsetForTime(partition, cutoffMs, 0, (code, found) => {
      if (code !== Code.ok || this.#closed) return;
      const offset = found < 0 ? end : found;
      if (offset > start) {
        this.#engine.submit([{ kind: 'deleteRecords', partition, offset }], Level.written, () => {});
      }
    });
  }

  /** One end of the log, by the number ListOffsets has for it; the engine knows both at once. */
  #edge(partition: number, which: number): number {
    let edge = -1;
    this.#engine.offsetForTime(partition, which, 0, (_code, offset) => {
      edge = offset;
    });
    return edge;
  }
}

const LATEST = -1;
const EARLIEST = -2;
