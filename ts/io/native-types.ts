/**
 * The boundary: what the addon exports, in plain numbers and bytes. Only ts/io uses these types.
 *
 * Everything of one loop turn goes through `commit` in one call; everything that happened since the last wake is in
 * `page` when `wake` runs. Row layouts are arrays of doubles (all values are integers below 2^53).
 */

import type { NativeIo } from './api/native-ring.ts';

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
  kvPut: 7,
  kvDelete: 8,
  kvClear: 9,
  createStore: 10,
  dropStore: 11,
  endTransaction: 12,
  kvCheck: 13,
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
  /** A key is not as the condition of its KV write demands; nothing of its frame was done. */
  conditionFailed: 23,
  unknownStore: 24,
  /** A KV read: there is no such key, or it has expired. */
  absent: 25,
  /** A KV read: the value is there and does not fit into what is left of the destination; its length is told. */
  noRoom: 26,
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
 * endTransaction: 2 partition  4 producer epoch  6 producer id  8 flags (bit 0 = committed, else aborted); out as append
 *
 * kvPut:    2 store  3 key buffer [4 start, 5 end)  6 value buffer [12 start, 13 end)  8 a `KvCondition`
 *           9 expires at (ms since 1970, 0 = never)  11 the sequence demanded by condition `sequence`
 * kvDelete, kvCheck: 2 store  3 key buffer [4 start, 5 end)  8 a `KvCondition`  11 as above
 * kvClear, createStore, dropStore: 2 store
 * out of kvPut and kvDelete: 11 the sequence the key had before (0: absent); 14 is the sequence of this write
 */
export const PLAN_STRIDE = 16;

/** What a KV write demands of the key's state right before it; an expired key is absent. */
export const KvCondition = { none: 0, absent: 1, present: 2, sequence: 3 } as const;
export type KvConditionNumber = (typeof KvCondition)[keyof typeof KvCondition];

/**
 * A row of `kvGet` and `kvTake`, `KV_GET_STRIDE` doubles a key.
 * in:  0 store  1 snapshot (0 = as it is now)  2 key buffer [3 start, 4 end); of `kvTake`: 6 token
 * out: 5 code (ok, absent, pending, damaged, noRoom, unknownStore)  6 position in the destination (ok) or token (pending)
 *      7 length of the value (ok, noRoom)  8 sequence of its write  9 expires at (0 = never)
 */
export const KV_GET_STRIDE = 10;

/**
 * A row of `runCommands`, `RUN_STRIDE` doubles a connection.
 * in:  0 buffer index  1 start  2 end  3 store of the strings  4 store of the collections' heads (0 = there are none)
 *      5 store of their members  6 protocol (2 or 3)
 * out: 7 bytes of the commands that were run  8, 9 where their replies lie in the destination  10 commands  11 keys found
 *      12 keys not found  13 the last command, as its place in `RUN_COMMANDS` (-1 = none)  14 a `RunEnd`
 */
export const RUN_STRIDE = 16;

/** The commands that `runCommands` knows. */
export const RUN_COMMANDS = [
  'get',
  'set',
  'setex',
  'incr',
  'decr',
  'incrby',
  'decrby',
  'del',
  'unlink',
  'exists',
  'mget',
  'expire',
  'hget',
  'hset',
] as const;

/**
 * Why a run of commands ended. short: all bytes, or the rest is the beginning of a command. other: what follows is not
 * simple, or not in memory. full: no room for the next reply. refused: the engine takes no writes now.
 */
export const RunEnd = { short: 0, other: 1, full: 2, refused: 3 } as const;

/** Flags of `kvScan`. */
export const KvScanFlag = { reverse: 1, keysOnly: 2 } as const;

/**
 * An entry of a page of `kvScan`, little endian, without padding: key length u32, value length u32, sequence f64,
 * expires at f64 (0 = never), key, value.
 */
