/**
 * Looks at the server once a second and keeps ten minutes of it, so that a page that is opened has a past to draw.
 *
 * Not metrics for scraping (ts/metrics). To remember: a second costs a look at the page's counters; watermarks, which cost
 * a call for a thousand partitions, are asked for the more rarely the more partitions there are.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type KafkaRequestNews, kafkaRequests } from '../channels.ts';
import { type EngineTimings, grownBetween, quantileOf } from '../io/timings.ts';
import { allMarks } from '../metrics/partition-marks.ts';
import type { ServerParts } from '../server-parts.ts';
import type { Sample } from './api.ts';

const PERIOD_MS = 1000;
const KEPT = 600;
/** Partitions whose watermarks are asked for every second; with more of them the looks are further apart. */
const PARTITIONS_A_SECOND = 1000;
const PRODUCE = 0;
const MICROSECONDS = 1000;
const NANOSECONDS = 1e6;

interface RateLook {
  readonly atMs: number;
  readonly ends: ReadonlyMap<string, number>;
}

/** Samples one server until it is disposed of. */
export class Sampler implements Disposable {
  readonly #server: ServerParts;
  readonly #samples: Sample[] = [];
  readonly #listeners = new Set<(sample: Sample) => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #appends: RecordableHistogram = createHistogram();
  readonly #news = (news: unknown): void => this.#count(news as KafkaRequestNews);
  #requests = 0;
  #produces = 0;
  #bytesIn = 0;
  #before: Record<string, number>;
  #timings: EngineTimings;
  #beforeMs = performance.now();
  #look: RateLook | undefined;
  #rates: ReadonlyMap<string, number> = new Map();
  #records: number | null = null;
  #untilLook = 0;

  constructor(server: ServerParts) {
    this.#server = server;
    this.#before = server.counters();
    this.#timings = server.engine.timings();
    subscribe(kafkaRequests.name, this.#news);
    this.#timer = setInterval(() => this.#sample(), PERIOD_MS).unref();
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Records a second of a topic; null when it has not been looked at twice. */
  rateOf(topic: string): number | null {
    return this.#rates.get(topic) ?? null;
  }

  /** Runs `listener` with every sample to come; returns how to stop it. */
  onSample(listener: (sample: Sample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    unsubscribe(kafkaRequests.name, this.#news);
    this.#listeners.clear();
  }

  #count({ apiKey, requestBytes, durationMs }: KafkaRequestNews): void {
    this.#requests += 1;
    if (apiKey !== PRODUCE) return;
    this.#produces += 1;
    this.#bytesIn += requestBytes;
    this.#appends.record(Math.max(1, Math.round(durationMs * MICROSECONDS)));
  }

  #sample(): void {
    if (this.#server.engine.isClosed) return;
    const nowMs = performance.now();
    const seconds = Math.max(0.001, (nowMs - this.#beforeMs) / 1000);
    const counters = this.#server.counters();
    const before = this.#before;
    const grown = (name: string): number => Math.max(0, (counters[name] ?? 0) - (before[name] ?? 0));
    const commits = grown('commits');
    const timings = this.#server.engine.timings();
    this.#lookAtRates(nowMs);
    const sample: Sample = {
      timeMs: Date.now(),
      records: this.#records,
      requests: this.#requests / seconds,
      produces: this.#produces / seconds,
      bytesIn: this.#bytesIn / seconds,
      bytesWritten: grown('bytesWritten') / seconds,
      bytesRead: grown('bytesRead') / seconds,
      ...this.#appendLatency(),
      flushes: grown('flushes') / seconds,
      ...this.#flushLatency(timings),
      commits: commits / seconds,
      frames: commits === 0 ? 0 : grown('frames') / commits,
      commitBytes: commits === 0 ? null : grownBetween(this.#timings.commitBytes, timings.commitBytes).sum / commits,
      unsettledBytes: counters.unsettledBytes ?? 0,
      connections: this.#server.broker.connections,
      redisCommands: counters['redis.commands'] === undefined ? null : grown('redis.commands') / seconds,
    };
    this.#before = counters;
    this.#timings = timings;
    this.#beforeMs = nowMs;
    this.#requests = 0;
    this.#produces = 0;
    this.#bytesIn = 0;
    this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.shift();
    for (const listener of this.#listeners) listener(sample);
  }

  #appendLatency(): { appendP50: number | null; appendP99: number | null } {
    const appends = this.#appends;
    if (appends.count === 0) return { appendP50: null, appendP99: null };
    const appendP50 = appends.percentile(50) / MICROSECONDS;
    const appendP99 = appends.percentile(99) / MICROSECONDS;
    appends.reset();
    return { appendP50, appendP99 };
  }

  #flushLatency({ flushNs }: EngineTimings): { flushP50: number | null; flushP99: number | null } {
    const flushes = grownBetween(this.#timings.flushNs, flushNs);
    const at = (share: number): number | null => {
      const ns = quantileOf(flushes, share);
      return ns === null ? null : ns / NANOSECONDS;
    };
    return { flushP50: at(0.5), flushP99: at(0.99) };
  }

  /** Records a second of every topic, from how far their logs have grown since the look before. */
  #lookAtRates(atMs: number): void {
    this.#untilLook -= 1;
    if (this.#untilLook > 0) return;
    const marks = allMarks(this.#server.engine, this.#server.broker.context.catalogue);
    this.#untilLook = Math.ceil(marks.length / PARTITIONS_A_SECOND);
    const ends = new Map<string, number>();
    for (const { topic, marks: of } of marks) ends.set(topic.name, (ends.get(topic.name) ?? 0) + of.logEnd);
    const before = this.#look;
    this.#look = { atMs, ends };
    if (!before) return;
    const seconds = Math.max(0.001, (atMs - before.atMs) / 1000);
    const rates = new Map<string, number>();
    let total = 0;
    for (const [name, end] of ends) {
      // A topic made meanwhile began at nothing; one made anew under its name has fewer than before.
      const rate = Math.max(0, end - (before.ends.get(name) ?? 0)) / seconds;
      rates.set(name, rate);
      total += rate;
    }
    this.#rates = rates;
    this.#records = total;
  }
}
