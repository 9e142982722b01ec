/**
 * Kafka's error codes as far as this broker answers with them, and the one table from engine codes to them.
 *
 * Not messages: clients show their own text for a code. To remember: a code of the engine that stands for an unknown
 * outcome must map to an error after which a client looks again, never to one that says "was not done".
 */

import { Code, type CodeNumber } from '../io/native-types.ts';

/** Error codes by Kafka's names. */
export const KafkaError = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC_EXCEPTION: 17,
  INVALID_REQUIRED_ACKS: 21,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  INVALID_GROUP_ID: 24,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_PARTITIONS: 37,
  INVALID_REPLICATION_FACTOR: 38,
  INVALID_REPLICA_ASSIGNMENT: 39,
  INVALID_CONFIG: 40,
  NOT_CONTROLLER: 41,
  INVALID_REQUEST: 42,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  KAFKA_STORAGE_ERROR: 56,
  FETCH_SESSION_ID_NOT_FOUND: 70,
  TOPIC_DELETION_DISABLED: 73,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  MEMBER_ID_REQUIRED: 79,
  GROUP_MAX_SIZE_REACHED: 81,
  FENCED_INSTANCE_ID: 82,
  INVALID_RECORD: 87,
  THROTTLING_QUOTA_EXCEEDED: 89,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103,
  STALE_MEMBER_EPOCH: 113,
} as const;

export type KafkaErrorCode = (typeof KafkaError)[keyof typeof KafkaError];

/** Engine code -> Kafka error. `duplicate` is a success that answers with the original offset (rule 15). */
const FROM_ENGINE: Record<CodeNumber, KafkaErrorCode> = {
  [Code.ok]: KafkaError.NONE,
  [Code.unknownPartition]: KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  [Code.corrupt]: KafkaError.CORRUPT_MESSAGE,
  [Code.unsupportedMagic]: KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  [Code.invalidRecord]: KafkaError.INVALID_RECORD,
  [Code.outOfOrderSequence]: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
  [Code.duplicate]: KafkaError.NONE,
  [Code.invalidProducerEpoch]: KafkaError.INVALID_PRODUCER_EPOCH,
  [Code.messageTooLarge]: KafkaError.MESSAGE_TOO_LARGE,
  // Retriable, so a producer that meets a full memory budget backs off and comes again.
  [Code.busy]: KafkaError.REQUEST_TIMED_OUT,
  [Code.noSpace]: KafkaError.KAFKA_STORAGE_ERROR,
  [Code.poisoned]: KafkaError.KAFKA_STORAGE_ERROR,
  [Code.closing]: KafkaError.NOT_LEADER_OR_FOLLOWER,
  [Code.unsupportedCompression]: KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
  [Code.invalidTimestamp]: KafkaError.INVALID_TIMESTAMP,
  [Code.offsetOutOfRange]: KafkaError.OFFSET_OUT_OF_RANGE,
  [Code.fencedEpoch]: KafkaError.FENCED_LEADER_EPOCH,
  [Code.unknownEpoch]: KafkaError.UNKNOWN_LEADER_EPOCH,
  [Code.damaged]: KafkaError.KAFKA_STORAGE_ERROR,
  [Code.exists]: KafkaError.TOPIC_ALREADY_EXISTS,
  [Code.refusedWithFrame]: KafkaError.UNKNOWN_SERVER_ERROR,
  [Code.pending]: KafkaError.UNKNOWN_SERVER_ERROR,
  [Code.duplicateSequence]: KafkaError.DUPLICATE_SEQUENCE_NUMBER,
};

/** The Kafka error for an engine code. */
export function kafkaErrorOf(code: CodeNumber): KafkaErrorCode {
  return FROM_ENGINE[code];
}
