/**
 * `openLog`: an embedded log in a directory.
 *
 * Not the broker, which stands on the same engine and catalogue. To remember: one process, one owner; closing twice is
 * closing once.
 */

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Durability, type FlushInput, parseFlush } from '../durability.ts';
import { MillraceError, throwIfAborted } from '../errors.ts';
import { type BackupOptions, type BackupResult, backupDirectory } from '../io/backup.ts';
import type { NodeEngine } from '../io/engine.ts';
import { loadNative } from '../io/native.ts';
import { fromCode } from '../io/native-error.ts';
import type { CodeNumber, DriverReport, NativeBinding, RecoveryAccount } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { RecoveryDetails } from '../io/recovery-details.ts';
import { type EngineShare, shareEngine } from '../io/shared-engine.ts';
import type { EngineOptions } from '../options.ts';
import { parseSize } from '../units.ts';
import type { BatchLimits } from './appender.ts';
import { type Compression, codecNames } from './batch-layout.ts';
import { type CatalogueOutcome, TopicCatalogue } from './catalogue.ts';
import { LogTopic, type TopicContext } from './log-topic.ts';
import { offsetPrefix, parseOffsetKey } from './state-keys.ts';
import { topicNameProblem } from './topic-name.ts';
import type { Effect } from './types.ts';

/** What `openLog` takes beside the engine's options. */
export interface LogOptions extends EngineOptions {
  /** Largest batch, bytes. Default 1 MiB. */
  maxBatchBytes?: number | string | undefined;
  /** How batches are compressed. Default `none`. */
  compression?: Compression | undefined;
  signal?: AbortSignal | undefined;
}

/** How to open a topic. */
export interface TopicOptions {
  /** Creates the topic with so many partitions when it is not there; when it is, the number must match. */
  partitions?: number | undefined;
  /** Kafka's settings by name, stored when the topic is created. */
  config?: Readonly<Record<string, string>> | undefined;
}

const DEFAULT_BATCH_BYTES = 1024 * 1024;
const STALLED_BYTES = 16 * 1024 * 1024;
const PARTITIONS_MAX = 100_000;

/** An open log. */
export class Log implements TopicContext {
  readonly engine: NodeEngine;
  readonly binding: NativeBinding = loadNative();
  readonly durability: Durability;
  readonly limits: BatchLimits;
  /** Shared with a broker and with the stores of the same engine. */
  readonly catalogue: TopicCatalogue;
  readonly #share: EngineShare;
  readonly #topics = new Map<string, LogTopic>();
  readonly #closeListeners = new Set<() => void>();
  readonly #forgetTopics: () => void;
  #closed: Promise<void> | undefined;

