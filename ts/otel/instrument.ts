/**
 * Spans and measurements of OpenTelemetry from the channels.
 *
 * To remember: news come when a thing is over, so spans are begun that long ago; they have no parent, because a batch or a
 * flush is of many callers. Without the SDK of a program both are nothing.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { channelNames } from '../channels.ts';
import type { Meter, OpenTelemetryApi, Tracer } from './api.ts';
import { type ChannelName, type ChannelNews, type Count, type Mapping, table } from './table.ts';

/** OpenTelemetry's number of a status. */
const STATUS_ERROR = 2;
/** Seconds; what the conventions advise for operations of clients, with finer steps below. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What is listened to. */
export interface InstrumentOptions {
  /**
   * Names of channels; default: all. While anybody listens to `millrace:redis:command`, GET and SET of Redis clients go the
   * slower way of all commands.
   */
  readonly channels?: readonly ChannelName[];
  /** Whether spans are made; default true. */
  readonly spans?: boolean;
  /** Whether durations and counts are measured; default true. */
  readonly metrics?: boolean;
}

/** What every channel tells. */
interface AnyNews {
  readonly durationMs: number;
  readonly error?: string;
}

/**
 * Makes spans and measurements of what Millrace does in this process, by the tracer and meter called `millrace` of `api`
 * (`import * as api from '@opentelemetry/api'`), until what it returns is called. Call it after the SDK was set up.
 */
export function instrument<Context>(api: OpenTelemetryApi<Context>, options: InstrumentOptions = {}): () => void {
  const { channels = channelNames, spans = true, metrics = true } = options;
  const tracer = spans ? api.trace.getTracer('millrace') : undefined;
  const meter = metrics ? api.metrics.getMeter('millrace') : undefined;
  const stops = channels.map((name) => listen(name, tracer, meter));
  return () => {
    for (const stop of stops) stop();
  };
}

function listen<Name extends ChannelName>(name: Name, tracer: Tracer | undefined, meter: Meter | undefined) {
  const mapping: Mapping<ChannelNews[Name]> = table[name];
  const measure = meter && measuring(mapping, meter);
  const listener = (message: unknown): void => {
    const news = message as ChannelNews[Name] & AnyNews;
    const error: Record<string, string> = news.error === undefined ? {} : { 'error.type': news.error };
    const labels = { ...mapping.labels(news), ...error };
    measure?.(news, labels);
    if (tracer === undefined) return;
    const endTime = Date.now();
    const attributes = { ...labels, ...mapping.details(news) };
    const startTime = endTime - news.durationMs;
    const span = tracer.startSpan(mapping.title(news), { kind: mapping.kind, root: true, startTime, attributes });
    if (news.error !== undefined) span.setStatus({ code: STATUS_ERROR });
    span.end(endTime);
  };
  const channel = `tracing:${name}:asyncEnd`;
  subscribe(channel, listener);
  return () => {
    unsubscribe(channel, listener);
  };
}

/** Instruments of a channel; two that are called the same are one to the SDK. */
function measuring<News extends AnyNews>({ duration, count }: Mapping<News>, meter: Meter) {
  const description = 'How long it took until it was over.';
  const histogram = meter.createHistogram(duration, {
    unit: 's',
    description,
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const add = count && counting(count, meter);
  return (news: News, labels: Record<string, string | number | boolean>): void => {
    histogram.record(news.durationMs / 1000, labels);
    add?.(news, labels);
  };
}

function counting<News>({ name, unit, description, of }: Count<News>, meter: Meter) {
  const counter = meter.createCounter(name, { unit, description });
  return (news: News, labels: Record<string, string | number | boolean>): void => {
    const value = of(news);
    if (value > 0) counter.add(value, labels);
  };
}
