/**
 * How long requests of Kafka clients take, by API.
 *
 * Not kept unless somebody asks: it subscribes to the channel when it is made. To remember: the channel is the process's,
 * so two servers in one process are counted together.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { HandlerTable } from '../broker/handler.ts';
import { type KafkaRequestNews, kafkaRequests } from '../channels.ts';
import { Histogram } from './histogram.ts';
import type { PrometheusText } from './prometheus-text.ts';

const PRODUCE = 0;
const FETCH = 1;
const MS_PER_SECOND = 1000;

/** Counts requests from when it is made until it is disposed of. */
export class RequestMetrics implements Disposable {
  readonly #byApi = new Map<number, { readonly seconds: Histogram; bytes: number }>();
  readonly #listener = (news: unknown): void => this.#count(news as KafkaRequestNews);

  constructor() {
    subscribe(kafkaRequests.name, this.#listener);
  }

  #count({ apiKey, requestBytes, durationMs }: KafkaRequestNews): void {
    let entry = this.#byApi.get(apiKey);
    if (!entry) {
      entry = { seconds: new Histogram(), bytes: 0 };
      this.#byApi.set(apiKey, entry);
    }
    entry.seconds.add(durationMs / MS_PER_SECOND);
    entry.bytes += requestBytes;
  }

  /** Our own families. */
  write(text: PrometheusText, table: HandlerTable): void {
    const apiName = (key: number): string => table.lookup(key)?.api.name ?? String(key);
    const entries = [...this.#byApi].sort(([left], [right]) => left - right);
    const help = 'From a request being decoded to its answer, waiting that the client asked for included.';
    const seconds = text.family('millrace_kafka_request_seconds', 'histogram', help);
    for (const [key, entry] of entries) seconds.addHistogram(entry.seconds.numbers, { api: apiName(key) });
    const bytes = text.family('millrace_kafka_request_bytes_total', 'counter', 'Bytes of requests.');
    for (const [key, entry] of entries) bytes.add(entry.bytes, { api: apiName(key) });
  }

  /** Redpanda's family of the two that its dashboards show, and the one of all. */
  writeRedpanda(text: PrometheusText, table: HandlerTable): void {
    const help = 'Latency of produce and consume requests.';
    const family = text.family('redpanda_kafka_request_latency_seconds', 'histogram', help);
    for (const [key, request] of [
      [PRODUCE, 'produce'],
      [FETCH, 'consume'],
    ] as const) {
      const entry = this.#byApi.get(key);
      if (entry) family.addHistogram(entry.seconds.numbers, { redpanda_request: request });
    }
    const handled = 'Latency of requests by API, waiting that the client asked for included.';
    const handlers = text.family('redpanda_kafka_handler_latency_seconds', 'histogram', handled);
    for (const [key, { seconds }] of this.#byApi) {
      handlers.addHistogram(seconds.numbers, { handler: snakeCase(table.lookup(key)?.api.name ?? String(key)) });
    }
  }

  [Symbol.dispose](): void {
    unsubscribe(kafkaRequests.name, this.#listener);
  }
}

/** `OffsetCommit` as Redpanda labels it: `offset_commit`. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
