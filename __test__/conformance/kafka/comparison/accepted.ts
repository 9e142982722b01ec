/**
 * Where our answers may differ from Apache Kafka 4.3's, each with the reason. Everything else is a failure.
 *
 * To remember: an entry is as narrow as it can be; where both values are named, only exactly these are accepted.
 */
import type { Comparable } from './comparable.ts';
import type { Difference } from './differences.ts';

export interface Accepted {
  /** Name of an API, or `raw`. */
  readonly api: string;
  /** Name of the step without its version; any when left out. */
  readonly step?: string;
  /** `*` is one segment. */
  readonly path: string;
  /** What Kafka says, and what we say; any value when left out. */
  readonly kafka?: Comparable;
  readonly ours?: Comparable;
  readonly why: string;
}

const OWN_EPOCH = 'our leader epoch grows at every start and begins with 1';
const NO_TIERS = 'there is no remote storage, so it has no settings';
const OWN_DEFAULT = 'a default of our own, which is what is in force';

/** Settings, in every answer that lists them; `at` is the path of the list. */
function settings(api: string, at: string): Accepted[] {
  const remote = ['local.retention.bytes', 'local.retention.ms', 'remote.log.copy.disable', 'remote.storage.enable'];
  const own = ['flush.messages', 'index.interval.bytes', 'segment.bytes', 'message.timestamp.after.max.ms'];
  const times = ['flush.ms', 'retention.ms', 'segment.ms', 'segment.jitter.ms'];
  const undecided = [...times, 'leader.replication.throttled.replicas', 'follower.replication.throttled.replicas'];
  return [
    ...[...remote, 'remote.log.delete.on.disable'].map((name) => ({ api, path: `${at}/${name}`, why: NO_TIERS })),
    ...own.map((name) => ({ api, path: `${at}/${name}/value`, why: OWN_DEFAULT })),
    ...own.map((name) => ({ api, path: `${at}/${name}/synonyms/*/value`, why: OWN_DEFAULT })),
    ...undecided.map((name) => ({
      api,
      path: `${at}/${name}/synonyms/*`,
      why: 'Kafka tells no origin of a default that it computes',
    })),
    ...['min.durability', 'min.isolation'].map((name) => ({ api, path: `${at}/${name}`, why: 'a setting of our own' })),
    {
      api,
      path: `${at}/min.insync.replicas/configSource`,
      kafka: 3,
      ours: 5,
      why: 'Kafka sets it for the cluster when it is formatted; here it is a default',
    },
    { api, path: `${at}/min.insync.replicas/synonyms/*`, why: 'the same' },
    { api, path: `${at}/min.insync.replicas/synonyms/*/*`, why: 'the same' },
  ];
}

const OWN_LOG = 'the log of metadata is the journal';
const OWN_TIME = 'a time of the broker';

const CLUSTER: readonly Accepted[] = [
  ...['totalBytes', 'usableBytes'].map((name) => ({
    api: 'DescribeLogDirs',
    path: `results/*/${name}`,
    why: 'space of the file system',
  })),
  ...['leaderEpoch', 'highWatermark', 'currentVoters/*/logEndOffset'].map((name) => ({
    api: 'DescribeQuorum',
    path: `topics/*/partitions/*/${name}`,
    why: OWN_LOG,
  })),
  ...['lastFetchTimestamp', 'lastCaughtUpTimestamp'].map((name) => ({
    api: 'DescribeQuorum',
    path: `topics/*/partitions/*/currentVoters/*/${name}`,
    why: OWN_TIME,
  })),
  ...['name', 'port'].map((name) => ({
    api: 'DescribeQuorum',
    path: `nodes/*/listeners/*/${name}`,
    why: 'there is no listener of its own for controllers',
  })),
  {
    api: 'UpdateFeatures',
    step: 'update a feature too far',
    path: 'errorMessage',
    why: 'the levels of metadata.version are our own',
  },
  {
    api: 'ListConfigResources',
    path: 'configResources/__consumer_offsets',
    why: 'offsets of groups lie in the journal, not in a topic',
  },
];

const TRANSACTIONS: readonly Accepted[] = [
  { api: 'DescribeTransactions', path: 'transactionStates/*/transactionStartTimeMs', why: OWN_TIME },
  {
    api: 'DescribeTransactions',
    path: 'transactionStates/nobody/producerId',
    ours: -1,
    why: 'Kafka leaves 0 there, which is somebody',
  },
  { api: 'DescribeProducers', path: 'topics/*/partitions/*/activeProducers/*/lastTimestamp', why: OWN_TIME },
  {
    api: 'DescribeProducers',
    path: 'topics/*/partitions/*/activeProducers/*/coordinatorEpoch',
    kafka: 0,
    ours: -1,
    why: 'it is told of producers that are known by the end of a transaction alone',
  },
  {
    api: 'Produce',
    step: 'write again',
    path: 'responses/*/partitionResponses/*/logAppendTimeMs',
    ours: -1,
    why: 'Kafka tells the time of the first batch as an append time, which it is not',
  },
];

