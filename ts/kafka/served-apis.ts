/**
 * Which APIs of Kafka a server here serves, in which versions: known without starting one.
 *
 * Not what decides it: the registered handlers do (ts/broker/handlers/register.ts), and a test compares. To remember: what
 * is not in this table is neither served nor advertised.
 */

/** One API. */
export interface ServedApi {
  /** Kafka's number of it. */
  readonly key: number;
  /** As in Kafka's message definitions, such as `Produce`. */
  readonly name: string;
  /** Lowest version that is answered. ApiVersions tells 0 of Produce, as Kafka does for older clients' sake. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

const rows: readonly (readonly [key: number, name: string, minVersion: number, maxVersion: number])[] = [
  [0, 'Produce', 3, 13],
  [1, 'Fetch', 4, 17],
  [2, 'ListOffsets', 1, 9],
  [3, 'Metadata', 0, 12],
  [8, 'OffsetCommit', 2, 9],
  [9, 'OffsetFetch', 1, 9],
  [10, 'FindCoordinator', 0, 6],
  [11, 'JoinGroup', 0, 9],
  [12, 'Heartbeat', 0, 4],
  [13, 'LeaveGroup', 0, 5],
  [14, 'SyncGroup', 0, 5],
  [15, 'DescribeGroups', 0, 5],
  [16, 'ListGroups', 0, 5],
  [17, 'SaslHandshake', 0, 1],
  [18, 'ApiVersions', 0, 4],
  [19, 'CreateTopics', 0, 7],
  [20, 'DeleteTopics', 0, 6],
  [21, 'DeleteRecords', 0, 2],
  [22, 'InitProducerId', 0, 5],
  [23, 'OffsetForLeaderEpoch', 2, 4],
  [24, 'AddPartitionsToTxn', 0, 3],
  [25, 'AddOffsetsToTxn', 0, 4],
  [26, 'EndTxn', 0, 5],
  [27, 'WriteTxnMarkers', 1, 1],
  [28, 'TxnOffsetCommit', 0, 5],
  [29, 'DescribeAcls', 1, 3],
  [30, 'CreateAcls', 1, 3],
  [31, 'DeleteAcls', 1, 3],
  [32, 'DescribeConfigs', 1, 4],
  [33, 'AlterConfigs', 0, 2],
  [35, 'DescribeLogDirs', 1, 4],
  [36, 'SaslAuthenticate', 0, 2],
  [37, 'CreatePartitions', 0, 3],
  [42, 'DeleteGroups', 0, 2],
  [43, 'ElectLeaders', 0, 2],
  [44, 'IncrementalAlterConfigs', 0, 1],
  [45, 'AlterPartitionReassignments', 0, 1],
  [46, 'ListPartitionReassignments', 0, 0],
  [47, 'OffsetDelete', 0, 0],
  [48, 'DescribeClientQuotas', 0, 1],
  [49, 'AlterClientQuotas', 0, 1],
  [50, 'DescribeUserScramCredentials', 0, 0],
  [51, 'AlterUserScramCredentials', 0, 0],
  [55, 'DescribeQuorum', 0, 2],
  [57, 'UpdateFeatures', 0, 2],
  [60, 'DescribeCluster', 0, 2],
  [61, 'DescribeProducers', 0, 0],
  [65, 'DescribeTransactions', 0, 0],
  [66, 'ListTransactions', 0, 2],
  [68, 'ConsumerGroupHeartbeat', 0, 1],
  [69, 'ConsumerGroupDescribe', 0, 1],
  [74, 'ListConfigResources', 0, 1],
  [75, 'DescribeTopicPartitions', 0, 0],
];

/** All of them, by key. */
export const servedApis: readonly ServedApi[] = rows.map(([key, name, minVersion, maxVersion]) => ({
  key,
  name,
  minVersion,
  maxVersion,
}));
