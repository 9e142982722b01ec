/**
 * INFO: what clients and exporters read of a server.
 *
 * To remember: only what is true is said; a name whose meaning we do not have is left out.
 */

import { arch, release, totalmem } from 'node:os';
import { version } from '../version.ts';
import { REDIS_VERSION } from './commands/connection.ts';
import type { RedisHost } from './redis-host.ts';

type Fields = readonly (readonly [name: string, value: string | number])[];

function server(host: RedisHost): Fields {
  const seconds = Math.floor((Date.now() - host.statistics.startedMs) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['millrace_version', version],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', '0'],
    ['redis_mode', 'standalone'],
    ['os', `Linux ${release()} ${arch()}`],
    ['arch_bits', 64],
    ['process_id', process.pid],
    ['run_id', host.runId],
    ['tcp_port', host.port],
    ['server_time_usec', Date.now() * 1000],
    ['uptime_in_seconds', seconds],
    ['uptime_in_days', Math.floor(seconds / 86_400)],
    ['hz', 10],
    ['configured_hz', 10],
    ['executable', process.execPath],
    ['config_file', ''],
  ];
}

function clients(host: RedisHost): Fields {
  const all = [...host.clients.values()];
  return [
    ['connected_clients', all.length],
    ['cluster_connections', 0],
    ['maxclients', host.settings.text('maxclients')],
    ['blocked_clients', all.filter((client) => client.waiting !== null).length],
    ['tracking_clients', host.tracking.clients],
    ['pubsub_clients', all.filter((client) => client.isSubscribed).length],
  ];
}

function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 2)}${units[power]}`;
}

function memory(host: RedisHost): Fields {
  const { rss } = process.memoryUsage();
  const { used, peak } = host.eviction.used();
  const limit = host.settings.number('maxmemory');
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['used_memory_peak', peak],
    ['used_memory_peak_human', human(peak)],
    ['used_memory_dataset', used],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', human(totalmem())],
    ['maxmemory', limit],
    ['maxmemory_human', human(limit)],
    ['maxmemory_policy', host.settings.text('maxmemory-policy')],
    ['mem_fragmentation_ratio', (rss / Math.max(1, used)).toFixed(2)],
    ['mem_not_counted_for_evict', 0],
    ['mem_allocator', 'node'],
  ];
}

function persistence(host: RedisHost): Fields {
  const counters = host.engine.counters();
  return [
    ['loading', 0],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', 0],
    ['rdb_bgsave_in_progress', 0],
    ['rdb_last_save_time', host.lastSaveSeconds],
    ['rdb_last_bgsave_status', 'ok'],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_last_write_status', host.isFailed ? 'err' : 'ok'],
    ['aof_delayed_fsync', 0],
    ['aof_current_size', counters.bytesWritten ?? 0],
    ['millrace_unsettled_bytes', counters.unsettledBytes ?? 0],
    ['millrace_flushes', counters.flushes ?? 0],
    ['millrace_driver', host.engine.driver.driver],
  ];
}

function stats(host: RedisHost): Fields {
  const { statistics, pubsub, tracking } = host;
  return [
    ['total_connections_received', statistics.connections],
    ['total_commands_processed', statistics.commands],
    ['instantaneous_ops_per_sec', statistics.commandsPerSecond],
    ['total_net_input_bytes', statistics.inputBytes],
    ['total_net_output_bytes', statistics.outputBytes],
    ['instantaneous_input_kbps', (statistics.inputPerSecond / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (statistics.outputPerSecond / 1024).toFixed(2)],
    ['rejected_connections', statistics.rejectedConnections],
    ['expired_keys', host.expiredKeys],
    ['evicted_keys', statistics.evicted],
    ['keyspace_hits', statistics.hits],
    ['keyspace_misses', statistics.misses],
    ['pubsub_channels', pubsub.channels.size],
    ['pubsub_patterns', pubsub.patterns.size],
    ['tracking_total_keys', tracking.keys],
    ['total_error_replies', statistics.errors],
    ['millrace_turns', statistics.turns],
  ];
}

function replication(): Fields {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_repl_offset', 0],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
  ];
}

function cpu(): Fields {
  const { user, system } = process.cpuUsage();
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
  ];
}

/** May throw `Cold`. */
function keyspace(host: RedisHost): Fields {
  return host.databases.flatMap((db): Fields => {
    const keys = db.count();
    return keys === 0 ? [] : [[`db${db.index}`, `keys=${keys},expires=${db.expiring()},avg_ttl=0`]];
  });
}

const sections: Readonly<Record<string, (host: RedisHost) => Fields>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: stats,
  Replication: replication,
  CPU: cpu,
  Modules: () => [],
  Errorstats: () => [],
  Cluster: () => [['cluster_enabled', 0]],
  Keyspace: keyspace,
};
const EVERYTHING = new Set(['all', 'everything', 'default']);

/** The sections that are asked for by name, in their order; none or `all`: all of them. */
export function infoText(host: RedisHost, wanted: readonly string[]): string {
  const isAll = wanted.length === 0 || wanted.some((name) => EVERYTHING.has(name));
  return Object.entries(sections)
    .filter(([name]) => isAll || wanted.includes(name.toLowerCase()))
    .map(
      ([name, fields]) =>
        `# ${name}\r\n${fields(host)
          .map((field) => `${field.join(':')}\r\n`)
          .join('')}`,
    )
    .join('\r\n');
}