export const KV_ENTRY_HEAD = 24;

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
  /**
   * Tokens finished since the last wake: count here, triples {token, code, bytes} from `tokensFrom`. Bytes are those that
   * were copied (`read`), that a lease holds (`pin`), or that a value has (`kvGet`).
   */
  tokens: 4,
  unsettledBytes: 5,
  recoveryKeptBytes: 6,
  recoveryCutBytes: 7,
  /** 1 while the addon's callback, its microtasks and its ticks run: a commit made there is submitted right after. */
  inCallback: 8,
  /** How often a transaction was aborted, as far as the log goes back. */
  aborted: 10,
  /** The engine's wall clock at its last call or callback, ms since 1970. */
  wallMs: 9,
  /** Memory that sealed data read ahead takes now. */
  readAheadHeld: 11,
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
  compactions: 29,
  compactionsAbandoned: 30,
  compactedBytes: 31,
  compactedBytesLeft: 32,
  readAheadWindows: 33,
  readAheadBytes: 34,
  readAheadAnswers: 35,
  readAheadUnreadBytes: 36,
  joins: 37,
  joinedRanges: 38,
  joinedBytes: 39,
  tokensFrom: 64,
} as const;
export const PAGE_DOUBLES: number = 64 + 3 * 1024;

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
  /** Values of stores of at least so many bytes go to a large file; 0: none do. */
  largeValueBytes: number;
  segmentBytes: number;
  indexIntervalBytes: number;
  readAheadBytes: number;
}

/** Doubles of `NativeEngine.configure`; of limits -1 is "not set". */
export const PartitionSetting = {
  retentionMs: 0,
  retentionBytes: 1,
  segmentBytes: 2,
  segmentMs: 3,
  /** 1: the flush policy that follows holds for it; 0: the engine's does. */
  ownFlush: 4,
  flushAlways: 5,
  flushRecords: 6,
  flushBytes: 7,
  flushIntervalMs: 8,
  /** Records may be this much older, or newer, than the engine's wall clock. */
  timestampBeforeMs: 9,
  timestampAfterMs: 10,
  /** 1: of every key only the newest record has to stay, as the four that follow say; 0: all do. */
  compact: 11,
  dirtyRatio: 12,
  deleteRetentionMs: 13,
  compactionLagMinMs: 14,
  compactionLagMaxMs: 15,
} as const;
export const PARTITION_SETTINGS = 16;

export interface DriverReport {
  driver: 'ring' | 'pool' | 'sim';
  reason: string;
  direct: boolean;
  detail: string;
}

export interface RecoveryAccount {
  clean: boolean;
  /** How the run before ended: `process` died and the machine went on, or the `machine` was started anew. */
  ended: 'first' | 'clean' | 'process' | 'machine' | 'unknown';
  /** One sentence: what this means for what was acknowledged. */
  verdict: string;
  incarnation: number;
  directoryId: string;
  framesReplayed: number;
  keptBytes: number;
  cutBytes: number;
  /** Whole frames in the torn tail that was cut, and the records in them. */
  cutFrames: number;
  cutRecords: number;
  durationMs: number;
  partitions: number;
  damage: { file: string; position: number; detail: string }[];
}

