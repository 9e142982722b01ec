/**
 * The public API of millrace. ESM, no top-level await, no I/O at import.
 *
 * Not an implementation. To remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export { type Durability, describeFlush, describeLoss, type FlushInput, type Preset, presets } from './durability.ts';
export { describeErrors, type ErrorCode, MillraceError } from './errors.ts';
export type { BackupOptions, BackupResult } from './io/backup.ts';
export type { DriverReport, RecoveryAccount } from './io/native-types.ts';
export type { PartitionRecovery, RecoveryDetails, WritesRecovery } from './io/recovery-details.ts';
export { type Codec, json, type KeyEncoding, type ValueEncoding } from './kv/encoding.ts';
export { changeOf as feedChange, type StoreChange } from './kv/feed-record.ts';
export { Kv, type KvOptions, type LockOptions, openKv, type StoreOptions } from './kv/kv.ts';
export type { KvBatch } from './kv/kv-batch.ts';
export type { KvLock } from './kv/kv-lock.ts';
export type { KvChange, KvWatch, WatchOptions } from './kv/kv-watch.ts';
export type { AppendPart, AppendResult } from './log/append-result.ts';
export type { Compression } from './log/batch-layout.ts';
export type { LogBatch } from './log/log-batch.ts';
export type { LogReader } from './log/log-reader.ts';
export type { AppendBatchOptions, AppendOptions, LogTopic, PartitionWatermarks } from './log/log-topic.ts';
export { Log, type LogOptions, openLog, type TopicOptions } from './log/open-log.ts';
export {
  byKey,
  consistentHash,
  leastLoaded,
  type PartitionChoice,
  type Partitioner,
  roundRobin,
  weighted,
} from './log/partitioners.ts';
export type { IsolationName, ReadOptions } from './log/reader.ts';
export type { Content, HeadersInput, LogRecord, RecordInput } from './log/record.ts';
export type { From, OnMissing } from './log/start-position.ts';
export type { FlushPolicy } from './log/types.ts';
export type { DriverName, EngineOptions } from './options.ts';
export {
  type HttpOptions,
  type KafkaOptions,
  type ListenOptions,
  type MillraceServer,
  type ServeOpenOptions,
  type ServeOptions,
  type SocketsChoice,
  type SocketsReport,
  serve,
} from './serve.ts';
export {
  type Finding,
  type FindingKind,
  type Repair,
  type RepairStep,
  repairDirectory,
  type Verification,
  type VerifyOptions,
  type VerifySummary,
  verifyDirectory,
} from './verify.ts';
