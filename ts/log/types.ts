/** What the broker, the CLI and the public log API stand on: the engine of one data directory, seen from TypeScript. */

import type { CodeNumber, DriverReport, LevelNumber, RecoveryAccount } from '../io/native-types.ts';
import type { Waiter } from '../io/waiters.ts';
import type { AppendFrame } from './append-frame.ts';

export type { Waiter } from '../io/waiters.ts';

/** One effect of an atomic frame. Byte arrays must not be changed until `submit`'s callback has run once. */
export type Effect =
  | {
      kind: 'append';
      partition: number;
      /** One Kafka record batch (magic 2), `bytes[start, end)`. */
      bytes: Uint8Array;
      start: number;
      end: number;
      stampAppendTime?: boolean;
      refuseKeyless?: boolean;
      maxBytes?: number;
    }
  | { kind: 'put'; key: Uint8Array; value: Uint8Array }
  | { kind: 'delete'; key: Uint8Array }
  | { kind: 'createPartition'; partition: number }
  | { kind: 'deletePartition'; partition: number }
  | { kind: 'deleteRecords'; partition: number; offset: number }
  /** Appends the marker that ends a producer's transaction in a partition. */
  | {
      kind: 'endTransaction';
      partition: number;
      producerId: number;
      producerEpoch: number;
      committed: boolean;
    }
  | KvEffect;

/** What a KV write demands of the key's state right before it; when it is not so, its whole frame is refused. */
export type KvDemand = 'absent' | 'present' | { readonly sequence: number };

/** One effect on a KV store; mixed freely with the others in a frame. */
export type KvEffect =
  | {
      kind: 'kvPut';
      store: number;
      key: Uint8Array;
      value: Uint8Array;
      /** ms since 1970; 0 or nothing = never. */
      expiresMs?: number;
      demand?: KvDemand;
    }
  | { kind: 'kvDelete'; store: number; key: Uint8Array; demand?: KvDemand }
  /** Changes nothing: its frame is refused when the key is not as demanded. */
  | { kind: 'kvCheck'; store: number; key: Uint8Array; demand: KvDemand }
  | { kind: 'kvClear' | 'createStore' | 'dropStore'; store: number };

/** What became of one effect. `baseOffset`, `logEnd` are -1 where they do not apply. */
export interface EffectResult {
  code: CodeNumber;
  /** Of kvPut and kvDelete: the sequence the key had before, 0 when it was absent. */
  baseOffset: number;
  logAppendTime: number;
  logStart: number;
  logEnd: number;
  lsn: number;
}

export interface Watermarks {
  code: CodeNumber;
  logStart: number;
  highWatermark: number;
  lastStable: number;
  durable: number;
  logEnd: number;
  leaderEpoch: number;
  /** Bytes a read at the asked offset would return (whole batches, at least one when any is readable). */
  available: number;
}

/** A transaction whose records, from `firstOffset` up to its marker, are not for readers of committed data. */
export interface AbortedTransaction {
  producerId: number;
  firstOffset: number;
}

/** Aborted transactions in the order in which they ended; none with a code. */
export interface AbortedAnswer {
  code: CodeNumber;
  aborted: AbortedTransaction[];
}

/** A producer that a partition remembers. */
export interface KnownProducer {
  producerId: number;
  epoch: number;
  /** -1 when only the end of a transaction is known of it. */
  lastSequence: number;
  /** Of its last batch, ms since 1970; -1 when it has appended nothing since the start. */
  lastTimestamp: number;
  /** First offset of its open transaction; -1 for none. */
  transactionStart: number;
}

/** A read whose bytes stay where they are: `available` is exact, and `lease` stands for them (0 when there are none). */
export interface Pin extends Watermarks {
  lease: number;
}

/** What holds bytes that were pinned. A lease ends with `releaseLease`, or with whoever it was handed to for sending. */
export interface LeaseHolder {
  /** Copies all bytes of a lease to `position`; answers how many. Throws when they do not fit. The lease stays. */
  copyLease(lease: number, destination: Uint8Array, position: number): number;
  /** Lets a lease go; 0 and leases that are gone are ignored. */
  releaseLease(lease: number): void;
}

export interface ReadRequest {
  partition: number;
  offset: number;
  maxBytes: number;
  isolation: number;
  /** -1 = unchecked. */
  leaderEpoch: number;
}

/**
 * One engine per data directory and process. Nothing here makes a Promise per request: callbacks run when a watermark
 * passes, in submission order.
 */
