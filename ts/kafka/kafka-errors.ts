/**
 * Kafka's error codes as a client sees them: number, name, and whether trying again may help.
 *
 * Not when a code is given, and not our own codes (`MillraceError.kafkaCode` leads here). To remember: what is retriable is
 * what Kafka 4.3's own client takes for it; a test compares where Java is.
 */

import { ErrorCode } from '../broker/protocol/error-codes.ts';

/** Kafka's name of a code, such as `NOT_LEADER_OR_FOLLOWER`. */
export type KafkaErrorName = keyof typeof ErrorCode;

/** One code. */
export interface KafkaError {
  /** As sent in the field `errorCode`; 0 is no error. */
  readonly code: number;
  readonly name: KafkaErrorName;
  /** Whether a client may send the same request again. */
  readonly retriable: boolean;
}

const retriable: ReadonlySet<number> = new Set([
  2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122,
  123, 133,
]);

/** All codes, by number. */
export const kafkaErrors: readonly KafkaError[] = Object.entries(ErrorCode)
  .map(([name, code]) => ({ code, name: name as KafkaErrorName, retriable: retriable.has(code) }))
  .sort((left, right) => left.code - right.code);

const byCode: ReadonlyMap<number, KafkaError> = new Map(kafkaErrors.map((error) => [error.code, error]));

/** What a code means; undefined for one that Kafka 4.3 does not have. */
export function kafkaError(code: number): KafkaError | undefined {
  return byCode.get(code);
}
