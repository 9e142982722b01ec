/**
 * The boundary: what the addon exports, in plain numbers and bytes. Only ts/io uses these types.
 *
 * Everything of one loop turn goes through `commit` in one call; everything that happened since the last wake is in
 * `page` when `wake` runs. Row layouts are arrays of doubles (all values are integers below 2^53).
 */

/** Durability levels, ordered. */
export const Level = { memory: 0, written: 1, durable: 2 } as const;
export type LevelNumber = 0 | 1 | 2;

/** Effect kinds in a plan row. */
export const EffectKind = {
  append: 1,
  put: 2,
  delete: 3,
  createPartition: 4,
  deletePartition: 5,
  deleteRecords: 6,
} as const;

/** Isolation of a read, by the watermark that bounds it. */
export const Isolation = { readUncommitted: 0, readCommitted: 1, durable: 2 } as const;

/** Closed set of codes a row or a call answers with. 0 is success. */
export const Code = {
  ok: 0,
  unknownPartition: 1,
  corrupt: 2,
  unsupportedMagic: 3,
  invalidRecord: 4,
  outOfOrderSequence: 5,
  /** Success: the batch was appended before; base offset is the original one. */
  duplicate: 6,
  invalidProducerEpoch: 7,
  messageTooLarge: 8,
  busy: 9,
  poisoned: 10,
  noSpace: 11,
  closing: 12,
  unsupportedCompression: 13,
  invalidTimestamp: 14,
  offsetOutOfRange: 15,
  fencedEpoch: 16,
  unknownEpoch: 17,
  damaged: 18,
  exists: 19,
  /** Another effect of the same atomic frame was refused, so this one was not done either. */
  refusedWithFrame: 20,
  /** The answer comes later under the token in the row. */
  pending: 21,
  duplicateSequence: 22,
} as const;
export type CodeNumber = (typeof Code)[keyof typeof Code];

/**
 * A plan row, `PLAN_STRIDE` doubles an effect. Rows with the same consecutive `frame` number form one atomic frame.
 *
 * in:  0 kind  1 frame  2 partition (or 0)  3 buffer index  4 start  5 end  6 argument  7 level
 *      8 flags (append: bit 0 = stamp with log append time, bit 1 = refuse records without a key; bits 8-15 = the
 *        max Kafka Produce codec allowed, 0 = all)
 *      9 max batch bytes (0 = no limit)
 * out: 10 code  11 base offset  12 log append time (-1)  13 log start offset  14 LSN of the frame  15 log end after
 *
 * put:    buffer = key, [start,end) of it; argument = index of the value buffer (whole)
 * delete: buffer = key. createPartition/deletePartition: partition. deleteRecords: argument = new start offset.
 */
export const PLAN_STRIDE = 16;

/**
 * A readable row, `READ_STRIDE` doubles a partition.
 * in:  0 partition  1 offset  2 max bytes  3 isolation  4 current leader epoch (-1 unchecked)
 *      5 destination position (for `read`; the row's bytes go there)  6 destination length (for `read`)
 * out: 7 code  8 bytes available (readable) or copied (read)  9 log start  10 high watermark  11 last stable
 *      12 durable  13 log end  14 leader epoch  15 token when code = pending
 */
export const READ_STRIDE = 16;

/** Doubles at the head of the shared page. */
export const Page = {
  writtenLsn: 0,
  durableLsn: 1,
  appendedLsn: 2,
  /** 0 = healthy, else a `Code`. */
  failure: 3,
  /** Tokens finished since the last wake: count here, triples {token, code, bytes copied} from `tokensFrom`. */
  tokens: 4,
  unsettledBytes: 5,
  recoveryKeptBytes: 6,
  recoveryCutBytes: 7,
  /** 1 while the addon's callback, its microtasks and its ticks run: a commit made there is submitted right after. */
  inCallback: 8,
  // Counters, monotone.
  callsIn: 16,
  callbacksOut: 17,
  enters: 18,
  flushes: 19,
  writes: 20,
  bytesWritten: 21,
  bytesCopied: 22,
  commits: 23,
  frames: 24,
  reads: 25,
  bytesRead: 26,
  settles: 27,
  laps: 28,
  tokensFrom: 64,
} as const;
export const PAGE_DOUBLES = 64 + 3 * 1024;

