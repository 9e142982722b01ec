/**
 * Turns what the addon throws, and the codes it answers, into `MillraceError`s.
 *
 * Not the table of errors (ts/errors.ts). To remember: the addon throws with `code` = a name of the list below and a
 * message `errno text`; anything else is a bug and passes through unchanged.
 */

import type { ErrorCode } from '../errors.ts';
import { MillraceError } from '../errors.ts';
import type { CodeNumber } from './native-types.ts';
import { Code } from './native-types.ts';

const names = new Map<string, ErrorCode>([
  ['ARGUMENT', 'MILLRACE_ARGUMENT'],
  ['RUNTIME', 'MILLRACE_RUNTIME'],
  ['LOCKED', 'MILLRACE_LOCKED'],
  ['DRIVER', 'MILLRACE_DRIVER'],
  ['FORMAT', 'MILLRACE_FORMAT'],
  ['DAMAGED', 'MILLRACE_DAMAGED'],
  ['IO', 'MILLRACE_IO'],
  ['NO_SPACE', 'MILLRACE_NO_SPACE'],
  ['POISONED', 'MILLRACE_POISONED'],
  ['CLOSED', 'MILLRACE_CLOSED'],
  ['COMPRESSION', 'MILLRACE_COMPRESSION'],
  ['TOO_LARGE', 'MILLRACE_TOO_LARGE'],
]);

/** The typed error for something the addon threw. `path` is what was being opened. */
export function fromNative(error: unknown, path?: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = names.get(String((error as { code?: unknown }).code));
  if (code === undefined) return error;
  const [, errno = '0', text = error.message] = /^(\d+) (.*)$/s.exec(error.message) ?? [];
  return new MillraceError(code, text, {
    cause: error,
    ...(errno === '0' ? {} : { errno: Number(errno) }),
    ...(path === undefined ? {} : { path }),
  });
}

const codes: Record<CodeNumber, readonly [code: ErrorCode, reason: string]> = {
  [Code.ok]: ['MILLRACE_ARGUMENT', 'no error'],
  [Code.duplicate]: ['MILLRACE_ARGUMENT', 'no error: the batch was appended before'],
  [Code.pending]: ['MILLRACE_ARGUMENT', 'no error: the answer comes later'],
  [Code.unknownPartition]: ['MILLRACE_UNKNOWN_PARTITION', 'the engine does not know it'],
  [Code.corrupt]: ['MILLRACE_INVALID_RECORD', 'its checksum or framing is wrong'],
  [Code.unsupportedMagic]: ['MILLRACE_INVALID_RECORD', 'only record batches of magic 2 are taken'],
  [Code.invalidRecord]: ['MILLRACE_INVALID_RECORD', 'a record in it is malformed'],
  [Code.outOfOrderSequence]: ['MILLRACE_INVALID_RECORD', 'its sequence number is out of order'],
  [Code.invalidProducerEpoch]: ['MILLRACE_INVALID_RECORD', 'its producer has been fenced'],
  [Code.messageTooLarge]: ['MILLRACE_TOO_LARGE', 'the batch is above the limit'],
  [Code.busy]: ['MILLRACE_BUSY', 'settling is behind'],
  [Code.poisoned]: ['MILLRACE_POISONED', 'a flush failed earlier'],
  [Code.noSpace]: ['MILLRACE_NO_SPACE', 'the write was refused, nothing was stored'],
  [Code.closing]: ['MILLRACE_CLOSED', 'the engine is closing'],
  [Code.unsupportedCompression]: ['MILLRACE_COMPRESSION', 'this codec is not known'],
  [Code.invalidTimestamp]: ['MILLRACE_INVALID_RECORD', 'its timestamp is out of range'],
  [Code.offsetOutOfRange]: ['MILLRACE_OFFSET_OUT_OF_RANGE', 'it lies outside the log'],
  [Code.fencedEpoch]: ['MILLRACE_ARGUMENT', 'the leader epoch is older than the log'],
  [Code.unknownEpoch]: ['MILLRACE_ARGUMENT', 'the leader epoch is newer than the log'],
  [Code.damaged]: ['MILLRACE_DAMAGED', 'this range is fenced'],
  [Code.exists]: ['MILLRACE_ARGUMENT', 'it exists'],
  [Code.refusedWithFrame]: ['MILLRACE_INVALID_RECORD', 'another part of the same atomic append was refused'],
  [Code.duplicateSequence]: ['MILLRACE_INVALID_RECORD', 'its sequence number was used before'],
  [Code.conditionFailed]: ['MILLRACE_CONDITION', 'another write came first'],
  [Code.unknownStore]: ['MILLRACE_UNKNOWN_STORE', 'it was dropped'],
  [Code.absent]: ['MILLRACE_ARGUMENT', 'no error: there is no such key'],
  [Code.noRoom]: ['MILLRACE_ARGUMENT', 'no error: the destination is too small'],
};

/** The typed error for an engine code that is not a success. */
export function fromCode(code: CodeNumber, reason?: string): MillraceError {
  const [name, meaning] = codes[code] ?? (['MILLRACE_IO', `engine code ${code}`] as const);
  return new MillraceError(name, reason ?? meaning);
}

/** The typed error of a waiter whose frame was under way when the engine failed or closed. */
export function outcomeUnknown(failure: CodeNumber): MillraceError {
  return new MillraceError('MILLRACE_OUTCOME_UNKNOWN', failure === Code.closing ? 'closed' : 'the flush failed');
}