export const ACCEPTED: readonly Accepted[] = [
  ...[
    'AlterConfigs',
    'ConsumerGroupDescribe',
    'ConsumerGroupHeartbeat',
    'CreatePartitions',
    'CreateTopics',
    'DeleteTopics',
    'DescribeAcls',
    'DescribeCluster',
    'DescribeConfigs',
    'ElectLeaders',
    'FindCoordinator',
    'IncrementalAlterConfigs',
    'Produce',
  ].flatMap((api) =>
    ['errorMessage', '*/*/errorMessage', '*/*/*/*/errorMessage', '*/*/partitionResult/*/errorMessage'].map((path) => ({
      api,
      path,
      why: 'words for people are our own; codes are what programs read',
    })),
  ),
  { api: 'ApiVersions', path: 'apiKeys/*', why: 'exactly what is served is advertised' },
  { api: 'ApiVersions', path: 'apiKeys/*/*', why: 'exactly what is served is advertised' },
  { api: 'ApiVersions', path: 'supportedFeatures/*', why: 'features are those that are built' },
  { api: 'ApiVersions', path: 'supportedFeatures/*/*', why: 'features are those that are built' },
  { api: 'ApiVersions', path: 'finalizedFeatures/*', why: 'features are those that are built' },
  { api: 'ApiVersions', path: 'finalizedFeatures/*/*', why: 'features are those that are built' },
  { api: 'ApiVersions', path: 'finalizedFeaturesEpoch', why: 'an offset of the metadata log of Kafka' },

  { api: 'Metadata', path: 'topics/*/partitions/*/leaderEpoch', kafka: 0, ours: 1, why: OWN_EPOCH },
  { api: 'DescribeTopicPartitions', path: 'topics/*/partitions/*/leaderEpoch', kafka: 0, ours: 1, why: OWN_EPOCH },
  { api: 'ListOffsets', path: 'topics/*/partitions/*/leaderEpoch', kafka: 0, ours: 1, why: OWN_EPOCH },
  {
    api: 'ListOffsets',
    path: 'topics/*/partitions/*/leaderEpoch',
    kafka: 0,
    ours: -1,
    why: 'a partition without records has no epoch at its start',
  },
  { api: 'OffsetForLeaderEpoch', path: 'topics/*/partitions/*/leaderEpoch', kafka: 0, ours: 1, why: OWN_EPOCH },

  ...settings('CreateTopics', 'topics/*/configs'),
  ...settings('DescribeConfigs', 'results/*/configs'),
  {
    api: 'IncrementalAlterConfigs',
    step: 'change settings in an unknown way',
    path: 'responses/*/errorCode',
    kafka: -1,
    ours: 42,
    why: 'Kafka fails where it reads the operation; the request is what is invalid',
  },

  {
    api: 'Produce',
    step: 'produce damage: magic 1',
    path: 'responses/*/partitionResponses/*/errorCode',
    kafka: 87,
    ours: 43,
    why: 'formats of before are named as what they are: UNSUPPORTED_FOR_MESSAGE_FORMAT',
  },
  {
    api: 'Produce',
    step: 'produce damage: magic 9',
    path: 'responses/*/partitionResponses/*/errorCode',
    kafka: 2,
    ours: 43,
    why: 'the same for formats to come',
  },
  {
    api: 'Produce',
    step: 'produce no codec',
    path: 'responses/*/partitionResponses/*/errorCode',
    kafka: -1,
    ours: 2,
    why: 'Kafka fails where it looks the codec up; an attribute that means nothing is CORRUPT_MESSAGE',
  },
  {
    api: 'Produce',
    path: 'responses/*/partitionResponses/*/logStartOffset',
    ours: -1,
    why: 'the start of the log is told with what was stored, not with a refusal',
  },
  {
    api: 'Produce',
    step: 'produce what is too old',
    path: 'responses/*/partitionResponses/*/recordErrors/*/batchIndexErrorMessage',
    why: 'it tells the time',
  },
  ...CLUSTER,
  ...TRANSACTIONS,
  {
    api: 'Fetch',
    path: 'responses/*/partitions/*/abortedTransactions',
    kafka: [],
    ours: null,
    why: 'rule 30: with an error the list is null or empty',
  },
  ...['groups/*', 'groups/*/*'].map((path) => ({
    api: 'ListGroups',
    path,
    why: 'Kafka keeps a group that a refused first join has named; here there is none',
  })),
  {
    api: 'raw',
    step: 'Metadata with a count of -2',
    path: '',
    ours: 'closed',
    why: 'Kafka takes any negative count for null; only -1 is null',
  },
];

/** The entry that accepts a difference, if any. */
export const acceptance: (difference: Difference) => Accepted | undefined = matching(ACCEPTED);

/** Looks for the entry of a list that accepts a difference. */
export function matching(list: readonly Accepted[]): (difference: Difference) => Accepted | undefined {
  const patterns = list.map((one) => ({ one, pattern: patternOf(one.path) }));
  return ({ api, at, path, kafka, ours }) => {
    const step = at.replace(/(, allowed some)? v\d+$/, '');
    const found = patterns.find(
      ({ one, pattern }) =>
        one.api === api &&
        (one.step === undefined || one.step === step) &&
        pattern.test(path) &&
        (one.kafka === undefined || JSON.stringify(one.kafka) === JSON.stringify(kafka)) &&
        (one.ours === undefined || JSON.stringify(one.ours) === JSON.stringify(ours)),
    );
    return found?.one;
  };
}

function patternOf(path: string): RegExp {
  const escaped = path.split('*').map((part) => part.replaceAll(/[.()[\]]/g, '\\$&'));
  return new RegExp(`^${escaped.join('[^/]*')}$`);
}