export interface NativeEngine {
  /** Shared page: watermarks, finished tokens, counters. */
  readonly page: Float64Array;
  driverReport(): DriverReport;
  recoveryAccount(): RecoveryAccount;
  /** The same with every partition and store that was touched, as JSON: `RecoveryDetails`. */
  recoveryText(): string;
  /** Applies all effects of a turn; results go into the rows. Returns 0, or a `Code` that refused the whole call. */
  commit(plan: Float64Array, rows: number, buffers: Uint8Array[]): number;
  /** Hands what was committed to the device now; otherwise that happens when the running callback has ended. */
  start(): void;
  /** Fills watermarks and available bytes of all rows. */
  readable(rows: Float64Array, count: number): number;
  /** Copies batches into `destination`; a row whose bytes are cold gets code `pending` and a token: `destination` is
   * then kept alive and filled before the token is reported in the page. */
  read(rows: Float64Array, count: number, destination: Uint8Array): number;
  /**
   * As `read`, without a destination and bounded by `max bytes` (2): the pieces stay where they are. out: as `readable`,
   * but 8 = exact bytes, and 15 = lease (0 when there are no bytes). Code `pending`: the token in 15 becomes the lease when the page reports
   * it with code 0 and its bytes; with 0 bytes or another code there is no lease.
   */
  pin(rows: Float64Array, count: number): number;
  /** Copies all bytes of a lease to `position`; answers how many. Throws when they do not fit. The lease stays. */
  copyLease(lease: number, destination: Uint8Array, position: number): number;
  /** Lets a lease go. A token that is still pending is no longer reported. 0 and leases that are gone are ignored. */
  releaseLease(lease: number): void;
  /**
   * Aborted transactions with something in `from..to` (or up to the end of `lease` when it is not 0): [code, producer id,
   * first offset, producer id, first offset...]. Code `offsetOutOfRange`: the log starts above `from` by now.
   */
  abortedBetween(partition: number, from: number, to: number, lease: number): number[];
  /** out: [code, offset, timestamp, leader epoch, token] */
  offsetForTime(partition: number, timestamp: number, isolation: number, out: Float64Array): void;
  /** out: [code, end offset, epoch] */
  offsetForEpoch(partition: number, epoch: number, out: Float64Array): void;
  /** Result of a finished offsetForTime token, same layout. */
  takeOffset(token: number, out: Float64Array): void;
  /** Pairs [key, value, key, value...] of the state map with this prefix, in key order. Start-up only. */
  scanState(prefix: Uint8Array): Uint8Array[];
  /**
   * Values of `count` keys, in one call, one behind the other in `destination`; as of everything appended so far, or of a
   * snapshot. A value that is not in memory gets code `pending` and a token that the page reports when `kvTake` has it.
   * Answers 0, or a `Code` that refused the whole call.
   */
  kvGet(rows: Float64Array, count: number, buffers: Uint8Array[], destination: Uint8Array): number;
  /** The value of one key, copied to the start of `destination`: its length; -1 without one; -2 where `kvGet` says more. */
  kvLook(store: number, key: Uint8Array, destination: Uint8Array): number;
  /**
   * Values of tokens that the page has reported (with their length), as `kvGet` answers. A token is gone after any code
   * but `noRoom`.
   */
  kvTake(rows: Float64Array, count: number, destination: Uint8Array): number;
  /**
   * One page of keys (and values) in order between two bounds, packed as `KV_ENTRY_HEAD` says. out: [code, entries,
   * bytes, token, more]. `more` is 1 when the page ended for want of room or by `limit` and there may be more: go on
   * behind its last key. No entry although there is one: code `noRoom`, and `bytes` is what the next entry takes. Values
   * that are not in memory: code `pending` and a token; ask again when the page has reported it.
   */
  kvScan(
    store: number,
    snapshot: number,
    from: Uint8Array | undefined,
    fromInclusive: boolean,
    to: Uint8Array | undefined,
    toInclusive: boolean,
    flags: number,
    limit: number,
    destination: Uint8Array,
    out: Float64Array,
  ): void;
  /**
   * Runs the simple Redis commands (GET, SET without options) at the front of every row's bytes, in the order of rows;
   * writes are put together in frames, and every read sees the writes before it. Answers the LSN of the last frame, which
   * replies wait for at `level` (written or durable); 0: nothing was written; -1: the engine is gone. How often each of
   * `RUN_COMMANDS` has happened is in the row behind the last, which has to be there.
   */
  runCommands(
    rows: Float64Array,
    count: number,
    buffers: Uint8Array[],
    level: LevelNumber,
    destination: Uint8Array,
  ): number;
  /** A snapshot of a store as of everything appended so far; 0 when there is no such store. */
  kvSnapshot(store: number): number;
  /** Lets a snapshot go. 0 and snapshots that are gone are ignored. */
  kvRelease(snapshot: number): void;
  /** Keys that are there, expired ones not counted; -1 when there is no such store. */
  kvCount(store: number): number;
  /**
   * Keys from `from` on and before `to`, in a number of steps that grows as a logarithm; expired ones count until they
   * are purged. Below 0: a `Code`, negated.
   */
  kvCountBetween(store: number, from: Uint8Array, to: Uint8Array): number;
  /**
   * Puts the key with `index` keys of that range before it into `destination` and answers its length; a key that is
   * longer than that is not put. Below 0: a `Code`, negated; `absent` when there are fewer.
   */
  kvNthBetween(
    store: number,
    from: Uint8Array,
    to: Uint8Array | undefined,
    index: number,
    destination: Uint8Array,
  ): number;
  /** Bytes of the records of all keys of these stores, settled or not, and `forEach` bytes for each key. */
  kvLiveBytes(stores: Float64Array, forEach: number): number;
  /** JSON text of what a store holds and costs. */
  kvStats(store: number): string;
  /** Begins a merge of what is worth merging; `kvStats` shows how far it is. */
  kvMerge(store: number): void;
  /** Begins a copy of the directory: everything so far is settled. False: one is under way, or it is closing. */
  backupBegin(): boolean;
  /**
   * Empty until that is done; then, keeping all files in place until `backupEnd`: the mark (LSN) and a line for each file
   * (bytes, flags: 1 sealed, 2 derivable, path), and the manifest of the copy.
   */
  backupPlan(): Uint8Array[];
  backupEnd(): void;
  /** Forces everything appended so far to be flushed, whatever the policy; wait for `durableLsn`. Returns that LSN. */
  flush(): number;
  /** Changes the flush policy while running. */
  setPolicy(always: boolean, records: number, bytes: number, intervalMs: number): void;
  /** Bytes between two entries of the sparse indexes that are made from now on; above 0. */
  setIndexInterval(bytes: number): void;
  /**
   * Declares settings of these partitions in place of those before, as `PartitionSetting` says; answers how many of them
   * there are. They hold until the engine is closed.
   */
  configure(partitions: Float64Array, settings: Float64Array): number;
  /**
   * Histograms of flush durations (ns), frames and bytes of group commits: for each its sum, how many buckets follow, and
   * those (index, count); see ts/io/timings.ts.
   */
  timings(): number[];
  /** Bytes of each of these partitions; -1 for one that is not there. */
  partitionBytes(partitions: Float64Array): number[];
  /** The segments of a partition; see ts/io/figures.ts. */
  segments(partition: number): number[];
  /** Figures of the whole engine; see ts/io/figures.ts. */
  figures(): number[];
  /**
   * The producers a partition remembers: [code, then id, epoch, last sequence (-1: none), timestamp of its last batch (-1:
   * none since the start), first offset of its open transaction (-1: none), for each].
   */
  producers(partition: number): number[];
  /** Forgets producers that have appended nothing for `idleMs` at this wall time (ms); answers how many. */
  expireProducers(nowMs: number, idleMs: number): number;
  /** Begins a round that deletes what has expired at this wall time in ms, some partitions a turn. */
  retain(nowMs: number): void;
  /** Begins a round that compacts what is due at this wall time in ms, with `keyBytes` of memory for keys at most. */
  compact(nowMs: number, keyBytes: number): void;
  /** Sim only: cuts the power. The engine is unusable afterwards; reopen with the same simId. */
  simCut(): void;
  /** Sim only: every further operation of the disk fails with EIO. */
  simFail(): void;
  /** Flushes, writes the clean-shutdown mark, closes; `wake` runs when done, then `closed` is true. */
  close(): void;
  readonly closed: boolean;
}

