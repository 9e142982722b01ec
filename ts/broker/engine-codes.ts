/**
 * The one table from engine codes to Kafka's error codes.
 *
 * Not messages: clients show their own text for a code. To remember: a code of the engine that stands for an unknown
 * outcome must map to an error after which a client looks again, never to one that says "was not done".
 */

import { Code, type CodeNumber } from '../io/native-types.ts';
import { ErrorCode, type ErrorNumber } from './protocol/error-codes.ts';

/** Engine code -> Kafka error. `duplicate` is a success that answers with the original offset (rule 15). */
const FROM_ENGINE: Record<CodeNumber, ErrorNumber> = {
  [Code.ok]: ErrorCode.NONE,
  [Code.unknownPartition]: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  [Code.corrupt]: ErrorCode.CORRUPT_MESSAGE,
  [Code.unsupportedMagic]: ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  [Code.invalidRecord]: ErrorCode.INVALID_RECORD,
  [Code.outOfOrderSequence]: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  [Code.duplicate]: ErrorCode.NONE,
  [Code.invalidProducerEpoch]: ErrorCode.INVALID_PRODUCER_EPOCH,
  [Code.messageTooLarge]: ErrorCode.MESSAGE_TOO_LARGE,
  // Retriable, so a producer that meets a full memory budget backs off and comes again.
  [Code.busy]: ErrorCode.REQUEST_TIMED_OUT,
  [Code.noSpace]: ErrorCode.KAFKA_STORAGE_ERROR,
  [Code.poisoned]: ErrorCode.KAFKA_STORAGE_ERROR,
  [Code.closing]: ErrorCode.NOT_LEADER_OR_FOLLOWER,
  [Code.unsupportedCompression]: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  [Code.invalidTimestamp]: ErrorCode.INVALID_TIMESTAMP,
  [Code.offsetOutOfRange]: ErrorCode.OFFSET_OUT_OF_RANGE,
  [Code.fencedEpoch]: ErrorCode.FENCED_LEADER_EPOCH,
  [Code.unknownEpoch]: ErrorCode.UNKNOWN_LEADER_EPOCH,
  [Code.damaged]: ErrorCode.KAFKA_STORAGE_ERROR,
  [Code.exists]: ErrorCode.TOPIC_ALREADY_EXISTS,
  [Code.refusedWithFrame]: ErrorCode.UNKNOWN_SERVER_ERROR,
  [Code.pending]: ErrorCode.UNKNOWN_SERVER_ERROR,
  [Code.duplicateSequence]: ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
  // Of KV effects, which no Kafka request has.
  [Code.conditionFailed]: ErrorCode.UNKNOWN_SERVER_ERROR,
  [Code.unknownStore]: ErrorCode.UNKNOWN_SERVER_ERROR,
  [Code.absent]: ErrorCode.UNKNOWN_SERVER_ERROR,
  [Code.noRoom]: ErrorCode.UNKNOWN_SERVER_ERROR,
};

/** The Kafka error for an engine code. */
export function kafkaErrorOf(code: CodeNumber): ErrorNumber {
  return FROM_ENGINE[code];
}
