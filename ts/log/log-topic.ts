/**
 * One topic of an embedded log: append and read.
 *
 * Not its creation (catalogue.ts). To remember: records of one call that go to several partitions lie in one atomic
 * frame, so a call is stored as a whole or not at all, whatever its keys are.
 */

import { type Durability, levelName, levelNumber } from '../durability.ts';
import { abortedError, MillraceError, throwIfAborted } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { LevelNumber, NativeBinding } from '../io/native-types.ts';
import { Code, Isolation } from '../io/native-types.ts';
import { succeeded } from '../io/turn.ts';
import { type AppendPart, AppendResult } from './append-result.ts';
import { Appender, type BatchLimits } from './appender.ts';
import { Field, HEADER_BYTES } from './batch-layout.ts';
import { readHeader } from './batch-view.ts';
import type { Topic } from './catalogue.ts';
import { type LogReader, logReader } from './log-reader.ts';
import { partitionOfKey } from './partitioner.ts';
import type { PartitionChoice, Partitioner } from './partitioners.ts';
import { type ReadOptions, readBatches } from './reader.ts';
import type { RecordInput } from './record.ts';
import { BatchWriter } from './record-batch.ts';
import { type ReadTarget, watermarksOf } from './start-position.ts';
import type { Effect, EffectResult } from './types.ts';

/** How to append. */
export interface AppendOptions {
  /** What the promise waits for; default: the log's. */
  durability?: Durability | undefined;
  /** Where to; default: by key, or one partition a batch in turn. */
  partition?: number | undefined;
  /** Chooses the partition of every record instead; made once, by `roundRobin()` and the like or by hand. */
  partitioner?: Partitioner | undefined;
  /** Ends the wait, not the write. */
  signal?: AbortSignal | undefined;
}

/** How to append a batch that is made already. */
export interface AppendBatchOptions extends Pick<AppendOptions, 'durability' | 'signal'> {
  /** Where to. Default 0. */
  partition?: number | undefined;
}

/** The watermarks of one partition, each for itself. Offsets; the one named is the first that is not included. */
export interface PartitionWatermarks {
  readonly logStart: bigint;
  readonly highWatermark: bigint;
  readonly lastStable: bigint;
  readonly durable: bigint;
  readonly logEnd: bigint;
}

/** What a topic needs from its log. */
export interface TopicContext {
  readonly engine: NodeEngine;
  readonly binding: NativeBinding;
  readonly durability: Durability;
  readonly limits: BatchLimits;
  assertOpen(): void;
  /** Runs `listener` when the log closes; returns how to stop it. */
  onClose(listener: () => void): () => void;
}

/** One topic. Made by `Log.topic`. */
export class LogTopic {
  readonly name: string;
  readonly #context: TopicContext;
  readonly #appenders: readonly Appender[];
  readonly #level: LevelNumber;
  #current = 0;
  /** What a partitioner sees. */
  readonly #choice: PartitionChoice;

