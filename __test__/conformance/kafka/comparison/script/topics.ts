/** The script, topics: ApiVersions, Metadata, topics made, changed and deleted, settings, access control. */

import { metadataApi } from '../../../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { apiVersionsApi } from '../../../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { createTopicsApi } from '../../../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { createPartitionsApi } from '../../../../../ts/broker/protocol/gen/37-create-partitions.gen.ts';
import { describeClusterApi } from '../../../../../ts/broker/protocol/gen/60-describe-cluster.gen.ts';
import { describeTopicPartitionsApi } from '../../../../../ts/broker/protocol/gen/75-describe-topic-partitions.gen.ts';
import { noted, type Step, step } from '../step.ts';

const topic = (name: string, numPartitions = 1, configs: Record<string, string> = {}, replicationFactor = 1) => ({
  name,
  numPartitions,
  replicationFactor,
  configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
});

/** Topics that all steps may read. */
const GROUND = [
  topic('plain', 3, { 'retention.ms': '-1' }),
  topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' }),
  topic('compacted', 1, { 'cleanup.policy': 'compact' }),
  topic('small', 1, { 'max.message.bytes': '120' }),
];

export const topicSteps: readonly Step[] = [
  step(apiVersionsApi, 'versions', () => ({ clientSoftwareName: 'test', clientSoftwareVersion: '1' })),
  step(apiVersionsApi, 'versions with a bad name', () => ({ clientSoftwareName: '-', clientSoftwareVersion: '1' }), {
    versions: [3, 4],
  }),
  step(createTopicsApi, 'ground', () => ({ topics: GROUND, timeoutMs: 10_000 }), {
    versions: [7, 7],
    changes: true,
    keep: (answer, notes) => {
      for (const { name, topicId } of answer.topics) notes.set(`id of ${name}`, topicId);
    },
  }),
  step(
    createTopicsApi,
    'create',
    (v) => ({
      topics: [topic(`made-${v}`, 2, { 'retention.ms': '60000' })],
      timeoutMs: 10_000,
    }),
    { changes: true },
  ),
  step(
    createTopicsApi,
    'create defaults',
    (v) => ({ topics: [topic(`default-${v}`, -1, {}, -1)], timeoutMs: 10_000 }),
    {
      changes: true,
    },
  ),
  step(
    createTopicsApi,
    'create only to validate',
    (v) => ({ topics: [topic(`never-${v}`)], timeoutMs: 10_000, validateOnly: true }),
    // Version 7 tells an id of what was not made, which no two brokers agree on.
    { versions: [1, 6] },
  ),
  step(createTopicsApi, 'create badly', (v) => ({
    topics: [
      topic('plain'),
      topic('bad name!'),
      topic(''),
      topic('..'),
      topic('x'.repeat(250)),
      topic(`none-${v}`, 0),
      topic(`factor-${v}`, 1, {}, 3),
      topic(`zero-factor-${v}`, 1, {}, 0),
      topic(`unknown-key-${v}`, 1, { 'no.such.key': '1' }),
      topic(`bad-value-${v}`, 1, { 'retention.ms': 'soon' }),
      topic(`bad-choice-${v}`, 1, { 'cleanup.policy': 'burn' }),
    ],
    timeoutMs: 10_000,
  })),
  step(createTopicsApi, 'create one name twice', (v) => ({
    topics: [topic(`twice-${v}`), topic(`twice-${v}`)],
    timeoutMs: 10_000,
  })),
  step(
    createTopicsApi,
    'create with assignments',
    (v) => ({
      topics: [
        { name: `by-hand-${v}`, numPartitions: -1, replicationFactor: -1, assignments: [hand(0, 1), hand(1, 1)] },
        { name: `by-other-${v}`, numPartitions: -1, replicationFactor: -1, assignments: [hand(0, 9)] },
        { name: `by-gap-${v}`, numPartitions: -1, replicationFactor: -1, assignments: [hand(1, 1)] },
        { name: `by-both-${v}`, numPartitions: 2, replicationFactor: 1, assignments: [hand(0, 1)] },
      ],
      timeoutMs: 10_000,
    }),
    { changes: true },
  ),
  step(metadataApi, 'metadata of one', (v) => ({ topics: [{ name: 'plain' }], ...noCreation(v) })),
  step(
    metadataApi,
    'metadata of unknown ones',
    () => ({
      topics: [{ name: 'nowhere' }, { name: 'bad name!' }, { name: '' }],
      allowAutoTopicCreation: false,
    }),
    { versions: [4, 13] },
  ),
  step(metadataApi, 'metadata of none', (v) => ({ topics: [], ...noCreation(v) }), { versions: [1, 13] }),
  step(
    metadataApi,
    'metadata by id',
    (_, notes) => ({ topics: [{ topicId: String(noted(notes, 'id of plain')), name: null }] }),
    { versions: [12, 13] },
  ),
  step(metadataApi, 'metadata by an unknown id', () => ({ topics: [{ topicId: '1'.repeat(32), name: null }] }), {
    versions: [12, 13],
  }),
  step(
    metadataApi,
    'metadata with operations',
    () => ({
      topics: [{ name: 'plain' }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    }),
    { versions: [8, 10] },
  ),
  step(describeClusterApi, 'cluster', () => ({ endpointType: 1 })),
  step(describeClusterApi, 'cluster with operations', () => ({
    endpointType: 1,
    includeClusterAuthorizedOperations: true,
  })),
  step(describeClusterApi, 'cluster of an unknown kind', () => ({ endpointType: 7 }), { versions: [1, 2] }),
  step(describeTopicPartitionsApi, 'partitions', () => ({
    topics: [{ name: 'plain' }, { name: 'compacted' }, { name: 'nowhere' }, { name: 'bad name!' }],
    responsePartitionLimit: 2000,
    cursor: null,
  })),
  step(describeTopicPartitionsApi, 'partitions, two at a time', () => ({
    topics: [{ name: 'plain' }, { name: 'compacted' }],
    responsePartitionLimit: 2,
    cursor: null,
  })),
  step(describeTopicPartitionsApi, 'partitions behind a cursor', () => ({
    topics: [{ name: 'plain' }, { name: 'compacted' }],
    responsePartitionLimit: 2000,
    cursor: { topicName: 'plain', partitionIndex: 1 },
  })),
  step(createPartitionsApi, 'more partitions', (v) => ({ topics: [grown(`made-${v + 2}`, 4)], timeoutMs: 10_000 }), {
    changes: true,
  }),
  step(createPartitionsApi, 'more partitions badly', (v) => ({
    topics: [
      grown('nowhere', 4),
      grown('plain', 3),
      grown('plain-', 2),
      grown(`made-${v + 2}`, 1),
      grown('compacted', 2, [{ brokerIds: [9] }]),
      grown('small', 3, []),
      grown('stamped', 0),
    ],
    timeoutMs: 10_000,
  })),
  step(createPartitionsApi, 'more partitions only to validate', (v) => ({
    topics: [grown(`made-${v + 2}`, 9)],
    timeoutMs: 10_000,
    validateOnly: true,
  })),
  step(
    deleteTopicsApi,
    'delete',
    (v) => {
      const names = [`default-${v + 1}`, 'nowhere', ''];
      return { ...(v < 6 ? { topicNames: names } : { topics: names.map((name) => ({ name })) }), timeoutMs: 10_000 };
    },
    { changes: true },
  ),
  step(
    deleteTopicsApi,
    'delete by an unknown id',
    () => ({
      topics: [{ name: null, topicId: '1'.repeat(32) }],
      timeoutMs: 10_000,
    }),
    { versions: [6, 6] },
  ),
];

/** Nothing is made on the way, in versions that can say so. */
function noCreation(v: number) {
  return v < 4 ? {} : { allowAutoTopicCreation: false };
}

function hand(partitionIndex: number, node: number) {
  return { partitionIndex, brokerIds: [node] };
}

function grown(name: string, count: number, assignments: { brokerIds: number[] }[] | null = null) {
  return { name, count, assignments };
}
