/**
 * Promises of `millrace/otel` that need no SDK: each channel has its span and measurements, the context of a trace goes
 * through headers, and nothing is left when it is stopped. The real SDK runs in examples/clients/opentelemetry.mjs.
 */
import { channel } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { channelNames } from '../../ts/channels.ts';
import { openKv } from '../../ts/index.ts';
import { contextOf, instrument, type OpenTelemetryApi, withContext } from '../../ts/otel/index.ts';
import { table } from '../../ts/otel/table.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';

/** An API that keeps what it is given. A context is the text of its parent. */
function recording(active = '') {
  const spans: Record<string, unknown>[] = [];
  const measured: [name: string, value: number, attributes: object][] = [];
  const api: OpenTelemetryApi<string> = {
    trace: {
      getTracer: (scope) => ({
        startSpan(name, options) {
          const span: Record<string, unknown> = { scope, name, ...options };
          spans.push(span);
          return {
            setStatus: (status) => Object.assign(span, status),
            end: (endTime) => Object.assign(span, { endTime }),
          };
        },
      }),
    },
    metrics: {
      getMeter: () => ({
        createHistogram: (name) => ({ record: (value, attributes) => void measured.push([name, value, attributes]) }),
        createCounter: (name) => ({ add: (value, attributes) => void measured.push([name, value, attributes]) }),
      }),
    },
    context: { active: () => active },
    propagation: {
      inject: (context, carrier) => {
        if (context !== '') carrier.traceparent = context;
      },
      extract: (context, carrier) => carrier.traceparent ?? context,
    },
  };
  return { api, spans, measured };
}

const publish = (name: string, news: object) => channel(`tracing:${name}:asyncEnd`).publish(news);

describe('instrument', () => {
  it('makes spans and measurements of a log and a store, with the code of what failed', async () => {
    using disk = new SimulatedDisk();
    const { api, spans, measured } = recording();
    const stop = instrument(api);
    const log = await disk.openLog();
    const kv = await openKv(disk.directory, disk.options);
    const orders = await log.topic('orders', { partitions: 1 });
    await orders.append([{ value: 'a' }, { value: 'b' }], { durability: 'durable' });
    for await (const _ of orders.read({ from: 'earliest', follow: false })) void _;
    await kv.put('ada', '1');
    await kv.get('ada');
    await kv.put('ada', '2', { ifAbsent: true });
    await Promise.all([kv.close(), log.close()]);
    stop();
    const told = spans.filter(({ name }) => name !== 'flush');
    expect(told.map(({ name, kind, code }) => [name, kind, code])).toEqual([
      ['send orders', 3, undefined],
      ['receive orders', 4, undefined],
      ['PUT default', 2, undefined],
      ['GET default', 2, undefined],
      ['PUT default', 2, 2],
    ]);
    expect(told[0]).toMatchObject({
      scope: 'millrace',
      root: true,
      attributes: {
        'messaging.system': 'millrace',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'orders',
        'messaging.batch.message_count': 2,
        'millrace.durability': 'durable',
      },
    });
    expect(told[4]).toMatchObject({ attributes: { 'error.type': 'MILLRACE_CONDITION' } });
    for (const { startTime, endTime } of spans) expect(Number(startTime)).toBeLessThanOrEqual(Number(endTime));
    const sent = measured.filter(([name]) => name === 'messaging.client.sent.messages');
    expect(sent).toEqual([[sent[0]?.[0], 2, expect.objectContaining({ 'messaging.destination.name': 'orders' })]]);
    const names = new Set(measured.map(([name]) => name));
    expect([...names].sort()).toEqual([
      'db.client.operation.duration',
      'messaging.client.operation.duration',
      'messaging.client.sent.messages',
      'millrace.flush.count',
      'millrace.flush.duration',
    ]);
  });

  it('has every channel in its table, and tells Kafka requests and Redis commands', () => {
    expect(Object.keys(table).sort()).toEqual([...channelNames].sort());
    const { api, spans, measured } = recording();
    const stop = instrument(api);
    publish('millrace:kafka:request', { apiKey: 1, apiVersion: 11, clientId: null, requestBytes: 9, durationMs: 250 });
    publish('millrace:redis:command', { command: 'get', words: 2, database: 3, clientId: 1, durationMs: 1 });
    stop();
    expect(spans.map(({ name }) => name)).toEqual(['kafka request 1', 'GET']);
    expect(measured).toEqual([
      ['millrace.kafka.request.duration', 0.25, { 'messaging.system': 'kafka', 'messaging.kafka.api_key': 1 }],
      ['millrace.redis.command.duration', 0.001, expect.objectContaining({ 'db.namespace': '3' })],
    ]);
  });

  it('listens to what it is asked for, and to nothing once it is stopped', () => {
    const isHeard = () => channelNames.filter((name) => channel(`tracing:${name}:asyncEnd`).hasSubscribers);
    const { api, spans, measured } = recording();
    const stop = instrument(api, { channels: ['millrace:flush'], spans: false });
    expect(isHeard()).toEqual(['millrace:flush']);
    publish('millrace:flush', { flushes: 2, frames: 5, durableLsn: 9, durationMs: 4 });
    expect([spans.length, measured.length]).toEqual([0, 2]);
    stop();
    expect(isHeard()).toEqual([]);
  });
});

describe('the context of a trace', () => {
  it('goes with the headers of a record to whoever reads it', async () => {
    using disk = new SimulatedDisk();
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    const { api } = recording('00-abc');
    const headers = withContext(api, { shop: 'north', traceparent: 'stale' });
    expect(headers).toEqual([
      ['shop', 'north'],
      ['traceparent', '00-abc'],
    ]);
    await topic.append([{ value: 'x', headers }, { value: 'y' }]);
    const reader = recording('mine').api;
    const contexts: string[] = [];
    for await (const record of topic.read({ from: 'earliest', follow: false }).records())
      contexts.push(contextOf(reader, record));
    expect(contexts).toEqual(['00-abc', 'mine']);
    await log.close();
  });

  it('leaves headers as they are where nothing is traced, and hands no huge one to a propagator', () => {
    const { api } = recording();
    expect(withContext(api, [['a', null]])).toEqual([['a', null]]);
    expect(withContext(api)).toEqual([]);
    const huge = Buffer.alloc(17 * 1024, 'x');
    expect(contextOf(recording('mine').api, { headers: [['traceparent', huge]] })).toBe('mine');
  });
});
