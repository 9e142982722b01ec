/** Promises to whoever scrapes: the names of promised-metrics.ts are served with their types and labels, and are true. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Level } from '../../ts/io/native-types.ts';
import type { Store } from '../../ts/kv/store.ts';
import { Stores } from '../../ts/kv/stores.ts';
import { type MillraceServer, serve } from '../../ts/serve.ts';
import { partsOf } from '../../ts/server-parts.ts';
import { scratch } from '../support/scratch.ts';
import { promisedMetrics } from './promised-metrics.ts';

const BLOCK_BYTES = 4096;
const folder = scratch('promised-metrics');
let server: MillraceServer;
const texts: Record<string, string> = {};

/** Sends commands one after the other, and waits for each reply. */
async function redis(commands: readonly string[]): Promise<void> {
  const socket = connect(server.redis?.port ?? 0, '127.0.0.1');
  for (const command of commands) {
    const answered = new Promise<void>((resolve, reject) => {
      socket.once('data', () => resolve());
      socket.once('error', reject);
    });
    socket.write(`${command}\r\n`);
    await answered;
  }
  socket.destroy();
}

/** A record that a group has read and committed. */
async function kafka(): Promise<void> {
  const client = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING });
  const [producer, consumer] = [client.producer(), client.consumer({ groupId: 'billing' })];
  await Promise.all([producer.connect(), consumer.connect()]);
  await producer.send({ topic: 'orders', messages: [{ value: 'a book' }] });
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({ eachMessage: async () => resolve() });
  });
  await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '1' }]);
  // Members are told of while they are there.
  for (const path of Object.keys(promisedMetrics)) texts[path] = await scrape(path);
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
}

async function scrape(path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${server.http?.port}${path}`)).text();
}

async function store(): Promise<void> {
  const stores = Stores.of(partsOf(server).engine);
  const opened = await new Promise<Store>((resolve, reject) => {
    stores.open('sessions', (found, code) => (found ? resolve(found) : reject(new Error(`code ${code}`))));
  });
  const [key, value] = [Buffer.from('a'), Buffer.from('b')];
  const put = { kind: 'kvPut' as const, store: opened.id, key, value, expiresMs: 0 };
  await new Promise<void>((done) => opened.write([put], Level.durable, () => done()));
}

beforeAll(async () => {
  const port = 0;
  server = await serve({ dir: join(folder.path, 'data'), kafka: { port }, redis: { port }, http: { port } });
  await redis([
    'SET k v EX 1000',
    'SET plain 1',
    'GET k',
    'HSET h f v',
    'EXPIRE h 1000',
    'SET gone 1 EX 1000',
    'DEL gone',
  ]);
  await store();
  await kafka();
}, 60_000);
afterAll(async () => {
  await server.close();
  folder[Symbol.dispose]();
});

/** The value of the sample that begins so. */
function sample(path: string, of: string): number {
  const line = texts[path]?.split('\n').find((one) => one.startsWith(`${of} `));
  expect(line, of).toBeDefined();
  return Number(line?.slice(of.length + 1));
}

describe.each(Object.entries(promisedMetrics))('%s', (path, promised) => {
  it.each(promised.filter(({ absent }) => absent === undefined))(
    'serves $name as a $type',
    ({ name, type, labels }) => {
      const text = texts[path] ?? '';
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
      const suffix = type === 'histogram' || type === 'summary' ? '_count' : '';
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`${name}${suffix} `) || one.startsWith(`${name}${suffix}{`));
      expect(line, `${name} has a sample`).toBeDefined();
      for (const label of labels) expect(line).toContain(`${label}="`);
    },
  );

  it('serves nothing under a name that it cannot be true to', () => {
    for (const { name } of promised.filter(({ absent }) => absent !== undefined)) {
      expect(texts[path]).not.toContain(`# TYPE ${name} `);
    }
  });
});

describe('what they say', () => {
  it('counts keys that expire, also collections, and those that are gone no more', () => {
    expect(sample('/metrics', 'redis_db_keys{db="db0"}')).toBe(3);
    expect(sample('/metrics', 'redis_db_keys_expiring{db="db0"}')).toBe(2);
  });

  it('tells the time spent in a command whichever way it was run', () => {
    for (const cmd of ['set', 'get', 'hset']) {
      expect(sample('/metrics', `redis_commands_duration_seconds_total{cmd="${cmd}"}`), cmd).toBeGreaterThan(0);
    }
  });

  it('says that flushes were due to the policy, and leaves no data unflushed', () => {
    expect(sample('/metrics', 'millrace_flush_total{policy="always"}')).toBeGreaterThan(0);
    expect(sample('/metrics', 'millrace_flush_total{policy="interval"}')).toBe(0);
    // A mark of the journal needs no flush: it may be what has none.
    expect(sample('/metrics', 'millrace_unflushed_bytes')).toBeLessThanOrEqual(2 * BLOCK_BYTES);
  });

  it('counts the bytes of records that clients produce and fetch', () => {
    const labels = 'redpanda_namespace="kafka",redpanda_topic="orders"';
    const produced = sample(
      '/public_metrics',
      `redpanda_kafka_request_bytes_total{${labels},redpanda_request="produce"}`,
    );
    expect(produced).toBeGreaterThan(60);
    expect(sample('/public_metrics', `redpanda_kafka_request_bytes_total{${labels},redpanda_request="consume"}`)).toBe(
      produced,
    );
    expect(texts['/public_metrics']).toContain('redpanda_kafka_handler_latency_seconds_count{handler="join_group"}');
  });
});