  constructor(share: EngineShare, durability: Durability, limits: BatchLimits) {
    const { engine } = share;
    this.#share = share;
    this.engine = engine;
    this.durability = durability;
    this.limits = limits;
    this.catalogue = TopicCatalogue.of(engine);
    this.#forgetTopics = this.catalogue.onChange((change) => {
      if (change.kind === 'deleted') this.#topics.delete(change.topic.name);
    });
  }

  /** Which driver serves this log, and why. */
  get driver(): DriverReport {
    return this.engine.driver;
  }

  /** What opening found: what was kept and what was cut. */
  get recovery(): RecoveryAccount {
    return this.engine.recovery;
  }

  /**
   * The same to the partition: what was settled, proven durable, kept, cut and lost. Also in the data directory, as
   * `recovery/<incarnation>.json`, without the topics' names.
   */
  recoveryDetails(): RecoveryDetails {
    const details = this.engine.recoveryDetails();
    const names = new Map<number, { topic: string; index: number }>();
    for (const topic of this.catalogue.all()) {
      for (const [index, id] of topic.partitions.entries()) names.set(id, { topic: topic.name, index });
    }
    return { ...details, partitions: details.partitions.map((one) => ({ ...one, ...names.get(one.partition) })) };
  }

  /** Throws MILLRACE_CLOSED when the log is closed or closing. */
  assertOpen(): void {
    if (this.#closed) throw new MillraceError('MILLRACE_CLOSED');
  }

  /**
   * Opens a topic; with `partitions`, creates it when it is not there (durable when this resolves). Rejects with
   * MILLRACE_UNKNOWN_TOPIC, MILLRACE_TOPIC_EXISTS, MILLRACE_INVALID_TOPIC.
   */
  async topic(name: string, options: TopicOptions = {}): Promise<LogTopic> {
    this.assertOpen();
    const problem = topicNameProblem(name);
    if (problem) throw new MillraceError('MILLRACE_INVALID_TOPIC', problem);
    const { partitions } = options;
    const existing =
      this.catalogue.get(name) ?? (partitions === undefined ? undefined : await this.#create(name, options));
    if (!existing) throw new MillraceError('MILLRACE_UNKNOWN_TOPIC', name);
    if (partitions !== undefined && existing.partitions.length !== partitions) {
      throw new MillraceError('MILLRACE_TOPIC_EXISTS', `${name} has ${existing.partitions.length} partitions`);
    }
    const open = this.#topics.get(name) ?? new LogTopic(this, existing);
    this.#topics.set(name, open);
    return open;
  }

  async #create(name: string, { partitions = 1, config = {} }: TopicOptions) {
    if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
      throw new MillraceError('MILLRACE_OPTION', `partitions must lie between 1 and ${PARTITIONS_MAX}`);
    }
    const outcome = await new Promise<CatalogueOutcome>((resolve) => {
      this.catalogue.create({ name, partitions, config: new Map(Object.entries(config)) }, resolve);
    });
    if (outcome.kind === 'failed') throw fromCode(outcome.code);
    return outcome.kind === 'unknown' ? undefined : outcome.topic;
  }

  /** Names of all topics, sorted. */
  topics(): string[] {
    return [...this.catalogue.all()].map((topic) => topic.name).sort();
  }

  /** Deletes a topic, its data and what groups committed for it; durable when this resolves. */
  async deleteTopic(name: string): Promise<void> {
    this.assertOpen();
    const outcome = await new Promise<CatalogueOutcome>((resolve) => {
      this.catalogue.delete(name, () => this.#offsetsOf(name), resolve);
    });
    if (outcome.kind === 'failed') throw fromCode(outcome.code);
    if (outcome.kind === 'unknown') throw new MillraceError('MILLRACE_UNKNOWN_TOPIC', name);
  }

  #offsetsOf(name: string): Effect[] {
    const effects: Effect[] = [];
    for (const [key] of this.engine.scanState(offsetPrefix())) {
      if (parseOffsetKey(key)?.topic === name) effects.push({ kind: 'delete', key });
    }
    return effects;
  }

  /** Resolves when everything appended so far survives a power cut, whatever the flush policy. */
  async flush(): Promise<void> {
    this.assertOpen();
    await this.engine.flush();
  }

  /**
   * Copies the directory, its stores too, to `target` while it is written: as of one mark, as if it had been stopped
   * cleanly there. `target` must not exist or be empty. Rejects with MILLRACE_ARGUMENT, MILLRACE_ABORTED, MILLRACE_CLOSED,
   * MILLRACE_BUSY, MILLRACE_POISONED, MILLRACE_IO.
   */
  async backup(target: string, options: BackupOptions = {}): Promise<BackupResult> {
    this.assertOpen();
    return backupDirectory(this.engine, this.#share.dir, target, options);
  }

  /** Changes the flush policy while running. */
  setFlushPolicy(flush: FlushInput): void {
    this.assertOpen();
    this.engine.setFlushPolicy(parseFlush(flush));
  }

  /** Runs `listener` when a flush has failed: from then on nothing can be written until the log is opened again. */
  onFailure(listener: (error: MillraceError) => void): () => void {
    return this.engine.onFailure((code: CodeNumber) => {
      if (code !== Code.closing) listener(fromCode(code));
    });
  }

  /** Runs `listener` when the log closes; returns how to stop it. */
  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /**
   * Flushes, leaves the mark of a clean shutdown, and lets go of the directory; the last two wait until the KV handles
   * and the server that this process has on it are closed too.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // What was appended but not committed yet goes first: readers are told only when nothing more comes from here.
    this.engine.commitNow();
    this.#forgetTopics();
    const released = this.#share.release();
    for (const listener of this.#closeListeners) listener();
    await released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Opens (or creates) the log in `dir`. KV handles that this process has open there are shared. Rejects with MILLRACE_LOCKED when another process has it, MILLRACE_FORMAT when a
 * newer version wrote it, MILLRACE_OPTION, MILLRACE_DRIVER, MILLRACE_IO.
 */
export async function openLog(dir: string, options: LogOptions = {}): Promise<Log> {
  const { maxBatchBytes, compression = 'none', signal, ...engineOptions } = options;
  throwIfAborted(signal);
  const codec = codecNames.indexOf(compression);
  if (codec < 0) throw new MillraceError('MILLRACE_OPTION', `compression must be one of ${codecNames.join(', ')}`);
  const batchBytes = maxBatchBytes === undefined ? DEFAULT_BATCH_BYTES : parseSize('maxBatchBytes', maxBatchBytes);
  if (!engineOptions.sim) await mkdir(dirname(dir), { recursive: true });
  const share = shareEngine(dir, 'log', engineOptions);
  return new Log(share, options.durability ?? 'durable', { batchBytes, stalledBytes: STALLED_BYTES, codec });
}
