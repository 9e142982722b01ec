/**
 * Spans of OpenTelemetry from the channels of Millrace: one table says what each channel is called there, and a listener
 * makes a span of everything that has ended. Names are those of the semantic conventions 1.37 where they have one.
 *
 * In your program take `traceMillrace` and the SDK you have; this one keeps its spans in memory and prints them.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { openKv, openLog } from 'millrace';

const KAFKA = { 'messaging.system': 'kafka' };
const LOG = { 'messaging.system': 'millrace' };
const STORE = { 'db.system.name': 'millrace' };

/** Channel: kind of the span, its name and its attributes, from what the channel tells. */
const spans = {
  'millrace:log:append': [
    SpanKind.PRODUCER,
    ({ topic }) => `send ${topic}`,
    ({ topic, partition, records, bytes, level }) => ({
      ...LOG,
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'messaging.batch.message_count': records,
      'messaging.message.envelope.size': bytes,
      'millrace.durability': level,
    }),
  ],
  'millrace:log:read': [
    SpanKind.CONSUMER,
    ({ topic }) => `receive ${topic}`,
    ({ topic, bytes }) => ({
      ...LOG,
      'messaging.operation.type': 'receive',
      'messaging.destination.name': topic,
      'messaging.message.envelope.size': bytes,
    }),
  ],
  'millrace:kv:get': [
    SpanKind.CLIENT,
    ({ store }) => `GET ${store}`,
    ({ store, keys, isCold }) => ({
      ...STORE,
      'db.operation.name': 'GET',
      'db.namespace': store,
      'db.operation.batch.size': keys,
      'millrace.cold': isCold,
    }),
  ],
  'millrace:kv:put': [
    SpanKind.CLIENT,
    ({ store }) => `PUT ${store}`,
    ({ store, operations, level }) => ({
      ...STORE,
      'db.operation.name': 'PUT',
      'db.namespace': store,
      'db.operation.batch.size': operations,
      'millrace.durability': level,
    }),
  ],
  'millrace:flush': [
    SpanKind.INTERNAL,
    () => 'flush',
    ({ flushes, frames }) => ({ 'millrace.flushes': flushes, 'millrace.frames': frames }),
  ],
  'millrace:kafka:request': [
    SpanKind.SERVER,
    ({ apiKey }) => `kafka request ${apiKey}`,
    ({ apiKey, apiVersion, clientId, requestBytes }) => ({
      ...KAFKA,
      'messaging.client.id': clientId ?? '',
      'messaging.kafka.api_key': apiKey,
      'messaging.kafka.api_version': apiVersion,
      'millrace.request.size': requestBytes,
    }),
  ],
  'millrace:redis:command': [
    SpanKind.SERVER,
    ({ command }) => command.toUpperCase(),
    ({ command, database, words }) => ({
      'db.system.name': 'redis',
      'db.operation.name': command.toUpperCase(),
      'db.namespace': String(database),
      'millrace.words': words,
    }),
  ],
};

/** Makes spans of `tracer` until the function that it returns is called. News come at the end: spans began that long ago. */
export function traceMillrace(tracer) {
  const nothing = () => {};
  const stops = Object.entries(spans).map(([name, [kind, title, attributes]]) => {
    const asyncEnd = (news) => {
      const endTime = Date.now();
      const options = { kind, startTime: endTime - news.durationMs, attributes: attributes(news) };
      const span = tracer.startSpan(title(news), options);
      if (news.error !== undefined) {
        span.setAttribute('error.type', news.error);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end(endTime);
    };
    const channel = tracingChannel(name);
    const listeners = { start: nothing, end: nothing, asyncStart: nothing, asyncEnd, error: nothing };
    channel.subscribe(listeners);
    return () => channel.unsubscribe(listeners);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

const kept = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(kept)] }));
const stop = traceMillrace(trace.getTracer('millrace'));

const [dir, sim] = ['example', { seed: 1, id: 'opentelemetry-example' }];
const log = await openLog(dir, { sim });
const kv = await openKv(dir, { sim });
const orders = await log.topic('orders', { partitions: 1 });
await orders.append([{ key: 'ada', value: 'a book' }]);
for await (const record of orders.read({ from: 'earliest', follow: false }).records()) {
  console.log(record.value?.toString());
}
await kv.put('ada', 'lovelace');
await kv.get('ada');
await kv.put('ada', 'again', { ifAbsent: true });
await Promise.all([kv.close(), log.close()]);
stop();

for (const { name, status } of kept.getFinishedSpans().filter((span) => span.name !== 'flush')) {
  console.log(name, status.code === SpanStatusCode.ERROR ? 'failed' : 'ok');
}
