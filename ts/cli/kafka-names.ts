/**
 * Kafka's error codes as names, and what they mean for the end of a command.
 *
 * Invariant: a code this program does not know is still shown, with its number.
 */
import { ErrorCode as KafkaError, errorName as nameOf } from '../broker/protocol/error-codes.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';

/** `OK` for 0, `UNKNOWN_TOPIC_OR_PARTITION` for 3; a code that is not in the table keeps its number. */
export function errorName(code: number): string {
  return code === KafkaError.NONE ? 'OK' : nameOf(code);
}

/** Exit code of an error that a server answered. */
export function exitCodeOfKafka(code: number): ExitCodeNumber {
  switch (code) {
    case KafkaError.NONE:
      return ExitCode.ok;
    case KafkaError.UNKNOWN_TOPIC_OR_PARTITION:
    case KafkaError.UNKNOWN_TOPIC_ID:
    case KafkaError.GROUP_ID_NOT_FOUND:
      return ExitCode.notFound;
    case KafkaError.INVALID_TOPIC_EXCEPTION:
    case KafkaError.INVALID_CONFIG:
    case KafkaError.INVALID_PARTITIONS:
    case KafkaError.INVALID_REPLICATION_FACTOR:
    case KafkaError.INVALID_REQUEST:
      return ExitCode.usage;
    default:
      return ExitCode.failure;
  }
}

/** What to look at, where the name alone helps nobody and servers say no more. */
const hints: ReadonlyMap<number, string> = new Map([
  [KafkaError.KAFKA_STORAGE_ERROR, 'the server cannot write: its disk is full or has failed, and its log says which'],
]);

/** Throws when `code` is not success; `what` names what was refused. */
export function check(code: number, what: string, message?: string | null): void {
  if (code === KafkaError.NONE) return;
  const detail = message === undefined || message === null || message === '' ? hints.get(code) : message;
  throw new CliError(exitCodeOfKafka(code), `${what}: ${errorName(code)}${detail === undefined ? '' : `: ${detail}`}`);
}