/**
 * Rows of `NativeNet.events`, `NET_EVENT_STRIDE` doubles each: events[0] is their count, events[1] how many frames are kept
 * for `runKept`, which has to be called then; the rows start at `NET_EVENTS_FROM`. Double 0 of a row is one of these, the others as listed.
 *
 * accepted  1 connection  2 listener
 * frame     1 connection  2 memory index  3 start  4 end  5 token; without its length prefix. Raw framing: whatever has
 *           arrived. The bytes stay until the token is released, once for every row that names it.
 * closed    1 connection  2 a `NetClosed`  3 errno (failed) or claimed length (length, memory), else 0; the last event of
 *           a connection. Its frames stay until they are released.
 * sent      1 connection  2 bytes the kernel has taken since the connection was accepted. What was sent by reference is
 *           told at once, and so are 64 KiB; fewer bytes of copies and leases ride along with the next wake, or come by
 *           themselves within 50 ms.
 * ended     1 connection: the peer sends nothing more and may still read. No frame follows; a `close` command does.
 * refused   1 listener  2 errno of accept, or 0: `maxConnections` are open  3 how many since the last such row
 */
export const NetEvent = { accepted: 1, frame: 2, closed: 3, sent: 4, refused: 5, ended: 6 } as const;
export const NET_EVENT_STRIDE = 8;
export const NET_EVENTS_FROM = 8;

