/**
 * Every error Millrace throws: one class, one closed table of codes.
 *
 * Not the engine's own codes (ts/io/native-types.ts) and not Kafka's: this is what a caller catches. To remember:
 * `retriable` means "the same call may succeed later and has had no effect"; an unknown outcome is never retriable.
 */

interface ErrorEntry {
  /** What happened. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly remedy: string;
  readonly retriable: boolean;
  /** Kafka's error code for the same thing, where there is one. */
  readonly kafkaCode?: number;
}

const entry = (message: string, remedy: string, retriable: boolean, kafkaCode?: number): ErrorEntry =>
  kafkaCode === undefined ? { message, remedy, retriable } : { message, remedy, retriable, kafkaCode };

/** The closed table. A code never changes its meaning; docs/errors.md is written from it. */
const errorTable = {
  MILLRACE_OPTION: entry('an option has a value that cannot be used', 'see the option named in the message', false, 40),
  MILLRACE_ARGUMENT: entry('an argument has a value that cannot be used', 'see the argument in the message', false, 42),
  MILLRACE_NATIVE_MISSING: entry(
    'the native addon for this platform was not found',
    'reinstall with optional dependencies, build it with `npm run build:addon`, or set MILLRACE_NATIVE_PATH',
    false,
  ),
  MILLRACE_NATIVE_VERSION: entry(
    'the native addon belongs to another version of millrace',
    'reinstall, or rebuild it with `npm run build:addon`',
    false,
  ),
  MILLRACE_RUNTIME: entry(
    'the JavaScript runtime refused something the engine needs',
    'run on Node.js 20.17 or later',
    false,
  ),
  MILLRACE_LOCKED: entry(
    'another process or thread has this data directory open',
    'stop it, or open another directory',
    true,
  ),
  MILLRACE_DRIVER: entry(
    'the I/O driver that was asked for cannot be used here',
    'use driver `auto` or `pool`; `millrace doctor` shows why',
    false,
  ),
  MILLRACE_FORMAT: entry(
    'the data directory was written in a format this version does not read',
    'open it with the version that wrote it, or a later one',
    false,
  ),
  MILLRACE_DAMAGED: entry(
    'stored data that had been durable does not verify any more',
    'see file and position in the message; the rest of the data is served; `millrace dump FILE` shows the place',
    false,
    2,
  ),
  MILLRACE_FOREIGN_FILE: entry(
    'this file was not written by Millrace',
    'name a journal, segment, index or manifest file of a data directory',
    false,
  ),
  MILLRACE_IO: entry('the operating system reported an I/O error', 'see errno and path', false, 56),
  MILLRACE_NO_SPACE: entry('the disk is full', 'free some space: writing resumes by itself', true, 56),
  MILLRACE_POISONED: entry(
    'a flush failed, so the journal takes no more writes',
    'close, check the disk, and open again: recovery shows what is really there',
    false,
    56,
  ),
  MILLRACE_OUTCOME_UNKNOWN: entry(
    'the write may or may not have become durable: the flush that covered it failed, or the log was closed under it',
    'open again and read before you repeat it',
    false,
    56,
  ),
  MILLRACE_BUSY: entry('more is waiting to be stored than the memory budget allows', 'try again later', true, 7),
  MILLRACE_CLOSED: entry('the log is closed or closing', 'open it again', false),
  MILLRACE_UNKNOWN_TOPIC: entry('there is no such topic', 'create it: `log.topic(name, { partitions })`', false, 3),
  MILLRACE_UNKNOWN_PARTITION: entry('the topic has no such partition', 'partitions count from 0', false, 3),
  MILLRACE_TOPIC_EXISTS: entry(
    'the topic exists with another number of partitions',
    'open it without `partitions`',
    false,
    36,
  ),
  MILLRACE_INVALID_TOPIC: entry(
    'this cannot be a topic name',
    'use up to 249 of: letters, digits, dot, underscore, hyphen',
    false,
    17,
  ),
  MILLRACE_INVALID_RECORD: entry('the engine refused the record batch', 'see the reason in the message', false, 87),
  MILLRACE_TOO_LARGE: entry(
    'the record or batch is larger than the limit',
    'split it, or raise `maxBatchBytes`',
    false,
    10,
  ),
  MILLRACE_OFFSET_OUT_OF_RANGE: entry(
    'the offset asked for is not in the log',
    "give `onMissing: 'earliest' | 'latest'`, or read between logStart and the end",
    false,
    1,
  ),
  MILLRACE_NO_COMMITTED_OFFSET: entry(
    'the group has committed no offset for this partition',
    "give `onMissing: 'earliest' | 'latest'`",
    false,
  ),
  MILLRACE_COMPRESSION: entry('compressed records could not be read', 'see the reason in the message', false, 76),
  MILLRACE_ABORTED: entry(
    'the call was aborted by its signal',
    'an aborted write still happens: only the wait ended',
    false,
  ),
} as const satisfies Record<string, ErrorEntry>;

/** All codes a `MillraceError` can carry. */
export type ErrorCode = keyof typeof errorTable;

/** Where an error can point at. */
export interface ErrorDetail {
  /** Raw errno of the operating system, positive. */
  errno?: number;
  /** File or directory, relative to the data directory where it lies inside it. */
  path?: string;
  cause?: unknown;
}

/** The one error class. */
export class MillraceError extends Error {
  /** Stable; never parse the message. */
  readonly code: ErrorCode;
  /** The same call may succeed later, and has had no effect. */
  readonly retriable: boolean;
  /** Kafka's number for it, where Kafka has one. */
  readonly kafkaCode?: number;
  readonly errno?: number;
  readonly path?: string;

  /** `reason` says what exactly; the table adds what it means and what to do. */
  constructor(code: ErrorCode, reason?: string, detail: ErrorDetail = {}) {
    const about: ErrorEntry = errorTable[code];
    const what = reason === undefined ? about.message : `${about.message}: ${reason}`;
    super(`${what} (${about.remedy})`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.retriable = about.retriable;
    if (about.kafkaCode !== undefined) this.kafkaCode = about.kafkaCode;
    if (detail.errno !== undefined) this.errno = detail.errno;
    if (detail.path !== undefined) this.path = detail.path;
  }
}

/** Whether `text` is a code of the table. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}

/** The table as data, for documentation and tests. */
export function describeErrors(): { code: ErrorCode; message: string; remedy: string; retriable: boolean }[] {
  return (Object.keys(errorTable) as ErrorCode[]).map((code) => {
    const { message, remedy, retriable } = errorTable[code];
    return { code, message, remedy, retriable };
  });
}

/** Throws when `signal` has been aborted; its reason becomes the cause. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** The error of an aborted call. */
export function abortedError(signal: AbortSignal): MillraceError {
  return new MillraceError('MILLRACE_ABORTED', undefined, { cause: signal.reason });
}
