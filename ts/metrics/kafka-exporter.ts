/**
 * The names of kafka_exporter, so that dashboards made for it (Grafana 7589 and its children) show us unchanged.
 *
 * Not our own names. To remember: one broker truthfully reports one replica, in sync, and itself as the leader; group
 * offsets are reported for what was committed, and for nothing else.
 */

import type { ServerParts } from '../server-parts.ts';
import type { PartitionMarks } from './partition-marks.ts';
import type { PrometheusText } from './prometheus-text.ts';

/** Where this broker is reached. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** Writes the families of kafka_exporter. */
export function writeKafkaExporter(
  text: PrometheusText,
  { broker }: ServerParts,
  address: BrokerAddress,
  marks: readonly PartitionMarks[],
): void {
  const { catalogue, node } = broker.context;
  text.one('kafka_brokers', 'gauge', 'Number of brokers.', 1);
  const info = { address: `${address.host}:${address.port}`, id: node.id };
  text.one('kafka_broker_info', 'gauge', 'A broker, its address and id.', 1, info);
  const partitions = text.family('kafka_topic_partitions', 'gauge', 'Partitions of this topic.');
  for (const topic of catalogue.all()) partitions.add(topic.partitions.length, { topic: topic.name });
  writePartitions(text, node.id, marks);
  writeGroups(text, broker, marks);
}

const partitionFamilies: readonly {
  readonly name: string;
  readonly help: string;
  readonly value: (marks: PartitionMarks['marks'], nodeId: number) => number;
}[] = [
  { name: 'current_offset', help: 'Offset behind the newest record.', value: (marks) => marks.highWatermark },
  { name: 'oldest_offset', help: 'Offset of the oldest record.', value: (marks) => marks.logStart },
  { name: 'in_sync_replica', help: 'Replicas that are in sync: this broker.', value: () => 1 },
  { name: 'leader', help: 'Node id of the leader.', value: (_, nodeId) => nodeId },
  { name: 'leader_is_preferred', help: '1 when the leader is the preferred one.', value: () => 1 },
  { name: 'replicas', help: 'Replicas: this broker.', value: () => 1 },
  { name: 'under_replicated_partition', help: '1 when replicas are missing.', value: () => 0 },
];

function writePartitions(text: PrometheusText, nodeId: number, all: readonly PartitionMarks[]): void {
  for (const { name, help, value } of partitionFamilies) {
    const family = text.family(`kafka_topic_partition_${name}`, 'gauge', help);
    for (const { topic, partition, marks } of all) family.add(value(marks, nodeId), { partition, topic: topic.name });
  }
}

interface GroupPart {
  readonly labels: { readonly consumergroup: string; readonly partition: number; readonly topic: string };
  readonly offset: number;
  /** Undefined when the topic is gone. */
  readonly lag: number | undefined;
}

/** What every group has committed, with how far it is behind. Records not yet stable are not waited for by lag. */
export function groupParts({ context }: ServerParts['broker'], marks: readonly PartitionMarks[]): GroupPart[] {
  const ends = new Map(
    marks.map(({ topic, partition, marks: of }) => [`${topic.name}/${partition}`, of.highWatermark]),
  );
  const parts: GroupPart[] = [];
  for (const group of [...context.offsets.groups()].sort()) {
    for (const [topic, partitions] of context.offsets.ofGroup(group)) {
      for (const [partition, { offset }] of partitions) {
        const end = ends.get(`${topic}/${partition}`);
        const lag = end === undefined ? undefined : Math.max(0, end - offset);
        parts.push({ labels: { consumergroup: group, partition, topic }, offset, lag });
      }
    }
  }
  return parts;
}

function writeGroups(text: PrometheusText, broker: ServerParts['broker'], marks: readonly PartitionMarks[]): void {
  const parts = groupParts(broker, marks);
  const offsets = text.family('kafka_consumergroup_current_offset', 'gauge', 'Committed offset of a group.');
  for (const { labels, offset } of parts) offsets.add(offset, labels);
  const lags = text.family('kafka_consumergroup_lag', 'gauge', 'Records a group has not committed yet.');
  for (const { labels, lag } of parts) if (lag !== undefined) lags.add(lag, labels);
  writeSums(
    text,
    'kafka_consumergroup_current_offset_sum',
    'Sum of committed offsets over partitions.',
    parts,
    (part) => part.offset,
  );
  writeSums(text, 'kafka_consumergroup_lag_sum', 'Sum of lag over partitions.', parts, (part) => part.lag ?? 0);
  const members = text.family('kafka_consumergroup_members', 'gauge', 'Members of a group.');
  for (const group of broker.context.groups.all()) members.add(group.members.size, { consumergroup: group.id });
}

function writeSums(
  text: PrometheusText,
  name: string,
  help: string,
  parts: readonly GroupPart[],
  value: (part: GroupPart) => number,
): void {
  const sums = new Map<string, { consumergroup: string; topic: string; sum: number }>();
  for (const part of parts) {
    const { consumergroup, topic } = part.labels;
    const key = JSON.stringify([consumergroup, topic]);
    const before = sums.get(key)?.sum ?? 0;
    sums.set(key, { consumergroup, topic, sum: before + value(part) });
  }
  const family = text.family(name, 'gauge', help);
  for (const { consumergroup, topic, sum } of sums.values()) family.add(sum, { consumergroup, topic });
}