/** Why a connection is closed. */
export const NetClosed = {
  /** A `close` command, or the whole `NativeNet` closed. */
  local: 0,
  /** The peer sends nothing more, and everything queued for it has been sent. */
  ended: 1,
  /** The socket failed; errno (ECONNRESET...). */
  failed: 2,
  /** A length prefix of 0, negative, or above the limit: the claimed length, signed. */
  length: 3,
  /** All of `gatherBytes` is taken by frames that are still arriving: the claimed length. While frames are held whose
   * release makes room, the connection waits instead. */
  memory: 4,
} as const;
export type NetClosedNumber = (typeof NetClosed)[keyof typeof NetClosed];

/**
 * Rows given to `NativeNet.turn`, `NET_COMMAND_STRIDE` doubles each. Double 0 is one of these, the others as listed.
 * Commands to a connection that is gone are ignored: its `closed` row is on its way or has been.
 *
 * send       1 connection  2 buffer index  3 start  4 end: the bytes stay as they are until `sent` covers them
 * sendLease  1 connection  2 lease  3 start  4 end: of its bytes; the lease is the ring's from then on
 * release    1 token of a frame
 * pause      1 connection: no more frames come; those of this callback that are still in `events` do
 * resume     1 connection
 * limit      1 connection  2 max frame bytes  3 least gathering capacity
 * close      1 connection  2 0 = now, 1 = when everything queued has been sent
 * plain      1 connection  2 frames of it that were seen: if these are all that were handed over, plain Produce requests
 *            are appended where they arrive (`Placed`), until the next frame is handed over
 * arm        1 connection  2 frames handed over so far  3 database (of `databases`)  4 protocol: from here on its frames are
 *            kept for `runKept`, until the next one is handed over
 */
export const NetCommand = {
  send: 1,
  sendLease: 2,
  release: 3,
  pause: 4,
  resume: 5,
  limit: 6,
  close: 7,
  plain: 8,
  arm: 9,
} as const;
export const NET_COMMAND_STRIDE = 6;

/**
 * Rows of `NativeNet.placed`, `PLACED_STRIDE` doubles each: placed[0] is their count, they start at `PLACED_FROM`. Each is a
 * plain Produce request that has been appended with the code `ok`; its rows come before those of `events`. `topic` is the
 * reference it was registered with, `index` the partition's in the topic, `level` what its answer waits for. The bytes
 * `start` to `end` of the memory are the request, until the callback is over.
 */
export const Placed = {
  connection: 0,
  memory: 1,
  start: 2,
  end: 3,
  topic: 4,
  index: 5,
  partition: 6,
  level: 7,
  lsn: 8,
  baseOffset: 9,
  logAppendTime: 10,
  logStart: 11,
  version: 12,
  correlation: 13,
  batchBytes: 14,
} as const;
export const PLACED_STRIDE = 16;
export const PLACED_FROM = 8;

/**
 * `NativeNet.ran`: what `runKept` came to, then `left` rows of `RAN_STRIDE` doubles from `RAN_FROM` on: frames that are handed
 * over, from where they were not run: connection, memory, start, end, token. Bytes are those of commands that were run, and of
 * their replies. How often each of `RUN_COMMANDS` happened begins at `counts`. `takeUsed` puts rows there as well: connection,
 * bytes of replies that were queued for it, bytes its peer's kernel has taken, its last command (-1: none).
 */
export const Ran = { left: 0, commands: 1, hits: 2, misses: 3, bytes: 4, replyBytes: 5, counts: 8 } as const;
export const RAN_STRIDE = 8;
export const RAN_FROM = 24;

/** Framing of a listener's connections. */
export const NetFraming = { raw: 0, lengthPrefixed: 1 } as const;
export type NetFramingNumber = (typeof NetFraming)[keyof typeof NetFraming];