  constructor(context: TopicContext, topic: Topic) {
    this.name = topic.name;
    this.#context = context;
    this.#level = levelNumber(context.durability);
    const { engine, binding, limits } = context;
    this.#appenders = topic.partitions.map(
      (id, index) => new Appender(engine, binding, limits, { topic: topic.name, id, index }),
    );
    const waitingBytes = (partition: number): number => this.#appender(partition).waitingBytes;
    this.#choice = { partitions: this.#appenders.length, waitingBytes };
  }

  /** The engine below. */
  get engine(): NodeEngine {
    return this.#context.engine;
  }

  /** Number of partitions. */
  get partitions(): number {
    return this.#appenders.length;
  }

  /**
   * Appends one record or several; resolves when they have reached the durability level. Several records of one call are
   * stored together or not at all. Rejects with MILLRACE_OUTCOME_UNKNOWN when a flush failed under them.
   */
  append(records: RecordInput | readonly RecordInput[], options?: AppendOptions): Promise<AppendResult> {
    try {
      this.#context.assertOpen();
      if (options === undefined) return this.#place(records, this.#level, undefined, undefined);
      const { durability, partition, partitioner, signal } = options;
      throwIfAborted(signal);
      const level = durability === undefined ? this.#level : levelNumber(durability);
      const promise = this.#place(records, level, partition, partitioner);
      return signal ? abortable(promise, signal) : promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #place(
    records: RecordInput | readonly RecordInput[],
    level: LevelNumber,
    partition: number | undefined,
    partitioner: Partitioner | undefined,
  ): Promise<AppendResult> {
    if (!Array.isArray(records)) return this.#placeOne(records as RecordInput, level, partition, partitioner);
    const many = records as readonly RecordInput[];
    if (many.length === 0) throw new MillraceError('MILLRACE_ARGUMENT', 'append needs at least one record');
    if (many.length === 1) return this.#placeOne(many[0] as RecordInput, level, partition, partitioner);
    if (partition !== undefined || this.#appenders.length === 1) {
      return this.#appender(partition ?? 0).appendMany(many, level);
    }
    const groups = this.#spread(many, partitioner);
    const [first] = groups;
    if (groups.size === 1 && first) return this.#appender(first[0]).appendMany(first[1], level);
    return this.#placeSpread(groups, level);
  }

  #placeOne(
    record: RecordInput,
    level: LevelNumber,
    partition: number | undefined,
    partitioner: Partitioner | undefined,
  ): Promise<AppendResult> {
    const chosen = partition ?? partitioner?.(record, this.#choice) ?? this.#partitionOf(record);
    return this.#appender(chosen).appendOne(record, level);
  }

  /**
   * Appends one record batch that is made already (Kafka's format, magic 2, such as `batch.bytes` of a reader), byte for
   * byte but for its offsets. Rejects with MILLRACE_ARGUMENT when it is none, and as `append` does.
   */
  appendBatch(bytes: Uint8Array, options: AppendBatchOptions = {}): Promise<AppendResult> {
    try {
      this.#context.assertOpen();
      const { durability, partition = 0, signal } = options;
      throwIfAborted(signal);
      const count = recordCount(bytes);
      const level = durability === undefined ? this.#level : levelNumber(durability);
      const promise = this.#placeBatch(bytes, this.#appender(partition), count, level);
      return signal ? abortable(promise, signal) : promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #placeBatch(bytes: Uint8Array, appender: Appender, count: number, level: LevelNumber): Promise<AppendResult> {
    if (appender.stalled) throw new MillraceError('MILLRACE_BUSY');
    appender.sealNow();
    const { engine } = this.#context;
    const effect: Effect = { kind: 'append', partition: appender.id, bytes, start: 0, end: bytes.length };
    return new Promise((resolve, reject) => {
      engine.submit([effect], level, ([result], failure) => {
        const code = result?.code ?? Code.closing;
        if (!succeeded(code)) return reject(fromCode(code));
        if (failure !== Code.ok) return reject(outcomeUnknown(failure));
        const { lsn, baseOffset: base } = result as EffectResult;
        resolve(
          new AppendResult({ flusher: engine, partition: appender.index, lsn, base }, 0, count, levelName(level)),
        );
      });
    });
  }

  #appender(partition: number): Appender {
    const appender = this.#appenders[partition];
    if (!appender) throw new MillraceError('MILLRACE_UNKNOWN_PARTITION', `${this.name}-${partition}`);
    return appender;
  }

  #partitionOf({ key }: RecordInput): number {
    if (this.#appenders.length === 1) return 0;
    if (key === undefined || key === null) return this.#sticky();
    return partitionOfKey(key, this.#appenders.length);
  }

  /** Records without a key go to one partition until its batch is sealed, then to the next. */
  #sticky(): number {
    if (this.#appenders[this.#current]?.idle) this.#current = (this.#current + 1) % this.#appenders.length;
    return this.#current;
  }

  #spread(records: readonly RecordInput[], partitioner?: Partitioner): Map<number, RecordInput[]> {
    const groups = new Map<number, RecordInput[]>();
    const unkeyed = this.#sticky();
    for (const record of records) {
      const keyed = record.key !== undefined && record.key !== null;
      const partition = partitioner?.(record, this.#choice) ?? (keyed ? this.#partitionOf(record) : unkeyed);
      const group = groups.get(partition);
      if (group) group.push(record);
      else groups.set(partition, [record]);
    }
    return groups;
  }

  /**
   * Makes batches of `records` for a frame that the caller submits: the answer, called right before that, lets everything
   * go first that these partitions have collected, and gives the effects. Throws MILLRACE_ARGUMENT, MILLRACE_TOO_LARGE,
   * MILLRACE_BUSY, MILLRACE_CLOSED, MILLRACE_UNKNOWN_PARTITION.
   */
  prepare(records: readonly RecordInput[], partition?: number): () => readonly Effect[] {
    this.#context.assertOpen();
    if (records.length === 0) throw new MillraceError('MILLRACE_ARGUMENT', 'append needs at least one record');
    const groups = partition === undefined ? this.#spread(records) : new Map([[partition, [...records]]]);
    return this.#batches(groups);
  }

  #batches(groups: Map<number, RecordInput[]>): () => readonly Effect[] {
    const { binding, limits } = this.#context;
    const now = Date.now();
    const effects: Effect[] = [];
    for (const [partition, records] of groups) {
      const appender = this.#appender(partition);
      if (appender.stalled) throw new MillraceError('MILLRACE_BUSY');
      const writer = new BatchWriter(binding);
      for (const record of records) writer.add(record, now);
      if (writer.length > limits.batchBytes) throw new MillraceError('MILLRACE_TOO_LARGE', `${writer.length} bytes`);
      const end = writer.finish(limits.codec);
      effects.push({ kind: 'append', partition: appender.id, bytes: writer.bytes, start: 0, end });
    }
    return () => {
      for (const partition of groups.keys()) this.#appender(partition).sealNow();
      return effects;
    };
  }

  /** One frame over several partitions. What these partitions have collected so far goes first, to keep the order. */
  #placeSpread(groups: Map<number, RecordInput[]>, level: LevelNumber): Promise<AppendResult> {
    const { engine } = this.#context;
    const effects = this.#batches(groups)();
    const durability = levelName(level);
    return new Promise((resolve, reject) => {
      engine.submit(effects, level, (results, failure) => {
        const refused = results.find((result) => !succeeded(result.code) && result.code !== Code.refusedWithFrame);
        if (failure !== Code.ok) return reject(refused ? fromCode(failure) : outcomeUnknown(failure));
        if (refused) return reject(fromCode(refused.code));
        const parts: AppendPart[] = [...groups].map(([partition, records], index) => ({
          partition,
          baseOffset: BigInt(results[index]?.baseOffset ?? -1),
          count: records.length,
        }));
        const [{ partition }] = parts as [AppendPart];
        const [{ lsn, baseOffset: base }] = results as [EffectResult];
        const count = parts.reduce((total, part) => total + part.count, 0);
        resolve(new AppendResult({ flusher: engine, partition, lsn, base, parts }, 0, count, durability));
      });
    });
  }

  /**
   * Batches in offset order per partition, from where `options` say, waiting at the end for more unless
   * `follow: false`. Throws MILLRACE_ABORTED on its signal, MILLRACE_CLOSED when the log closes under it.
   */
  read(options: ReadOptions = {}): LogReader {
    this.#context.assertOpen();
    const wanted =
      options.partitions ??
      (options.partition === undefined ? this.#appenders.map((_, index) => index) : [options.partition]);
    const targets: ReadTarget[] = wanted.map((partition) => ({
      topic: this.name,
      partition,
      id: this.#appender(partition).id,
    }));
    return logReader(readBatches(this.#context, targets, options));
  }

  /** The watermarks of a partition now. Throws MILLRACE_UNKNOWN_PARTITION. */
  watermarks(partition = 0): PartitionWatermarks {
    this.#context.assertOpen();
    const marks = watermarksOf(this.#context.engine, this.#appender(partition).id, Isolation.readUncommitted);
    return {
      logStart: BigInt(marks.logStart),
      highWatermark: BigInt(marks.highWatermark),
      lastStable: BigInt(marks.lastStable),
      durable: BigInt(marks.durable),
      logEnd: BigInt(marks.logEnd),
    };
  }
}

/** Records of the one batch in `bytes`. Throws MILLRACE_ARGUMENT when it is not one batch; the engine checks the rest. */
function recordCount(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isOurs = bytes.length >= HEADER_BYTES && bytes[Field.magic] === 2;
  const header = isOurs ? readHeader(buffer, 0, bytes.length) : undefined;
  if (header && header.length === bytes.length) return header.count;
  throw new MillraceError('MILLRACE_ARGUMENT', 'appendBatch needs the bytes of exactly one record batch, magic 2');
}

/** Ends the wait for `promise` when `signal` fires; what it waits for goes on. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortedError(signal));
    signal.addEventListener('abort', abort, { once: true });
    const stop = (): void => signal.removeEventListener('abort', abort);
    promise.then(
      (value) => {
        stop();
        resolve(value);
      },
      (error: unknown) => {
        stop();
        reject(error);
      },
    );
  });
}