export interface Engine extends LeaseHolder {
  readonly driver: DriverReport;
  readonly recovery: RecoveryAccount;
  /**
   * Queues one atomic frame for this turn's commit. `placed` runs when offsets are assigned (same turn, at the latest in
   * its setImmediate phase); `done` runs when the frame has reached `level`, with `failure` = 0, or with the Code of a
   * poisoned or closing engine (outcome unknown). If any effect is refused, no effect of the frame is done: `done` runs
   * at once after `placed` and the results carry the codes.
   */
  submit(
    effects: readonly Effect[],
    level: LevelNumber,
    done: (results: readonly EffectResult[], failure: CodeNumber) => void,
    placed?: (results: readonly EffectResult[]) => void,
  ): void;
  /** Queues one append as a frame of its own, for this turn's commit; the frame is told what becomes of it. */
  submitFrame(frame: AppendFrame): void;
  /**
   * An append to `partition` has been placed at `lsn` by the addon itself, as a frame of its own: whoever follows the
   * partition is told of it, and `waiter`, if there is one, is released when its level is reached. To be called before anything
   * that was placed later.
   */
  followPlaced(partition: number, level: LevelNumber, lsn: number, waiter: Waiter | null): void;
  /**
   * Where many frames of this turn wait by now and nothing is on its way to the device, they are committed and the device
   * begins: their `placed` run before this returns. For whoever submits frames of many clients one after another.
   */
  beginEarly(): void;
  /** Watermarks and available bytes for each request: one crossing. */
  readable(requests: readonly ReadRequest[]): Watermarks[];
  /**
   * Copies the batches of all requests into `destination`, request i at `positions[i]`, at most `lengths[i]` bytes (as
   * `readable` answered): one crossing. `done` runs synchronously when everything was in memory, later otherwise, with
   * the bytes copied per request and a Code per request.
   */
  read(
    requests: readonly ReadRequest[],
    destination: Uint8Array,
    positions: readonly number[],
    lengths: readonly number[],
    done: (copied: readonly number[], codes: readonly CodeNumber[]) => void,
  ): void;
  /**
   * As `read`, bounded by each request's `maxBytes`, without copying: one crossing. `done` runs synchronously when
   * everything was in memory, later otherwise. Its caller has to end every lease.
   */
  pin(requests: readonly ReadRequest[], done: (pins: readonly Pin[]) => void): void;
  /** First record at or after `timestamp` (ms): offset -1 when there is none. `timestamp` -3 asks for the largest. */
  offsetForTime(
    partition: number,
    timestamp: number,
    isolation: number,
    done: (code: CodeNumber, offset: number, timestamp: number, leaderEpoch: number) => void,
  ): void;
  /** True when no transaction was ever aborted, as far as the log goes back: then nobody needs to ask for them. */
  readonly hasNoAborted: boolean;
  /**
   * Aborted transactions of a partition that overlap what `lease` holds, or the offsets `from..to` without one (0). Code
   * `offsetOutOfRange`: the log starts above `from` by now. One crossing.
   */
  abortedBetween(partition: number, from: number, to: number, lease: number): AbortedAnswer;
  offsetForEpoch(partition: number, epoch: number): { code: CodeNumber; endOffset: number; epoch: number };
  /** State map entries with this key prefix, in key order. */
  scanState(prefix: Uint8Array): [key: Uint8Array, value: Uint8Array][];
  /** Runs `listener` after the high watermark of any partition may have moved: partitions appended to since the last run. */
  onAdvance(listener: (partitions: Iterable<number>) => void): () => void;
  /** As `onAdvance`, for the durable watermark. */
  onDurable(listener: (partitions: Iterable<number>) => void): () => void;
  /** Runs `listener` after the last stable offset of partitions may have moved: ends of transactions became durable. */
  onStable(listener: (partitions: Iterable<number>) => void): () => void;
  /** Runs once when the journal is poisoned. */
  onFailure(listener: (code: CodeNumber) => void): () => void;
  setFlushPolicy(policy: FlushPolicy): void;
  /** Bytes between two entries of the sparse indexes of segments that are made from now on; above 0. */
  setIndexInterval(bytes: number): void;
  /** Declares settings of partitions in place of those before; they hold until the engine is closed. */
  configurePartitions(partitions: readonly number[], settings: PartitionSettings): void;
  /** Bytes of each of these partitions, in files and not yet settled; -1 for one that is not there. */
  partitionBytes(partitions: readonly number[]): number[];
  /** The producers a partition remembers. */
  producers(partition: number): { code: CodeNumber; producers: KnownProducer[] };
  /**
   * Forgets producers that have appended nothing for `idleMs`, counted from the first such call after their last batch;
   * none with an open transaction. `nowMs`: wall time.
   */
  expireProducers(nowMs: number, idleMs: number): number;
  /** Begins to delete what has expired at this wall time (ms since 1970), as the settings of each partition say. */
  retain(nowMs: number): void;
  /**
   * Begins to compact the partitions whose settings ask for it at this wall time (ms since 1970), one after the other.
   * The keys of one take `keyBytes` of memory at most; what does not fit waits for the next time.
   */
  compact(nowMs: number, keyBytes: number): void;
  flush(): Promise<void>;
  counters(): Record<string, number>;
  close(): Promise<void>;
}

/** Settings of a partition; what is left out keeps everything, is cut and flushed as the engine's own settings say. */
export interface PartitionSettings {
  /** A segment goes when its newest record is older. */
  retentionMs?: number;
  /** The oldest segments go while what remains has at least so many bytes. */
  retentionBytes?: number;
  segmentBytes?: number;
  /** Records so much newer than the first of a segment begin another. */
  segmentMs?: number;
  /** Records may be this much older than the engine's wall clock. */
  timestampBeforeMs?: number;
  /** Records may be this much newer than it. */
  timestampAfterMs?: number;
  compact?: CompactionRules;
  flush?: FlushPolicy;
}

/** What a compacted partition may lose, and when: of every key the newest record stays. */
export interface CompactionRules {
  /** The share of bytes not yet compacted above which a pass begins, 0 to 1. */
  dirtyRatio: number;
  /** Tombstones stay so long after the pass that first saw them. */
  deleteRetentionMs: number;
  /** Younger records are left alone. */
  lagMinMs: number;
  /** Older ones are compacted whatever the ratio. */
  lagMaxMs?: number;
}

/** `always`, `os`, or whichever of these is reached first. */
export type FlushPolicy = 'always' | 'os' | { records?: number; bytes?: number; intervalMs?: number };
