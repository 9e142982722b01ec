/**
 * The names that dashboards and people ask for, exporter by exporter, with the labels they are asked by: what a server
 * has to serve of them, and of those that it does not serve, why not.
 *
 * Not a list of all that is served (docs/reference/metrics.md). To remember: a name is served only when its meaning is
 * ours; one that is not has a reason here.
 */

/** One name: at which path, with which labels; `absent` says why it is not served. */
export interface PromisedMetric {
  readonly name: string;
  readonly labels: readonly string[];
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly absent?: string;
}

type Row = readonly [name: string, type: PromisedMetric['type'], labels?: string, absent?: string];

function family(prefix: string, rows: readonly Row[]): PromisedMetric[] {
  return rows.map(([name, type, labels = '', absent]) => ({
    name: `${prefix}${name}`,
    type,
    labels: labels === '' ? [] : labels.split(' '),
    ...(absent === undefined ? {} : { absent }),
  }));
}

const kafkaExporter = family('kafka_', [
  ['brokers', 'gauge'],
  ['broker_info', 'gauge', 'address id'],
  ['topic_partitions', 'gauge', 'topic'],
  ['topic_partition_current_offset', 'gauge', 'topic partition'],
  ['topic_partition_oldest_offset', 'gauge', 'topic partition'],
  ['topic_partition_in_sync_replica', 'gauge', 'topic partition'],
  ['topic_partition_leader', 'gauge', 'topic partition'],
  ['topic_partition_leader_is_preferred', 'gauge', 'topic partition'],
  ['topic_partition_replicas', 'gauge', 'topic partition'],
  ['topic_partition_under_replicated_partition', 'gauge', 'topic partition'],
  ['consumergroup_current_offset', 'gauge', 'consumergroup topic partition'],
  ['consumergroup_current_offset_sum', 'gauge', 'consumergroup topic'],
  ['consumergroup_lag', 'gauge', 'consumergroup topic partition'],
  ['consumergroup_lag_sum', 'gauge', 'consumergroup topic'],
  ['consumergroup_members', 'gauge', 'consumergroup'],
]);

const redisExporter = family('redis_', [
  ['up', 'gauge'],
  ['uptime_in_seconds', 'gauge'],
  ['connected_clients', 'gauge'],
  ['blocked_clients', 'gauge'],
  ['memory_used_bytes', 'gauge'],
  ['memory_max_bytes', 'gauge'],
  ['commands_total', 'counter', 'cmd'],
  ['commands_duration_seconds_total', 'counter', 'cmd'],
  ['keyspace_hits_total', 'counter'],
  ['keyspace_misses_total', 'counter'],
  ['net_input_bytes_total', 'counter'],
  ['net_output_bytes_total', 'counter'],
  ['db_keys', 'gauge', 'db'],
  ['db_keys_expiring', 'gauge', 'db'],
  ['expired_keys_total', 'counter'],
  ['evicted_keys_total', 'counter'],
  ['aof_enabled', 'gauge'],
  ['aof_last_write_status', 'gauge'],
  ['aof_delayed_fsync', 'counter', '', 'no write is let through because a flush behind it is late: it waits'],
  ['aof_pending_bio_fsync', 'gauge'],
  ['aof_current_size_bytes', 'gauge'],
]);

const redpanda = family('redpanda_', [
  ['kafka_request_bytes_total', 'counter', 'redpanda_namespace redpanda_topic redpanda_request'],
  ['kafka_request_latency_seconds', 'histogram', 'redpanda_request'],
  ['kafka_handler_latency_seconds', 'histogram'],
  ['kafka_max_offset', 'gauge', 'redpanda_namespace redpanda_topic redpanda_partition'],
  ['kafka_partitions', 'gauge', 'redpanda_namespace redpanda_topic'],
  ['kafka_records_produced_total', 'counter', 'redpanda_namespace redpanda_topic'],
  ['kafka_records_fetched_total', 'counter', '', 'batches are sent as they lie: nobody counts the records in them'],
  ['kafka_consumer_group_committed_offset', 'gauge', 'redpanda_group redpanda_topic redpanda_partition'],
  ['kafka_consumer_group_consumers', 'gauge', 'redpanda_group'],
  ['kafka_consumer_group_lag_max', 'gauge', 'redpanda_group'],
  ['kafka_consumer_group_lag_sum', 'gauge', 'redpanda_group'],
  ['kafka_consumer_group_topics', 'gauge', 'redpanda_group'],
  ['storage_disk_free_bytes', 'gauge'],
  ['storage_disk_total_bytes', 'gauge'],
  ['storage_disk_free_space_alert', 'gauge'],
  ['cluster_brokers', 'gauge'],
  ['cluster_topics', 'gauge'],
  ['cluster_partitions', 'gauge'],
  ['cpu_busy_seconds_total', 'counter'],
  ['memory_allocated_memory', 'gauge'],
  ['memory_available_memory', 'gauge'],
  ['memory_free_memory', 'gauge'],
  ['rpc_active_connections', 'gauge'],
  ['application_uptime_seconds_total', 'counter'],
  ['application_build', 'gauge'],
]);

const own = family('millrace_', [
  ['flush_duration_seconds', 'histogram'],
  ['flush_total', 'counter', 'policy'],
  ['unflushed_bytes', 'gauge'],
  ['unsettled_bytes', 'gauge'],
  ['group_commit_frames', 'histogram'],
  ['group_commit_bytes', 'histogram'],
  ['journal_laps_total', 'counter'],
  ['joins_total', 'counter'],
  ['joined_ranges_total', 'counter'],
  ['joined_bytes_total', 'counter'],
  ['read_ahead_reads_total', 'counter'],
  ['read_ahead_bytes_total', 'counter'],
  ['read_ahead_unread_bytes_total', 'counter'],
  ['read_ahead_answers_total', 'counter'],
  ['read_ahead_held_bytes', 'gauge'],
  ['journal_poisoned', 'gauge'],
  ['io_driver_info', 'gauge', 'driver reason'],
  ['ring_sq_full_total', 'counter'],
  ['direct_io_fallback_total', 'counter'],
  ['crossings_total', 'counter', 'direction'],
  ['segments', 'gauge', 'kind'],
  ['kv_dead_bytes', 'gauge', 'store'],
  ['kv_keydir_bytes', 'gauge', 'store'],
  ['merge_duration_seconds', 'summary'],
  ['recovery_duration_seconds', 'gauge'],
  ['recovery_truncated_bytes_total', 'counter'],
  ['damage_total', 'counter'],
  ['fenced_bytes', 'gauge', '', 'of what does not verify the offsets are known, and not its bytes: see fenced_offsets'],
  ['fenced_offsets', 'gauge'],
]);

/** Every name, by the path where it is served. */
export const promisedMetrics: Readonly<Record<string, readonly PromisedMetric[]>> = {
  '/metrics': [...kafkaExporter, ...redisExporter, ...own],
  '/public_metrics': redpanda,
};
