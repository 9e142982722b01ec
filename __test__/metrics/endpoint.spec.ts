/** Promises of the HTTP endpoint: what dashboards ask for is there and true, and health is what it says. */
import { createServer } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Level } from '../../ts/io/native-types.ts';
import { metricsOf } from '../../ts/metrics/index.ts';
import type { MillraceServer } from '../../ts/serve.ts';
import { partsOf } from '../../ts/server-parts.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';

let disk: SimulatedDisk;
let server: MillraceServer;

beforeEach(async () => {
  disk = new SimulatedDisk();
  server = await disk.serve({ http: { port: 0 }, settings: { 'group.initial.rebalance.delay.ms': 0 } });
});
afterEach(async () => {
  await server.close();
  disk[Symbol.dispose]();
});

function ask(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`http://${server.http?.host}:${server.http?.port}${path}`, init);
}

async function scrape(path = '/metrics'): Promise<string> {
  const response = await ask(path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

/** Value of one sample, by name and labels as they stand in the text. */
function sample(text: string, of: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${of} `));
  expect(line, `${of} in\n${text}`).toBeDefined();
  return Number(line?.slice(of.length + 1));
}

/** Two topics, three records of which a group has committed one. */
async function someTraffic(): Promise<void> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2 }, { topic: 'odd.name_1' }] });
  const producer = kafka.producer();
  await producer.connect();
  const messages = ['a', 'b', 'c'].map((value) => ({ value, partition: 1 }));
  await producer.send({ topic: 'orders', messages });
  const committed = { offset: 1, leaderEpoch: -1, metadata: '', committedMs: Date.now() };
  const { offsets } = partsOf(server).broker.context;
  await new Promise((done) => offsets.commit('billing', [{ topic: 'orders', partition: 1, committed }], done));
  await Promise.all([admin.disconnect(), producer.disconnect()]);
}

/** What the panels of Grafana's dashboard 7589 (made for kafka_exporter) ask for. */
const dashboard7589 = [
  'sum(rate(kafka_topic_partition_current_offset{instance="$instance", topic=~"$topic"}[1m])) by (topic)',
  'sum(kafka_consumergroup_lag{instance="$instance",topic=~"$topic"}) by (consumergroup, topic)',
  'sum(delta(kafka_topic_partition_current_offset{instance=~"$instance", topic=~"$topic"}[5m])/5) by (topic)',
  'sum(delta(kafka_consumergroup_current_offset{instance=~"$instance",topic=~"$topic"}[5m])/5) by (consumergroup, topic)',
  'sum by(topic) (kafka_topic_partitions{instance="$instance",topic=~"$topic"})',
  'label_values(kafka_topic_partition_current_offset{topic!="__consumer_offsets"}, topic)',
];

describe('/metrics', () => {
  it('tells offsets, lag and partitions by the names of kafka_exporter', async () => {
    await someTraffic();
    const text = await scrape();
    expect(sample(text, 'kafka_brokers')).toBe(1);
    expect(sample(text, `kafka_broker_info{address="127.0.0.1:${server.kafka.port}",id="1"}`)).toBe(1);
    expect(sample(text, 'kafka_topic_partitions{topic="orders"}')).toBe(2);
    expect(sample(text, 'kafka_topic_partition_current_offset{partition="1",topic="orders"}')).toBe(3);
    expect(sample(text, 'kafka_topic_partition_oldest_offset{partition="1",topic="orders"}')).toBe(0);
    expect(sample(text, 'kafka_topic_partition_leader{partition="0",topic="odd.name_1"}')).toBe(1);
    const group = 'consumergroup="billing",partition="1",topic="orders"';
    expect(sample(text, `kafka_consumergroup_current_offset{${group}}`)).toBe(1);
    expect(sample(text, `kafka_consumergroup_lag{${group}}`)).toBe(2);
    expect(sample(text, 'kafka_consumergroup_lag_sum{consumergroup="billing",topic="orders"}')).toBe(2);
  });

  it('has every metric and label that a dashboard made for kafka_exporter asks for', async () => {
    await someTraffic();
    const text = await scrape();
    for (const query of dashboard7589) {
      const [metric = ''] = /kafka_\w+/.exec(query) ?? [];
      const samples = text.split('\n').filter((line) => line.startsWith(`${metric}{`));
      expect(samples.length, query).toBeGreaterThan(0);
      const grouped = /\bby ?\(([^)]*)\)/.exec(query)?.[1]?.split(', ') ?? [];
      for (const label of grouped) expect(samples[0], query).toContain(`${label}="`);
    }
  });

  it('tells what the engine did, and how long requests took', async () => {
    await someTraffic();
    const text = await scrape();
    expect(sample(text, 'millrace_flush_total{policy="always"}')).toBeGreaterThan(0);
    expect(sample(text, 'millrace_journal_poisoned')).toBe(0);
    for (const name of ['flush_duration_seconds', 'group_commit_frames', 'group_commit_bytes']) {
      const counted = sample(text, `millrace_${name}_count`);
      expect(counted, name).toBeGreaterThan(0);
      expect(sample(text, `millrace_${name}_bucket{le="+Inf"}`)).toBe(counted);
      expect(sample(text, `millrace_${name}_sum`)).toBeGreaterThan(0);
    }
    expect(sample(text, 'millrace_group_commit_frames_count')).toBe(sample(text, 'millrace_group_commits_total'));
    expect(sample(text, 'millrace_group_commit_frames_sum')).toBe(sample(text, 'millrace_frames_total'));
    expect(sample(text, 'millrace_unflushed_frames')).toBe(0);
    expect(sample(text, 'millrace_partition_durable_offset{topic="orders",partition="1"}')).toBe(3);
    expect(text).toMatch(/^millrace_io_driver_info\{driver="sim",reason=".+"\} 1$/m);
    const produced = sample(text, 'millrace_kafka_request_seconds_count{api="Produce"}');
    expect(produced).toBeGreaterThan(0);
    expect(sample(text, 'millrace_kafka_request_seconds_bucket{api="Produce",le="+Inf"}')).toBe(produced);
  });

  it('goes on when records were deleted from the front of a log', async () => {
    await someTraffic();
    const { engine, broker } = partsOf(server);
    const partition = broker.context.catalogue.get('orders')?.partitions[1] as number;
    await new Promise<void>((done) => {
      engine.submit([{ kind: 'deleteRecords', partition, offset: 2 }], Level.durable, () => done());
    });
    const text = await scrape();
    expect(sample(text, 'kafka_topic_partition_oldest_offset{partition="1",topic="orders"}')).toBe(2);
  });

  it('is text that holds each family once and nothing that is no number', async () => {
    await someTraffic();
    for (const text of [await scrape(), await scrape('/public_metrics')]) {
      const families = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map((match) => match[1]);
      expect(new Set(families).size).toBe(families.length);
      expect(families.length).toBeGreaterThan(10);
      const samples = text
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('#'));
      const right = /^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\.)*"(,|(?=\})))+\})? -?\d+(\.\d+)?(e[+-]\d+)?$/;
      expect(samples.filter((line) => !right.test(line))).toEqual([]);
    }
  });
});

