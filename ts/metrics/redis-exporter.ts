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
  ['evictedKeys', 'evicted_keys_total', 'counter', 'Keys evicted by `maxmemory-policy`.'],
  [
    'persistedBytes',
    'aof_current_size_bytes',
    'gauge',
    'Data files of the databases, and what is only in the journal.',
  ],
  ['uptimeSeconds', 'uptime_in_seconds', 'gauge', 'Seconds that Redis clients are served.'],
  ['maxmemory', 'memory_max_bytes', 'gauge', 'The setting maxmemory; 0: none.'],
  ['maxclients', 'config_maxclients', 'gauge', 'Most connections at a time.'],
];

/** Counters with a label, by the beginning of their names: the rest of the name is the label's value. */
const labelled: readonly (readonly [prefix: string, name: string, label: string, type: MetricType, help: string])[] = [
  ['redis.calls.', 'commands_total', 'cmd', 'counter', 'Calls of a command.'],
  ['redis.seconds.', 'commands_duration_seconds_total', 'cmd', 'counter', 'Seconds spent in a command.'],
  ['redis.keys.', 'db_keys', 'db', 'gauge', 'Keys of a database.'],
  ['redis.expiring.', 'db_keys_expiring', 'db', 'gauge', 'Those of them that expire.'],
];

/** Writes the families that `counters` has numbers for. `poisoned`: whether a flush has failed. */
export function writeRedisExporter(
  text: PrometheusText,
  counters: Readonly<Record<string, number>>,
  poisoned: boolean,
  isFlushing: boolean,
): void {
  if (counters['redis.clients'] === undefined) return;
  text.one('redis_up', 'gauge', '1: it answers.', 1);
  text.one('redis_memory_used_bytes', 'gauge', 'Resident bytes of the process.', process.memoryUsage.rss());
  text.one('redis_aof_enabled', 'gauge', '1: the journal takes the place of the append-only file.', 1);
  text.one('redis_aof_last_write_status', 'gauge', '0 when a flush has failed.', poisoned ? 0 : 1);
  text.one('redis_aof_pending_bio_fsync', 'gauge', 'Flushes of the journal that are under way: 0 or 1.', +isFlushing);
  for (const [counter, name, type, help] of families) {
    const value = counters[`redis.${counter}`];
    if (value !== undefined) text.one(`redis_${name}`, type, help, value);
  }
  for (const [prefix, name, label, type, help] of labelled) {
    const found = Object.entries(counters).filter(([counter]) => counter.startsWith(prefix));
    if (found.length === 0) continue;
    const family = text.family(`redis_${name}`, type, help);
    for (const [counter, value] of found) family.add(value, { [label]: counter.slice(prefix.length) });
  }
}
