/**
 * Traces and metrics of OpenTelemetry: what Millrace does becomes spans and measurements, and the trace of whoever appends a
 * record goes on in whoever reads it. In your program take the SDK and the exporters you have; these keep everything in
 * memory, and it is printed.
 */
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { openKv, openLog } from 'millrace';
import { contextOf, instrument, withContext } from 'millrace/otel';

const spans = new InMemorySpanExporter();
const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
const stop = instrument(api);

const [dir, sim] = ['example', { seed: 1, id: 'opentelemetry-example' }];
const log = await openLog(dir, { sim });
const kv = await openKv(dir, { sim });
const orders = await log.topic('orders', { partitions: 1 });
const tracer = api.trace.getTracer('shop');

await tracer.startActiveSpan('checkout', async (span) => {
  await orders.append([{ key: 'ada', value: 'a book', headers: withContext(api, { shop: 'north' }) }]);
  span.end();
});
for await (const record of orders.read({ from: 'earliest', follow: false }).records()) {
  tracer.startSpan('pack', {}, contextOf(api, record)).end();
}
await kv.put('ada', 'lovelace');
await kv.get('ada');
await kv.put('ada', 'again', { ifAbsent: true });
await Promise.all([kv.close(), log.close()]);
stop();

const finished = spans.getFinishedSpans();
for (const { name, status } of finished.filter((span) => span.name !== 'flush')) {
  console.log(name, status.code === api.SpanStatusCode.ERROR ? 'failed' : 'ok');
}
const trace = (name) => finished.find((span) => span.name === name)?.spanContext().traceId;
console.log('one trace:', trace('checkout') === trace('pack'));

await reader.forceFlush();
const measured = metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
for (const name of [...new Set(measured.map(({ descriptor }) => descriptor.name))].sort()) console.log(name);
await reader.shutdown();
