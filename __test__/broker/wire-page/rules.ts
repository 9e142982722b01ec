/**
 * The requirements on a Kafka broker by number: data of docs/wire/kafka.md.
 *
 * Where a rule is tested is not written here: it is found by its number in the tests.
 */

export interface Rule {
  readonly number: number;
  readonly title: string;
}

/** A requirement that is met: one that is not has no place here but in docs/limits.md, with what is missing. */
function met(number: number, title: string): Rule {
  return { number, title };
}

export const RULES: readonly Rule[] = [
  met(1, 'Replies leave in request order, whatever finishes first'),
  met(2, 'acks=0 gets no reply, an error closes the connection; acks outside -1, 0, 1 are refused'),
  met(3, 'The advertised address leads to what is bound; the controller is a listed node'),
  met(4, 'No misplaced field, ever'),
  met(5, 'One batch of magic 2 a partition; zstd from version 7'),
  met(6, 'CRC, attributes, record count and sequence are checked'),
  met(7, 'Only base offset and leader epoch change in what is stored'),
  met(8, 'The largest timestamp is computed by the broker'),
  met(9, 'LogAppendTime; bounds of timestamps'),
  met(10, 'max.message.bytes holds for each topic'),
  met(11, 'A compacted topic refuses records without a key'),
  met(12, "A batch keeps the producer's bytes"),
  met(13, 'Null and empty are different; duplicate header keys stay, in order'),
  met(14, 'An unknown topic is refused at once'),
  met(15, 'The last five batches of a producer are known; a duplicate gets its first offset'),
  met(16, 'Sequences wrap from 2^31 - 1 to 0'),
  met(17, 'An unknown producer may begin with any sequence; a new epoch begins at 0'),
  met(18, 'A stale epoch is INVALID_PRODUCER_EPOCH, at coordinators PRODUCER_FENCED'),
  met(19, 'InitProducerId of transactional ids'),
  met(20, 'A control batch takes one offset'),
  met(21, 'The last stable offset is exclusive'),
  met(22, 'Aborted transactions are listed for read_committed only'),
  met(23, 'UNSTABLE_OFFSET_COMMIT only while a transactional commit is pending'),
  met(24, 'EndTxn 0 and 1 are offered'),
  met(25, 'Compaction removes aborted data and keeps markers; readers reach the end'),
  met(26, 'The first partition that has data yields one whole batch; then both limits hold'),
  met(27, 'An offset inside a batch returns the whole batch'),
  met(28, 'min_bytes and max_wait are a real long poll'),
  met(29, 'records are empty, never null'),
  met(30, 'With an error all marks are -1'),
  met(31, 'Outside the log: OFFSET_OUT_OF_RANGE at once; at its end: empty after the wait'),
  met(32, 'Fetch sessions'),
  met(33, 'The leader epoch a client believes in is checked'),
  met(34, 'OffsetForLeaderEpoch'),
  met(35, 'ListOffsets by name: latest, earliest, largest timestamp'),
  met(36, 'ListOffsets by time: the first record, not the batch'),
  met(37, 'MEMBER_ID_REQUIRED for dynamic members from version 4'),
  met(38, 'Static members: the new id takes over at once, the old one is fenced'),
  met(39, 'No superfluous rebalance; REBALANCE_IN_PROGRESS while one runs'),
  met(40, 'Protocol bytes are opaque; a protocol every member lists is chosen'),
  met(41, 'group.initial.rebalance.delay.ms and the bounds of session timeouts'),
  met(42, 'Committed offsets: nothing is no error, metadata comes back, who may commit'),
  met(43, 'Offsets expire by who uses them'),
  met(44, 'DescribeGroups, DeleteGroups and OffsetDelete of unknown and used groups'),
  met(45, 'KIP-848'),
  met(46, 'CreateTopics and CreatePartitions: defaults, validation, one row a topic'),
  met(47, 'Replication factor above 1 is refused, or with replication.lenient made 1'),
  met(48, 'A topic is usable the moment it is answered'),
  met(49, 'A null list is not an empty one; bad names; allow_auto_create'),
  met(50, 'DescribeConfigs tells every key with its source'),
  met(51, 'AlterConfigs replaces, IncrementalAlterConfigs changes; all of a resource or nothing'),
  met(52, 'DeleteRecords'),
  met(53, 'ACL APIs say SECURITY_DISABLED without an authorizer; DescribeLogDirs exists'),
  met(54, 'A topic created again has another id'),
];

/** What is not served, and why. */
export const NOT_SERVED: readonly (readonly [what: string, why: string])[] = [
  ['AlterReplicaLogDirs (34)', 'there is one directory'],
  ['AddPartitionsToTxn from version 4 on', 'it is a request between brokers'],
  ['Delegation tokens (38, 39, 40, 41)', 'users have passwords'],
  ['UnregisterBroker (64)', 'there is one broker'],
  [
    'Share groups (76, 77, 78, 79, 90, 91, 92), streams groups (88, 89)',
    'not built; Kafka Streams uses classic groups',
  ],
  ['Telemetry (71, 72)', 'never: half an implementation disturbs clients'],
];

/** Where a client can tell this broker from Kafka, beside what is missing. */
export const DEVIATIONS: readonly string[] = [
  'Produce is advertised from version 0, because older librdkafka drops compression otherwise; versions 0 to 2 close the connection, as their batches are gone from Kafka 4, too.',
  'JoinGroup is served from version 0, which Kafka 4.0.0 did not and 4.0.1 does again.',
  'acks=all means `durable` (a power cut loses nothing acknowledged), not "in the page cache of all replicas".',
  'The leader epoch grows at every start, so a client refreshes its metadata once after a restart.',
  'A topic is visible to Metadata when CreateTopics answers; with Kafka it takes some milliseconds.',
  'group.initial.rebalance.delay.ms is 0 by default (Kafka: 3000), so that a lone consumer starts at once.',
  'flush.messages is 1 by default (Kafka: never): one flush serves all commits of its moment.',
  'A member of the newer protocol is told its assignment when that is durable (Kafka: when it is in memory of all replicas).',
  'Members of the newer protocol are assigned by the heartbeat that asks for it (Kafka: once a second at most).',
  'A group that has members of one protocol takes none of the other: groups are not migrated.',
  'Single answers that differ, with the reason: `__test__/conformance/kafka/comparison/accepted.ts`.',
  'A name that is no UTF-8 is one bad name (INVALID_TOPIC_EXCEPTION, INVALID_GROUP_ID), not a replaced one.',
  'An int64 beyond 2^53 closes the connection, except where a client may mean it (timestamps, retention).',
  'A topic is committed to by embedded readers of the same process as well; they are standalone consumers of their group.',
  'Listeners, certificates and mechanisms cannot be altered while it runs (certificates: SIGHUP): INVALID_REQUEST.',
  'message.timestamp.after.max.ms is unlimited by default, as in Kafka 3.9 (Kafka 4: an hour).',
  'An idle producer is forgotten by the clock of the broker, counted anew from a start, whatever timestamps its records have.',
  'Bytes behind a request are let pass, as Kafka does; a count or length that cannot be closes the connection.',
];
