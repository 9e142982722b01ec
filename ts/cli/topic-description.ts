/**
 * What `topic describe` shows: summary, settings with their source, partitions with their watermarks.
 *
 * Invariant: every number comes from the server in the same call; nothing is computed that the server did not say.
 */
import type { Complete } from '../broker/protocol/api.ts';
import { listOffsetsApi } from '../broker/protocol/gen/02-list-offsets.gen.ts';
import { type MetadataResponseTopic, metadataApi } from '../broker/protocol/gen/03-metadata.gen.ts';
import { describeConfigsApi } from '../broker/protocol/gen/32-describe-configs.gen.ts';
import { renderColumns } from './columns.ts';
import { check } from './kafka-names.ts';
import type { Session } from './session.ts';

/** Timestamps that ListOffsets takes for the ends of a partition. */
export const latestOffset = -1n;
export const earliestOffset = -2n;

const topicResource = 2;

export interface DescribeSections {
  readonly summary: boolean;
  readonly configs: boolean;
  readonly partitions: boolean;
}

export interface PartitionLine {
  readonly partition: number;
  readonly leader: number;
  readonly epoch: number;
  readonly logStart: number;
  readonly lastStable: number;
  readonly highWatermark: number;
}

export interface TopicDescription {
  readonly name: string;
  readonly errorCode: number;
  readonly summary?: { readonly id: string; readonly partitions: number; readonly replicas: number };
  readonly configs?: readonly { readonly key: string; readonly value: string; readonly source: string }[];
  readonly partitions?: readonly PartitionLine[];
}

/** Metadata of `names`, or of all topics. Creates none. */
export async function fetchTopics(
  session: Session,
  names: readonly string[] | null,
): Promise<Complete<MetadataResponseTopic>[]> {
  const response = await session.send(metadataApi, {
    topics: names === null ? null : names.map((name) => ({ name })),
    allowAutoTopicCreation: false,
  });
  return response.topics;
}

/** Everything `sections` asks for about one topic; `errorCode` is Kafka's when there is no such topic. */
export async function describeTopic(
  session: Session,
  name: string,
  sections: DescribeSections,
): Promise<TopicDescription> {
  const [topic] = await fetchTopics(session, [name]);
  if (topic === undefined || topic.errorCode !== 0) return { name, errorCode: topic?.errorCode ?? 3 };
  const { partitions, topicId } = topic;
  return {
    name,
    errorCode: 0,
    ...(sections.summary
      ? { summary: { id: topicId, partitions: partitions.length, replicas: partitions[0]?.replicaNodes.length ?? 0 } }
      : {}),
    ...(sections.configs ? { configs: await fetchConfigs(session, name) } : {}),
    ...(sections.partitions ? { partitions: await fetchPartitions(session, name, partitions) } : {}),
  };
}

const sources: Readonly<Record<number, string>> = {
  1: 'DYNAMIC_TOPIC_CONFIG',
  2: 'DYNAMIC_BROKER_CONFIG',
  3: 'DYNAMIC_DEFAULT_BROKER_CONFIG',
  4: 'STATIC_BROKER_CONFIG',
  5: 'DEFAULT_CONFIG',
};

async function fetchConfigs(session: Session, name: string) {
  const response = await session.send(describeConfigsApi, {
    resources: [{ resourceType: topicResource, resourceName: name, configurationKeys: null }],
  });
  const [result] = response.results;
  check(result?.errorCode ?? -1, `settings of ${name}`, result?.errorMessage);
  return (result?.configs ?? []).map((config) => {
    return {
      key: config.name,
      value: config.value ?? '',
      source: sources[config.configSource] ?? String(config.configSource),
    };
  });
}

async function fetchPartitions(
  session: Session,
  name: string,
  known: readonly { partitionIndex: number; leaderId: number; leaderEpoch: number }[],
): Promise<PartitionLine[]> {
  const indexes = known.map((partition) => partition.partitionIndex);
  const [start, stable, high] = await Promise.all([
    offsetsAt(session, name, indexes, earliestOffset, 0),
    offsetsAt(session, name, indexes, latestOffset, 1),
    offsetsAt(session, name, indexes, latestOffset, 0),
  ]);
  return known
    .map(({ partitionIndex, leaderId, leaderEpoch }) => {
      return {
        partition: partitionIndex,
        leader: leaderId,
        epoch: leaderEpoch,
        logStart: start.get(partitionIndex) ?? -1,
        lastStable: stable.get(partitionIndex) ?? -1,
        highWatermark: high.get(partitionIndex) ?? -1,
      };
    })
    .sort((left, right) => left.partition - right.partition);
}

/** Offset of `timestamp` (ms, or one of the two ends) in each partition of `name`; -1 where there is none. */
export async function offsetsAt(
  session: Session,
  name: string,
  partitions: readonly number[],
  timestamp: bigint,
  isolationLevel: number,
): Promise<Map<number, number>> {
  const response = await session.send(listOffsetsApi, {
    replicaId: -1,
    isolationLevel,
    topics: [
      { name, partitions: partitions.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp })) },
    ],
  });
  const found = new Map<number, number>();
  for (const partition of response.topics[0]?.partitions ?? []) {
    check(partition.errorCode, `offsets of ${name}/${partition.partitionIndex}`);
    found.set(partition.partitionIndex, partition.offset);
  }
  return found;
}

/** The description for people. */
export function renderDescription(topic: TopicDescription): string {
  const parts: string[] = [];
  if (topic.summary !== undefined) {
    const { id, partitions, replicas } = topic.summary;
    const rows = [
      ['NAME', topic.name],
      ['ID', id],
      ['PARTITIONS', String(partitions)],
      ['REPLICAS', String(replicas)],
    ];
    parts.push(section('SUMMARY', renderColumns({ headings: rows[0] ?? [], rows: rows.slice(1) })));
  }
  if (topic.configs !== undefined) {
    const rows = topic.configs.map((config) => [config.key, config.value, config.source]);
    parts.push(section('CONFIGS', renderColumns({ headings: ['KEY', 'VALUE', 'SOURCE'], rows })));
  }
  if (topic.partitions !== undefined) {
    const rows = topic.partitions.map((one) => {
      return [one.partition, one.leader, one.epoch, one.logStart, one.lastStable, one.highWatermark];
    });
    const headings = ['PARTITION', 'LEADER', 'EPOCH', 'LOG-START-OFFSET', 'LAST-STABLE-OFFSET', 'HIGH-WATERMARK'];
    parts.push(section('PARTITIONS', renderColumns({ headings, rows })));
  }
  return `${parts.join('\n')}\n`;
}

function section(title: string, body: string): string {
  return `${title}\n${'='.repeat(title.length)}\n${body}`;
}
