/**
 * The names of Redpanda's public metrics that mean the same here, so that its dashboards show what they can.
 *
 * Not all of them: what we do not measure is left out. To remember: records produced are counted by the log's own
 * offsets, so the counter outlives restarts and ends with its topic.
 */

import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { ServerParts } from '../server-parts.ts';
import { version } from '../version.ts';
import { groupParts } from './kafka-exporter.ts';
import type { PartitionMarks } from './partition-marks.ts';
import type { PrometheusText } from './prometheus-text.ts';

const NAMESPACE = 'kafka';
const MICROSECONDS = 1e6;
const LOW_BYTES = 1 << 30;
const LOW_SHARE = 0.1;
const FULL_BYTES = 64 << 20;

/** Writes the families. Resolves when the file system has said how much room there is. */
export async function writeRedpanda(
  text: PrometheusText,
  parts: ServerParts,
  marks: readonly PartitionMarks[],
): Promise<void> {
  const { catalogue } = parts.broker.context;
  text.one('redpanda_application_uptime_seconds_total', 'counter', 'Seconds this process runs.', process.uptime());
  text.one('redpanda_application_build', 'gauge', 'Build that runs.', 1, { redpanda_version: version });
  const { user, system } = process.cpuUsage();
  text.one('redpanda_cpu_busy_seconds_total', 'counter', 'CPU time of the process.', (user + system) / MICROSECONDS);
  text.one('redpanda_memory_allocated_memory', 'gauge', 'Resident bytes.', process.memoryUsage.rss());
  text.one('redpanda_memory_free_memory', 'gauge', 'Free bytes of the machine.', freemem());
  text.one('redpanda_memory_available_memory', 'gauge', 'Bytes of the machine.', totalmem());
  text.one('redpanda_cluster_brokers', 'gauge', 'Brokers.', 1);
  text.one('redpanda_cluster_topics', 'gauge', 'Topics.', catalogue.size);
  text.one('redpanda_cluster_partitions', 'gauge', 'Partitions.', marks.length);
  const connections = parts.broker.connections;
  text.one('redpanda_rpc_active_connections', 'gauge', 'Open connections.', connections, { redpanda_server: 'kafka' });
  writeTopics(text, marks);
  writeTraffic(text, parts.broker.context);
  writeGroups(text, parts, marks);
  if (parts.dir !== undefined) await writeDisk(text, parts.dir);
}

function topicLabels(topic: string) {
  return { redpanda_namespace: NAMESPACE, redpanda_topic: topic };
}

function writeTopics(text: PrometheusText, marks: readonly PartitionMarks[]): void {
  const records = new Map<string, { partitions: number; produced: number }>();
  const offsets = text.family('redpanda_kafka_max_offset', 'gauge', 'Offset behind the newest record.');
  for (const { topic, partition, marks: of } of marks) {
    offsets.add(of.highWatermark, { ...topicLabels(topic.name), redpanda_partition: partition });
    const before = records.get(topic.name) ?? { partitions: 0, produced: 0 };
    records.set(topic.name, { partitions: before.partitions + 1, produced: before.produced + of.logEnd });
  }
  const partitions = text.family('redpanda_kafka_partitions', 'gauge', 'Partitions of a topic.');
  for (const [topic, { partitions: count }] of records) partitions.add(count, topicLabels(topic));
  const produced = text.family('redpanda_kafka_records_produced_total', 'counter', 'Records ever appended to a topic.');
  for (const [topic, { produced: count }] of records) produced.add(count, topicLabels(topic));
}

function writeTraffic(text: PrometheusText, { catalogue, traffic }: ServerParts['broker']['context']): void {
  const help = 'Bytes of record batches that clients have produced or fetched since the start.';
  const family = text.family('redpanda_kafka_request_bytes_total', 'counter', help);
  for (const { name } of catalogue.all()) {
    const found = traffic.get(name);
    if (!found) continue;
    family.add(found.producedBytes, { ...topicLabels(name), redpanda_request: 'produce' });
    family.add(found.fetchedBytes, { ...topicLabels(name), redpanda_request: 'consume' });
  }
}

function writeGroups(text: PrometheusText, { broker }: ServerParts, marks: readonly PartitionMarks[]): void {
  const parts = groupParts(broker, marks);
  const prefix = 'redpanda_kafka_consumer_group';
  const committed = text.family(`${prefix}_committed_offset`, 'gauge', 'Committed offset of a group.');
  const lags = new Map<string, number[]>();
  for (const { labels, offset, lag } of parts) {
    const { consumergroup, topic, partition } = labels;
    committed.add(offset, { redpanda_group: consumergroup, redpanda_topic: topic, redpanda_partition: partition });
    if (lag !== undefined) lags.set(consumergroup, [...(lags.get(consumergroup) ?? []), lag]);
  }
  const most = text.family(`${prefix}_lag_max`, 'gauge', 'Largest lag over the partitions of a group.');
  for (const [group, of] of lags)
    most.add(
      of.reduce((left, right) => Math.max(left, right)),
      { redpanda_group: group },
    );
  const sums = text.family(`${prefix}_lag_sum`, 'gauge', 'Lag over all partitions of a group.');
  for (const [group, of] of lags)
    sums.add(
      of.reduce((left, right) => left + right),
      { redpanda_group: group },
    );
  const topics = text.family(`${prefix}_topics`, 'gauge', 'Topics that a group has committed offsets of.');
  const { offsets } = broker.context;
  for (const group of [...offsets.groups()].sort()) {
    topics.add([...offsets.ofGroup(group)].length, { redpanda_group: group });
  }
  const consumers = text.family(`${prefix}_consumers`, 'gauge', 'Members of a group.');
  for (const group of broker.context.groups.all()) consumers.add(group.members.size, { redpanda_group: group.id });
}

async function writeDisk(text: PrometheusText, dir: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(dir);
  text.one('redpanda_storage_disk_free_bytes', 'gauge', 'Bytes free for data.', bavail * bsize);
  text.one('redpanda_storage_disk_total_bytes', 'gauge', 'Bytes of the file system.', blocks * bsize);
  const help = '0: enough room; 1: less than 10 % and 1 GiB are free; 2: less than 64 MiB, writes are soon refused.';
  text.one('redpanda_storage_disk_free_space_alert', 'gauge', help, alertOf(bavail * bsize, blocks * bsize));
}

/** Redpanda's levels of alarm by our own limits. */
function alertOf(freeBytes: number, totalBytes: number): number {
  if (freeBytes < FULL_BYTES) return 2;
  return freeBytes < LOW_BYTES && freeBytes < totalBytes * LOW_SHARE ? 1 : 0;
}
