/**
 * `millrace/kv`: key-value stores in a directory.
 *
 * Not an implementation. To remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export type { Codec, EncodingName, InputOf, KeyEncoding, OutputOf, ValueEncoding } from './encoding.ts';
export { json, KEY_BYTES_MAX } from './encoding.ts';
export { changeOf as feedChange, type StoreChange } from './feed-record.ts';
export type { FeedOptions } from './feed-topic.ts';
export type { Fence } from './fence.ts';
export { Kv, type KvOptions, type LockOptions, openKv, type StoreOptions } from './kv.ts';
export type { KvBatch } from './kv-batch.ts';
export type { KvLock } from './kv-lock.ts';
export type { KvRange } from './kv-range.ts';
export type { KvSnapshot } from './kv-snapshot.ts';
export { type BatchOperation, type Demand, KvStore, type PutOptions, type WriteCallOptions } from './kv-store.ts';
export type { GetOptions, KvEntry, KvRecord, RangeOptions } from './kv-view.ts';
export type { KvChange, KvWatch, WatchOptions } from './kv-watch.ts';
export { KvWrite } from './kv-write.ts';
export type { WatchIsolation } from './watch-window.ts';