/** Indexes of `NativeNet.counters`; all but `connections` and the two memory gauges only grow. */
export const NetCounter = {
  enters: 0,
  accepts: 1,
  refused: 2,
  receives: 3,
  bytesReceived: 4,
  sends: 5,
  bytesSent: 6,
  /** Bytes copied between kernel and JavaScript: heads of gathered frames, small sends. */
  bytesCopied: 7,
  frames: 8,
  gathered: 9,
  /** Receives that found no slot. */
  starved: 10,
  callsIn: 11,
  callbacksOut: 12,
  connections: 13,
  /** Memory of frames that are arriving, are not released, or is kept for the next ones; at most `gatherBytes`. */
  gatherBytes: 14,
  slotsHeld: 15,
  /** Sent by reference to their pages: nobody copied them. */
  bytesLent: 16,
  /** Produce requests that were appended where they arrived (`Placed`). */
  placed: 17,
  /** Redis commands that were run where they arrived (`Ran`). */
  ran: 18,
} as const;

/** What `new NativeNet` takes; every field filled by TypeScript, the addon has no default. */
export interface NativeNetOptions {
  /** Bytes of a receive slot; a power of two, 4 KiB to 1 MiB. */
  slotBytes: number;
  /** A power of two, 8 to 32768. */
  slots: number;
  /** Memory for frames that do not end in their slot, over all connections. */
  gatherBytes: number;
  maxConnections: number;
}

export interface NetAddress {
  listener: number;
  port: number;
  /** Numeric, without port. */
  address: string;
}

export interface NetPeer {
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  localPort: number;
}

/** Sockets in a ring of their own, on this environment's loop. `wake` runs once for every drained batch of events. */
export interface NativeNet {
  readonly events: Float64Array;
  /** See `NetCounter`; refreshed by every call and before every wake. */
  readonly counters: Float64Array;
  /** See `Placed`; filled before every wake. */
  readonly placed: Float64Array;
  /**
   * From now on plain Produce requests for this topic may be appended where they arrive; `id` has 16 bytes. `numbers`:
   * reference, whether the append time is stamped, whether records without a key are refused, largest batch (0: any), the
   * least level of an answer, then the partitions by index. One topic is registered once between two `forgetTopics`.
   */
  plainTopic(name: Uint8Array, id: Uint8Array, numbers: Float64Array): void;
  /** No topic is registered any more. */
  forgetTopics(): void;
  /** See `Ran`; filled by `runKept` and `takeUsed`. */
  readonly ran: Float64Array;
  /** From now on connections may be armed for these databases: the stores of strings, heads and members of each. */
  databases(stores: Float64Array): void;
  /**
   * Runs the simple commands (`runCommands`) of the frames that are kept, at this level, or hands all of them over (0). Replies
   * wait for `sendRan`. Answers the LSN that they wait for; 0: nothing was written; -1: nothing was run.
   */
  runKept(level: LevelNumber): number;
  /** The replies of the oldest `runKept` that has some leave. Answers how many bytes. */
  sendRan(): number;
  /** They never leave: their connections are closed. */
  dropRan(): void;
  /** Puts what is new of armed connections into `ran`. Answers how many rows; asked until it is 0. */
  takeUsed(): number;
  /** `host` is a numeric address; port 0 takes a free one. Throws with errno (EADDRINUSE, EACCES...). */
  listen(host: string, port: number, framing: NetFramingNumber, maxFirstFrameBytes: number): NetAddress;
  /** Stops accepting; connections stay. */
  unlisten(listener: number): void;
  /** Addresses of an open connection; undefined when it is gone. */
  peer(connection: number): NetPeer | undefined;
  /** The memory that `frame` rows name: the same bytes for as long as the process lives, so cache it. Their contents
   * are a frame's only until it is released. */
  memory(index: number): Uint8Array;
  /** Everything a turn wants, in one call. Throws when a row is malformed, names bytes outside its buffer or a token
   * that is not held; the rows before it were taken. */
  turn(commands: Float64Array, count: number, buffers: Uint8Array[]): void;
  /** Closes listeners and connections at once; the last wake has their rows, and then `closed` is true. */
  close(): void;
  readonly closed: boolean;
}

export interface NativeBinding extends NativeIo {
  /**
   * Throws code NET with the reason when sockets in a ring are not to be had here. The engine lends its leases; either
   * of the two may be closed first.
   */
  NativeNet: new (
    engine: NativeEngine,
    options: NativeNetOptions,
    wake: () => void,
  ) => NativeNet;
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
  /** The digest of this file and of api/native-ring.ts that the addon was built with (boundary.ts). */
  boundary(): string;
}
