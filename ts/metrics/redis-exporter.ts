/**
 * What the Redis server counts, under redis_exporter's names, so that its dashboards work.
 *
 * Not INFO (ts/redis/info.ts), which says the same to clients. To remember: nothing is written when Redis is not served.
 */

import type { MetricType, PrometheusText } from './prometheus-text.ts';

/** Names in `server.counters()` behind `redis.`, and what redis_exporter calls them. */
const families: readonly (readonly [counter: string, name: string, type: MetricType, help: string])[] = [
  ['clients', 'connected_clients', 'gauge', 'Connections of Redis clients.'],
  ['blockedClients', 'blocked_clients', 'gauge', 'Clients whose command waits.'],
  ['connections', 'connections_received_total', 'counter', 'Connections accepted.'],
  ['rejectedConnections', 'rejected_connections_total', 'counter', 'Connections refused: too many were open.'],
  ['commands', 'commands_processed_total', 'counter', 'Commands run.'],
  ['commandsPerSecond', 'instantaneous_ops_per_sec', 'gauge', 'Commands a second, of the latest second.'],
  ['inputBytes', 'net_input_bytes_total', 'counter', 'Bytes received from clients.'],
  ['outputBytes', 'net_output_bytes_total', 'counter', 'Bytes of replies sent to clients.'],
  ['hits', 'keyspace_hits_total', 'counter', 'Keys that reading commands found.'],
  ['misses', 'keyspace_misses_total', 'counter', 'Keys that reading commands did not find.'],
  ['expiredKeys', 'expired_keys_total', 'counter', 'Keys that had expired and were removed.'],
];

/** Writes the families that `counters` has numbers for. */
export function writeRedisExporter(text: PrometheusText, counters: Readonly<Record<string, number>>): void {
  for (const [counter, name, type, help] of families) {
    const value = counters[`redis.${counter}`];
    if (value !== undefined) text.one(`redis_${name}`, type, help, value);
  }
}