/** What `new NativeEngine` takes; every field filled by ts/options.ts, the addon has no default. */
export interface NativeOptions {
  dir: string;
  driver: 'auto' | 'ring' | 'pool' | 'sim';
  /** Seed of the simulated disk; only for driver `sim`. The same id reopens the same simulated disk. */
  simSeed: number;
  simId: string;
  flushAlways: boolean;
  /** 0 = not set. */
  flushRecords: number;
  flushBytes: number;
  flushIntervalMs: number;
  journalFileBytes: number;
  journalFiles: number;
  memoryBytes: number;
  settleBytes: number;
  ownSegmentBytes: number;
  segmentBytes: number;
  indexIntervalBytes: number;
}

export interface DriverReport {
  driver: 'ring' | 'pool' | 'sim';
  reason: string;
  direct: boolean;
  detail: string;
}

export interface RecoveryAccount {
  clean: boolean;
  incarnation: number;
  directoryId: string;
  framesReplayed: number;
  keptBytes: number;
  cutBytes: number;
  durationMs: number;
  partitions: number;
  damage: { file: string; position: number; detail: string }[];
}

export interface NativeEngine {
  /** Shared page: watermarks, finished tokens, counters. */
  readonly page: Float64Array;
  driverReport(): DriverReport;
  recoveryAccount(): RecoveryAccount;
  /** Applies all effects of a turn; results go into the rows. Returns 0, or a `Code` that refused the whole call. */
  commit(plan: Float64Array, rows: number, buffers: Uint8Array[]): number;
  /** Fills watermarks and available bytes of all rows. */
  readable(rows: Float64Array, count: number): number;
  /** Copies batches into `destination`; a row whose bytes are cold gets code `pending` and a token: `destination` is
   * then kept alive and filled before the token is reported in the page. */
  read(rows: Float64Array, count: number, destination: Uint8Array): number;
  /** out: [code, offset, timestamp, leader epoch, token] */
  offsetForTime(partition: number, timestamp: number, isolation: number, out: Float64Array): void;
  /** out: [code, end offset, epoch] */
  offsetForEpoch(partition: number, epoch: number, out: Float64Array): void;
  /** Result of a finished offsetForTime token, same layout. */
  takeOffset(token: number, out: Float64Array): void;
  /** Pairs [key, value, key, value...] of the state map with this prefix, in key order. Start-up only. */
  scanState(prefix: Uint8Array): Uint8Array[];
  /** Forces everything appended so far to be flushed, whatever the policy; wait for `durableLsn`. Returns that LSN. */
  flush(): number;
  /** Changes the flush policy while running. */
  setPolicy(always: boolean, records: number, bytes: number, intervalMs: number): void;
  /** Sim only: cuts the power. The engine is unusable afterwards; reopen with the same simId. */
  simCut(): void;
  /** Sim only: every further operation of the disk fails with EIO. */
  simFail(): void;
  /** Flushes, writes the clean-shutdown mark, closes; `wake` runs when done, then `closed` is true. */
  close(): void;
  readonly closed: boolean;
}

export interface NativeBinding {
  /** `wake` is the one callback: watermarks moved, tokens finished, or a failure. */
  NativeEngine: new (
    options: NativeOptions,
    wake: () => void,
  ) => NativeEngine;
  crc32c(bytes: Uint8Array, start: number, end: number): number;
  /** Whole record section of a batch (after the 61-byte header), inflated; bounded by `limit` bytes. Throws with a code. */
  inflateRecords(codec: number, bytes: Uint8Array, start: number, end: number, limit: number): Uint8Array;
  deflateRecords(codec: number, bytes: Uint8Array, level: number): Uint8Array;
  /** What this machine offers, for `doctor`; JSON text. */
  probe(dir: string): string;
  /** Describes a journal, segment, index or manifest file as NDJSON lines, up to `limit` entries. */
  dump(path: string, limit: number, data: boolean): string[];
  version(): string;
}
