/**
 * Promises to dashboards: every metric and label they ask for is served by those names. Ours is read from its file; of those
 * made for kafka_exporter and redis_exporter the metrics that their panels ask for stand here.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commitOrders, openScene, produceOrders, putKeys, type Scene } from '../console/scene.ts';

let scene: Scene;
let samples: readonly string[];

/** Sends commands as lines, one after the other, and waits for each reply. */
async function redis(commands: readonly string[]): Promise<void> {
  const socket = connect(scene.server.redis?.port ?? 0, '127.0.0.1');
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

beforeAll(async () => {
  scene = await openScene({}, { redis: { port: 0 } });
  await produceOrders(scene, 50);
  await commitOrders(scene, 'billing', 1);
  await putKeys(scene, 'sessions', [['a', 'b']]);
  await redis(['SET k v EX 100', 'GET k', 'GET none', 'HSET h f v', 'CLIENT SETNAME tester', 'SET plain 1']);
  const text = await (await scene.ask('/metrics')).text();
  samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
});
afterAll(() => scene[Symbol.asyncDispose]());

/** Panels of Grafana's dashboards for redis_exporter (763, 11835, 14091), as far as they ask for what a server has. */
const redisExporter = [
  'max(max_over_time(redis_uptime_in_seconds{instance=~"$instance"}[$__interval]))',
  'sum(redis_connected_clients{instance=~"$instance"})',
  '100 * (redis_memory_used_bytes{instance=~"$instance"} / redis_memory_max_bytes{instance=~"$instance"})',
  'sum(rate(redis_commands_processed_total{instance=~"$instance"}[1m]))',
  'irate(redis_keyspace_hits_total{instance=~"$instance"}[5m])',
  'irate(redis_keyspace_misses_total{instance=~"$instance"}[5m])',
  'sum(rate(redis_net_input_bytes_total{instance=~"$instance"}[5m]))',
  'sum(rate(redis_net_output_bytes_total{instance=~"$instance"}[5m]))',
  'sum(redis_db_keys{instance=~"$instance"}) by (db)',
  'sum(rate(redis_expired_keys_total{instance=~"$instance"}[5m]))',
  'sum(rate(redis_evicted_keys_total{instance=~"$instance"}[5m]))',
  'topk(5, sum(irate(redis_commands_total{instance=~"$instance"}[1m])) by (cmd))',
  'redis_blocked_clients{instance=~"$instance"}',
  'redis_up{instance=~"$instance"}',
];

/** Panels of those for kafka_exporter (7589, 10122, 12460). */
const kafkaExporter = [
  'sum(rate(kafka_topic_partition_current_offset{topic=~"$topic"}[1m])) by (topic)',
  'sum(kafka_consumergroup_lag{topic=~"$topic"}) by (consumergroup, topic)',
  'sum(delta(kafka_consumergroup_current_offset{topic=~"$topic"}[5m])/5) by (consumergroup, topic)',
  'sum(kafka_topic_partitions) by (topic)',
  'kafka_brokers',
  'sum(kafka_topic_partition_replicas) by (topic, partition)',
  'sum(kafka_topic_partition_in_sync_replica) by (topic, partition)',
  'kafka_topic_partition_under_replicated_partition',
  'kafka_topic_partition_leader_is_preferred',
  'kafka_topic_partition_oldest_offset',
  'kafka_consumergroup_lag_sum',
  'kafka_consumergroup_current_offset_sum',
];

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const own = JSON.parse(readFileSync(join(import.meta.dirname, '../../dashboards/millrace.json'), 'utf8')) as Dashboard;

/** What of `query` is not served: metrics, and labels that it groups by. */
function missing(query: string): string[] {
  const metrics = [...query.matchAll(/\b(?:kafka|redis|millrace)_\w+/g)].map(([name]) => name);
  expect(metrics.length, query).toBeGreaterThan(0);
  const grouped = [...query.matchAll(/\bby ?\(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(/, */));
  return metrics.flatMap((metric) => {
    const found = samples.filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`));
    if (found.length === 0) return [metric];
    return grouped.filter((label) => !found[0]?.includes(`${label}="`)).map((label) => `${metric}{${label}}`);
  });
}

it('our own dashboard shows only what is served', () => {
  const queries = own.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(20);
  expect(queries.flatMap(missing)).toEqual([]);
});

it('dashboards made for kafka_exporter find what they ask for', () => {
  expect(kafkaExporter.flatMap(missing)).toEqual([]);
});

it('dashboards made for redis_exporter find what they ask for', () => {
  expect(redisExporter.flatMap(missing)).toEqual([]);
});

it('a metric that is not served is missed', () => {
  expect(missing('sum(redis_no_such_thing) by (db)')).toEqual(['redis_no_such_thing']);
  expect(missing('sum(redis_up) by (db)')).toEqual(['redis_up{db}']);
});

it('commands of Redis are counted by name, whichever way they were run', () => {
  const calls = (cmd: string): string | undefined =>
    samples.find((line) => line.startsWith(`redis_commands_total{cmd="${cmd}"}`));
  expect(calls('get')).toMatch(/ 2$/);
  expect(calls('set')).toMatch(/ 2$/);
  expect(calls('hset')).toMatch(/ 1$/);
  expect(calls('client|setname')).toMatch(/ 1$/);
  expect(samples).toContain('redis_db_keys{db="db0"} 3');
});
