/**
 * The sending side of `produce`: records gather per partition while requests are under way, several at a time on one
 * connection. Not the reading of input, and not a general producer: nothing is sent twice.
 *
 * Invariant: records of a partition are sent in the order they were added, and a record counts as stored only when the
 * server has acknowledged it.
 */

import { produceApi } from '../broker/protocol/gen/00-produce.gen.ts';
import { metadataApi } from '../broker/protocol/gen/03-metadata.gen.ts';
import { type Compression, codecNames } from '../log/batch-layout.ts';
import { partitionOfKey } from '../log/partitioner.ts';
import { type BatchTools, BatchWriter } from '../log/record-batch.ts';
import { CliError, ExitCode } from './exit.ts';
import { check } from './kafka-names.ts';
import type { Session } from './session.ts';

/** A record on its way; `partition` null lets key or turn decide. */
export interface OutgoingRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array])[];
  readonly partition: number | null;
}

export interface ProducerOptions {
  readonly topic: string;
  /** What Produce 13 and later calls the topic by. */
  readonly topicId: string;
  readonly partitions: number;
  readonly acks: -1 | 0 | 1;
  readonly compression: Compression;
}

/** Bytes of a batch, before compression, at which it is sent. */
const batchBytes = 256 * 1024;
/** Requests under way at a time: enough to fill a connection, few enough to bound memory. */
const inFlightMost = 5;
const requestTimeoutMs = 30_000;

export class Producer {
  readonly #session: Session;
  readonly #options: ProducerOptions;
  readonly #tools: BatchTools;
  readonly #open = new Map<number, BatchWriter>();
  readonly #idle: BatchWriter[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #failure: unknown;
  /** Partition in turn for records without a key; it begins anywhere, so that many short runs fill all partitions. */
  #turn: number;
  #acknowledged = 0;

  constructor(session: Session, options: ProducerOptions, tools: BatchTools) {
    this.#session = session;
    this.#options = options;
    this.#tools = tools;
    this.#turn = Math.floor(Math.random() * options.partitions);
  }

  /** Records the server has acknowledged (with acks 0: that were handed to the connection). */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Adds one record. Usually undefined; a promise when a batch is full and has to wait for room, which must be awaited
   * before the next record is added. The promise rejects after a failure.
   */
  add(record: OutgoingRecord, now: number): Promise<void> | undefined {
    const partition = this.#choose(record);
    const batch = this.#batchOf(partition);
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (batch.count > 0 && batch.length + size > batchBytes) {
      return this.#send(partition).then(() => this.add({ ...record, partition }, now));
    }
    batch.add(record, now);
    return batch.length >= batchBytes ? this.#send(partition) : undefined;
  }

  /** Sends what has gathered if nothing is under way: small input is not held back, large input fills batches. */
  async whenIdle(): Promise<void> {
    if (this.#inFlight.size === 0) await this.#sendAll();
  }

  /** Sends the rest and waits for every acknowledgement. Rejects with the first failure. */
  async finish(): Promise<void> {
    await this.#sendAll();
    await Promise.all(this.#inFlight);
    // Without acknowledgements an answered request behind them all shows that the server has read them.
    if (this.#options.acks === 0) await this.#session.send(metadataApi, { topics: [], allowAutoTopicCreation: false });
    if (this.#failure !== undefined) throw this.#failure;
  }

  #choose(record: OutgoingRecord): number {
    const { partitions, topic } = this.#options;
    if (record.partition !== null) {
      if (record.partition < partitions) return record.partition;
      throw new CliError(ExitCode.notFound, `${topic} has ${partitions} partitions: there is no ${record.partition}`);
    }
    if (record.key !== null) return partitionOfKey(record.key, partitions);
    return this.#turn % partitions;
  }

  #batchOf(partition: number): BatchWriter {
    const known = this.#open.get(partition);
    if (known !== undefined) return known;
    const batch = this.#idle.pop() ?? new BatchWriter(this.#tools);
    batch.begin();
    this.#open.set(partition, batch);
    return batch;
  }

  async #sendAll(): Promise<void> {
    for (const partition of [...this.#open.keys()]) await this.#send(partition);
  }

  async #send(partition: number): Promise<void> {
    while (this.#inFlight.size >= inFlightMost) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
    const batch = this.#open.get(partition);
    if (batch === undefined || batch.count === 0) return;
    this.#open.delete(partition);
    const count = batch.count;
    const end = batch.finish(codecNames.indexOf(this.#options.compression));
    const records = Uint8Array.prototype.slice.call(batch.bytes, 0, end);
    this.#idle.push(batch);
    this.#turn++;
    const request: Promise<void> = this.#request(partition, records)
      .then(() => {
        this.#acknowledged += count;
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inFlight.delete(request));
    this.#inFlight.add(request);
  }

  async #request(partition: number, records: Uint8Array): Promise<void> {
    const { acks, topic, topicId } = this.#options;
    const body = {
      transactionalId: null,
      acks,
      timeoutMs: requestTimeoutMs,
      topicData: [{ name: topic, topicId, partitionData: [{ index: partition, records }] }],
    };
    if (acks === 0) return this.#session.sendOnly(produceApi, body);
    const response = await this.#session.send(produceApi, body);
    const answer = response.responses[0]?.partitionResponses[0];
    check(answer?.errorCode ?? -1, `${topic}/${partition}`, answer?.errorMessage);
  }
}
