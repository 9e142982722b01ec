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

/** The closed table. A code never changes its meaning; docs/errors.md is written from it. */
const errorTable = {
  MILLRACE_OPTION: {
    message: 'an option has a value that cannot be used',
    remedy: 'see the option named in the message',
    retriable: false,
    kafkaCode: 40,
  },
  MILLRACE_ARGUMENT: {
    message: 'an argument has a value that cannot be used',
    remedy: 'see the argument in the message',
    retriable: false,
    kafkaCode: 42,
  },
  MILLRACE_NATIVE_MISSING: {
    message: 'the native addon for this platform was not found or cannot be loaded',
    remedy:
      'remove node_modules, and a package-lock.json of another platform, and install again with optional dependencies; in a clone `npm run build:addon`; or set MILLRACE_NATIVE_PATH',
    retriable: false,
  },
  MILLRACE_NATIVE_VERSION: {
    message: 'the native addon belongs to another version of millrace',
    remedy: 'reinstall, or rebuild it with `npm run build:addon`',
    retriable: false,
  },
  MILLRACE_RUNTIME: {
    message: 'the JavaScript runtime refused something the engine needs',
    remedy: 'run on Node.js 20.17 or later',
    retriable: false,
  },
  MILLRACE_LOCKED: {
    message: 'another process or thread has this data directory open',
    remedy: 'stop it, or open another directory',
    retriable: true,
  },
  MILLRACE_DRIVER: {
    message: 'the I/O driver that was asked for cannot be used here',
    remedy: 'use driver `auto` or `pool`; `millrace doctor` shows why',
    retriable: false,
  },
  MILLRACE_FORMAT: {
    message: 'the data directory was written in a format this version does not read',
    remedy: 'open it with the version that wrote it, or a later one',
    retriable: false,
  },
  MILLRACE_DAMAGED: {
    message: 'stored data that had been durable does not verify any more',
    remedy:
      'see file and position in the message; the rest of the data is served; `millrace dump FILE` shows the place',
    retriable: false,
    kafkaCode: 2,
  },
  MILLRACE_FOREIGN_FILE: {
    message: 'this file was not written by Millrace',
    remedy: 'name a journal, segment, index, data, hint or manifest file of a data directory',
    retriable: false,
  },
  MILLRACE_IO: {
    message: 'the operating system reported an I/O error',
    remedy: 'see errno and path',
    retriable: false,
    kafkaCode: 56,
  },
  MILLRACE_NO_SPACE: {
    message: 'the disk is full',
    remedy: 'free some space: writing resumes by itself',
    retriable: true,
    kafkaCode: 56,
  },
  MILLRACE_POISONED: {
    message: 'a flush failed, so the journal takes no more writes',
    remedy: 'close, check the disk, and open again: recovery shows what is really there',
    retriable: false,
    kafkaCode: 56,
  },
  MILLRACE_OUTCOME_UNKNOWN: {
    message:
      'the write may or may not have become durable: the flush that covered it failed, or the log was closed under it',
    remedy: 'open again and read before you repeat it',
    retriable: false,
    kafkaCode: 56,
  },
  MILLRACE_BUSY: {
    message: 'more is waiting to be stored than the memory budget allows',
    remedy: 'try again later',
    retriable: true,
    kafkaCode: 7,
  },
  MILLRACE_CLOSED: { message: 'the log or store is closed or closing', remedy: 'open it again', retriable: false },
  MILLRACE_UNKNOWN_TOPIC: {
    message: 'there is no such topic',
    remedy: 'create it: `log.topic(name, { partitions })`',
    retriable: false,
    kafkaCode: 3,
  },
  MILLRACE_UNKNOWN_PARTITION: {
    message: 'the topic has no such partition',
    remedy: 'partitions count from 0',
    retriable: false,
    kafkaCode: 3,
  },
  MILLRACE_TOPIC_EXISTS: {
    message: 'the topic exists with another number of partitions',
    remedy: 'open it without `partitions`',
    retriable: false,
    kafkaCode: 36,
  },
  MILLRACE_INVALID_TOPIC: {
    message: 'this cannot be a topic name',
    remedy: 'use up to 249 of: letters, digits, dot, underscore, hyphen',
    retriable: false,
    kafkaCode: 17,
  },
  MILLRACE_INVALID_RECORD: {
    message: 'the engine refused the record batch',
    remedy: 'see the reason in the message',
    retriable: false,
    kafkaCode: 87,
  },
  MILLRACE_TOO_LARGE: {
    message: 'the record or batch is larger than the limit',
    remedy: 'split it, or raise `maxBatchBytes`',
    retriable: false,
    kafkaCode: 10,
  },
  MILLRACE_OFFSET_OUT_OF_RANGE: {
    message: 'the offset asked for is not in the log',
    remedy: "give `onMissing: 'earliest' | 'latest'`, or read between logStart and the end",
    retriable: false,
    kafkaCode: 1,
  },
  MILLRACE_NO_COMMITTED_OFFSET: {
    message: 'the group has committed no offset for this partition',
    remedy: "give `onMissing: 'earliest' | 'latest'`",
    retriable: false,
  },
  MILLRACE_CONDITION: {
    message: 'a key was not as a write of the batch demanded, so nothing of the batch was done',
    remedy: 'read the key again and decide anew',
    retriable: false,
  },
  MILLRACE_FENCED: {
    message: 'the lock is no longer held with this token, so nothing of the write was done',
    remedy: 'take the lock again and read anew what it guards',
    retriable: false,
  },
  MILLRACE_UNKNOWN_STORE: {
    message: 'there is no such store',
    remedy: 'open it with `createIfMissing`, or see `kv.stores()`',
    retriable: false,
  },
  MILLRACE_FELL_BEHIND: {
    message: 'changes between the position asked for and now are not kept any more',
    remedy: 'read the store anew and go on from there: `kv.watch({ initial: true })`',
    retriable: false,
  },
  MILLRACE_NOT_RESIDENT: {
    message: 'the value lies on the disk, and a synchronous read does not wait for it',
    remedy: 'use `await kv.get(key)`',
    retriable: false,
  },
  MILLRACE_ENCODING: {
    message: 'a key or value cannot be encoded or decoded',
    remedy: 'see the encodings of the store',
    retriable: false,
  },
  MILLRACE_COMPRESSION: {
    message: 'compressed records could not be read',
    remedy: 'see the reason in the message',
    retriable: false,
    kafkaCode: 76,
  },
  MILLRACE_ABORTED: {
    message: 'the call was aborted by its signal',
    remedy: 'an aborted write still happens: only the wait ended',
    retriable: false,
  },
  MILLRACE_STALE_HANDLE: {
    message: 'a file, lease or mapping is used after it was closed or released',
    remedy: 'open or lease anew',
    retriable: false,
  },
  MILLRACE_BUFFER_BUSY: {
    message: 'memory is used by an operation in flight',
    remedy: 'wait for that operation, or use another lease',
    retriable: true,
  },
  MILLRACE_DETACHED: {
    message: 'memory was detached, transferred or resized while it was in use',
    remedy: 'keep buffers where they are until their operation has ended, or use a lease',
    retriable: false,
  },
  MILLRACE_UNSUPPORTED: {
    message: 'this kernel, file system or device cannot do it',
    remedy: '`capabilities()` of millrace/io shows what it can do',
    retriable: false,
  },
} as const;

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
