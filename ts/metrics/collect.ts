/**
 * All metrics of one server, in the forms they are asked for: Prometheus text by our names, by Redpanda's, and JSON.
 *
 * Not the endpoint (ts/http). To remember: it reads counters and watermarks and changes nothing; what it costs is two
 * calls into the engine for a thousand partitions.
 */

import { Code } from '../io/native-types.ts';
import type { ServerParts } from '../server-parts.ts';
import { version } from '../version.ts';
import { writeKafkaExporter } from './kafka-exporter.ts';
import { writeOwnMetrics } from './own-metrics.ts';
import { allMarks } from './partition-marks.ts';
import { PrometheusText } from './prometheus-text.ts';
import { writeRedisExporter } from './redis-exporter.ts';
import { writeRedpanda } from './redpanda.ts';
import { RequestMetrics } from './request-metrics.ts';
import { writeStoreMetrics } from './store-metrics.ts';

/** The metrics of a server, from when this is made until it is disposed of. */
export class ServerMetrics implements Disposable {
  readonly #parts: ServerParts;
  readonly #requests = new RequestMetrics();
  readonly #stopListening: () => void;
  #poisoned = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#stopListening = parts.engine.onFailure((code) => {
      this.#poisoned ||= code !== Code.closing;
    });
  }

  /** Whether a flush has failed: reads go on, nothing is written. */
  get poisoned(): boolean {
    return this.#poisoned;
  }

  /** Whether writes are refused because the disk is full; reads and deletes go on. */
  get diskFull(): boolean {
    return this.#parts.engine.isOutOfSpace;
  }

  /** Our own names, and those of kafka_exporter and redis_exporter. */
  prometheus(): string {
    const text = new PrometheusText();
    const { engine, broker, kafka } = this.#parts;
    const marks = allMarks(engine, broker.context.catalogue);
    writeKafkaExporter(text, this.#parts, kafka, marks);
    writeOwnMetrics(text, this.#parts, marks, this.#poisoned);
    writeRedisExporter(text, this.#parts.counters(), this.#poisoned, engine.figures().isFlushing);
    writeStoreMetrics(text, engine);
    this.#requests.write(text, broker.table);
    return text.toString();
  }

  /** Redpanda's names. */
  async redpanda(): Promise<string> {
    const text = new PrometheusText();
    const { engine, broker } = this.#parts;
    await writeRedpanda(text, this.#parts, allMarks(engine, broker.context.catalogue));
    this.#requests.writeRedpanda(text, broker.table);
    return text.toString();
  }

  /** Counters and state, as JSON can carry them. */
  json(): Record<string, unknown> {
    const { engine, broker, counters } = this.#parts;
    return {
      version,
      uptimeSeconds: process.uptime(),
      poisoned: this.#poisoned,
      diskFull: engine.isOutOfSpace,
      driver: engine.driver,
      recovery: engine.recovery,
      connections: broker.connections,
      topics: broker.context.catalogue.size,
      appendedLsn: engine.appendedLsn,
      durableLsn: engine.durableLsn,
      counters: counters(),
    };
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    this.#requests[Symbol.dispose]();
  }
}
