/**
 * Which messages are generated, for which versions, and from which Kafka release the facts are taken.
 *
 * Not the list of served APIs: that is what handlers register. The invariant to remember: the schema of a message must
 * cover the whole range named here; Kafka 4.3 is used wherever it does, and 3.9 where 4.3 has dropped the low versions
 * that some client still sends by default.
 */

/** One pair of request and response schema. */
export interface ApiEntry {
  /** Kafka's name without `Request`. */
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly release: '4.3' | '3.9';
}

/** Ranges as in the table of served versions; Produce tells 0 in ApiVersions but versions 0-2 have no codec. */
export const APIS: readonly ApiEntry[] = [
  { name: 'Produce', minVersion: 3, maxVersion: 13, release: '4.3' },
  { name: 'Fetch', minVersion: 4, maxVersion: 17, release: '4.3' },
  { name: 'ListOffsets', minVersion: 1, maxVersion: 9, release: '4.3' },
  { name: 'Metadata', minVersion: 0, maxVersion: 12, release: '4.3' },
  { name: 'OffsetCommit', minVersion: 2, maxVersion: 9, release: '4.3' },
  { name: 'OffsetFetch', minVersion: 1, maxVersion: 9, release: '4.3' },
  { name: 'FindCoordinator', minVersion: 0, maxVersion: 6, release: '4.3' },
  { name: 'JoinGroup', minVersion: 0, maxVersion: 9, release: '4.3' },
  { name: 'Heartbeat', minVersion: 0, maxVersion: 4, release: '4.3' },
  { name: 'LeaveGroup', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'SyncGroup', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'DescribeGroups', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'ListGroups', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'SaslHandshake', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'ApiVersions', minVersion: 0, maxVersion: 4, release: '4.3' },
  { name: 'CreateTopics', minVersion: 0, maxVersion: 7, release: '3.9' },
  { name: 'DeleteTopics', minVersion: 0, maxVersion: 6, release: '3.9' },
  { name: 'DeleteRecords', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'InitProducerId', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'OffsetForLeaderEpoch', minVersion: 2, maxVersion: 4, release: '4.3' },
  { name: 'AddPartitionsToTxn', minVersion: 0, maxVersion: 3, release: '4.3' },
  { name: 'AddOffsetsToTxn', minVersion: 0, maxVersion: 4, release: '4.3' },
  { name: 'EndTxn', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'WriteTxnMarkers', minVersion: 1, maxVersion: 1, release: '4.3' },
  { name: 'TxnOffsetCommit', minVersion: 0, maxVersion: 5, release: '4.3' },
  { name: 'DescribeAcls', minVersion: 1, maxVersion: 3, release: '4.3' },
  { name: 'CreateAcls', minVersion: 1, maxVersion: 3, release: '4.3' },
  { name: 'DeleteAcls', minVersion: 1, maxVersion: 3, release: '4.3' },
  { name: 'DescribeConfigs', minVersion: 1, maxVersion: 4, release: '4.3' },
  { name: 'AlterConfigs', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'DescribeLogDirs', minVersion: 1, maxVersion: 4, release: '4.3' },
  { name: 'SaslAuthenticate', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'CreatePartitions', minVersion: 0, maxVersion: 3, release: '4.3' },
  { name: 'DeleteGroups', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'ElectLeaders', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'IncrementalAlterConfigs', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'AlterPartitionReassignments', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'ListPartitionReassignments', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'OffsetDelete', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'DescribeClientQuotas', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'AlterClientQuotas', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'DescribeUserScramCredentials', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'AlterUserScramCredentials', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'DescribeQuorum', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'UpdateFeatures', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'DescribeCluster', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'DescribeProducers', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'DescribeTransactions', minVersion: 0, maxVersion: 0, release: '4.3' },
  { name: 'ListTransactions', minVersion: 0, maxVersion: 2, release: '4.3' },
  { name: 'ConsumerGroupHeartbeat', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'ConsumerGroupDescribe', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'ListConfigResources', minVersion: 0, maxVersion: 1, release: '4.3' },
  { name: 'DescribeTopicPartitions', minVersion: 0, maxVersion: 0, release: '4.3' },
];

/** Messages inside the opaque bytes of other messages, prefixed by an int16 version; used by our own client only. */
export const DATA_MESSAGES: readonly ApiEntry[] = [
  { name: 'ConsumerProtocolSubscription', minVersion: 0, maxVersion: 3, release: '4.3' },
  { name: 'ConsumerProtocolAssignment', minVersion: 0, maxVersion: 3, release: '4.3' },
];
