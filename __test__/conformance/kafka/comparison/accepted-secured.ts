/** Where our answers to somebody with few rights may differ from Kafka's, beyond accepted.ts, each with the reason. */
import { type Accepted, matching } from './accepted.ts';
import type { Difference } from './differences.ts';

const WORDS = 'words for people are our own; codes are what programs read';
const UNTOLD = 'Kafka fails on an id of zeros, which stands here for one that the asker was never told';
const FIRST = 'who may not do it is told so, whatever else is wrong with the request; Kafka looks at this first';

const words = (api: string, ...paths: readonly string[]): Accepted[] =>
  paths.map((path) => ({ api, path, why: WORDS }));

const untold = (api: string, step: string, ...paths: readonly string[]): Accepted[] =>
  paths.map((path) => ({ api, step, path, why: UNTOLD }));

const first = (api: string, path: string, kafka: number, ours: number): Accepted => ({
  api,
  path,
  kafka,
  ours,
  why: FIRST,
});

export const SECURED: readonly Accepted[] = [
  ...words('CreateAcls', 'results/*/errorMessage'),
  ...words('DeleteAcls', 'filterResults/*/errorMessage'),
  ...words('ListPartitionReassignments', 'errorMessage'),
  ...words('AlterPartitionReassignments', 'errorMessage'),
  ...words('UpdateFeatures', 'errorMessage'),
  ...words('DescribeProducers', 'topics/*/partitions/*/errorMessage'),

  ...untold(
    'Metadata',
    'metadata by id',
    'brokers',
    'clusterId',
    'controllerId',
    'topics/*/errorCode',
    'topics/*/name',
  ),
  ...untold('Produce', 'produce with acks that mean nothing', 'responses/*/partitionResponses/*/errorCode'),
  ...untold('Produce', 'produce damage: magic 9', 'responses/*/partitionResponses/*/errorCode'),
  ...untold('Fetch', 'fetch', 'errorCode', 'responses/*'),
  ...untold('Fetch', 'fetch outside', 'errorCode', 'responses/*'),
  ...untold('Fetch', 'session, first', 'errorCode', 'sessionId', 'responses/*'),
  ...untold('Fetch', 'session, next', 'errorCode', 'sessionId', 'responses/*'),
  ...untold('Fetch', 'session, next with a partition more', 'errorCode', 'sessionId', 'responses/*'),
  ...untold('Fetch', 'session, wrong epoch', 'errorCode'),

  first('CreateTopics', 'topics/*/errorCode', 42, 29),
  first('DescribeConfigs', 'results/*/errorCode', 42, 31),
  first('AlterConfigs', 'responses/*/errorCode', 42, 29),
  first('AlterConfigs', 'responses/*/errorCode', 42, 31),
  first('IncrementalAlterConfigs', 'responses/*/errorCode', 42, 29),
  first('IncrementalAlterConfigs', 'responses/*/errorCode', 42, 31),
  first('FindCoordinator', 'coordinators/*/errorCode', 42, 30),
  ...[40, 42].map((kafka): Accepted => {
    const why = 'of a topic that is not there that is said first';
    return { api: 'IncrementalAlterConfigs', path: 'responses/*/errorCode', kafka, ours: 3, why };
  }),

  ...['topics', 'responses'].map((path) => ({
    api: path === 'topics' ? 'ListPartitionReassignments' : 'AlterPartitionReassignments',
    path,
    why: 'the refusal of the whole request is told once, not with every partition of it',
  })),
  ...['Metadata', 'DescribeTopicPartitions', 'ListOffsets'].map((api) => ({
    api,
    path: 'topics/*/partitions/*/leaderEpoch',
    kafka: 0,
    ours: 2,
    why: 'our leader epoch grows at every start: this directory was opened once before, to make the users',
  })),
  ...['*/*', '*/acls/*/*'].map((path) => ({
    api: 'DescribeAcls',
    path: `resources/${path}`,
    why: 'rules are told in no order',
  })),
  {
    api: 'DescribeTransactions',
    path: 'transactionStates/*/producerId',
    ours: -1,
    why: 'Kafka leaves 0 there, which is somebody',
  },
];

/** The entry that accepts a difference, if any. */
export const acceptedSecured: (difference: Difference) => Accepted | undefined = matching(SECURED);