describe('/public_metrics', () => {
  it('tells by the names of Redpanda what means the same here', async () => {
    await someTraffic();
    const text = await scrape('/public_metrics');
    const topic = 'redpanda_namespace="kafka",redpanda_topic="orders"';
    expect(sample(text, `redpanda_kafka_max_offset{${topic},redpanda_partition="1"}`)).toBe(3);
    expect(sample(text, `redpanda_kafka_records_produced_total{${topic}}`)).toBe(3);
    expect(sample(text, 'redpanda_kafka_consumer_group_lag_sum{redpanda_group="billing"}')).toBe(2);
    expect(sample(text, 'redpanda_cluster_topics')).toBe(2);
    expect(sample(text, 'redpanda_kafka_request_latency_seconds_count{redpanda_request="produce"}')).toBe(1);
  });
});

describe('health', () => {
  it('is ready until a flush has failed, and alive still', async () => {
    for (const path of ['/healthz', '/health/live', '/readyz', '/health/ready']) {
      expect((await ask(path)).status, path).toBe(200);
    }
    disk.failFlushes();
    await someTraffic().catch(() => undefined);
    expect((await ask('/readyz')).status).toBe(503);
    expect(await (await ask('/health/ready')).json()).toMatchObject({ status: 'unavailable' });
    expect((await ask('/healthz')).status).toBe(200);
    expect(sample(await scrape(), 'millrace_journal_poisoned')).toBe(1);
    expect(await (await ask('/v1/status')).json()).toMatchObject({ poisoned: true, driver: { driver: 'sim' } });
  });

  it('stays ready on a full disk, and says that writes are refused', async () => {
    const told: boolean[] = [];
    server.onDiskFull((isFull) => told.push(isFull));
    expect(sample(await scrape(), 'millrace_disk_full')).toBe(0);
    const retry = { retries: 0 };
    const kafka = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING, retry });
    const producer = kafka.producer();
    await producer.connect();
    disk.fill();
    const messages = [{ value: 'x'.repeat(256 * 1024) }];
    const fill = async (): Promise<void> => {
      for (let sent = 0; sent < 5000; sent += 1) await producer.send({ topic: 'fills', messages });
    };
    await expect(fill()).rejects.toThrow();
    await producer.disconnect();
    expect(told).toEqual([true]);
    expect(sample(await scrape(), 'millrace_disk_full')).toBe(1);
    const answer = await ask('/readyz');
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok', disk: expect.stringMatching(/^full/) }]);
    expect(await (await ask('/v1/status')).json()).toMatchObject({ diskFull: true });
  }, 90_000);
});

describe('the endpoint', () => {
  it('answers GET and HEAD of what it has, and nothing else', async () => {
    expect((await ask('/nothing')).status).toBe(404);
    const refused = await ask('/metrics', { method: 'POST', body: 'x' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await ask('/metrics', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await (await ask('/')).text()).split('\n')).toContain('/metrics');
  });

  it('is not there unless it is asked for', async () => {
    using other = new SimulatedDisk();
    await using quiet = await other.serve();
    expect(quiet.http).toBeUndefined();
  });

  it('that cannot have its port leaves no server behind', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    using other = new SimulatedDisk();
    await expect(other.serve({ http: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    taken.close();
    await (await other.serve()).close();
  });

  it('closes with its server although a scraper keeps its connection', async () => {
    await scrape();
    await server.close();
    await expect(ask('/healthz')).rejects.toThrow();
  });
});

describe('metricsOf', () => {
  it('measures a server for a program that serves its metrics itself', async () => {
    using metrics = metricsOf(server);
    await someTraffic();
    expect(sample(metrics.prometheus(), 'kafka_topic_partitions{topic="orders"}')).toBe(2);
    expect(metrics.json()).toMatchObject({ topics: 2, poisoned: false });
    expect(() => metricsOf({})).toThrowError(/no server/);
  });
});
