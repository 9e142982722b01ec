/**
 * Produce (key 0), versions 3-13; version 0 is advertised, because older librdkafka drops compression without it.
 *
 * acks=all waits for `durable`, 1 for `written`, 0 for nothing and gets no reply (rule 2); a topic's min.durability is a
 * floor under all of them. Every partition is an atomic frame of its own: one that is refused does not touch the others.
 * Offsets, sequences and checksums are the engine's; record bytes stay where they are in the request, held until its end. When the engine is full a
 * batch waits for room until the request's timeout, then it is REQUEST_TIMED_OUT.
 * 3 magic 2 only; 5 log_start_offset; 7 zstd; 8 record_errors; 9 flexible; 10 leader tags; 11 a transactional error;
 * 12 writing makes partitions part of a transaction (KIP-890); 13 topics by id.
 */

import { Code, type CodeNumber, Level, type LevelNumber } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type PartitionProduceResponse,
  type ProduceResponse,
  produceApi,
  type TopicProduceResponse,
} from '../protocol/gen/00-produce.gen.ts';
import {
  type BatchInPlace,
  decodeProduceInPlace,
  type ProduceInPlace,
  type TopicInPlace,
} from '../protocol/produce-in-place.ts';
import { QueuedAppend } from '../purgatory/append-queue.ts';
import type { TopicLimits } from '../settings.ts';
import { contradictsItself, holdsAnotherBatch, transactionalProducer } from './batch-producer.ts';
import { enlistThen } from './produce-enlist.ts';
import { TOPIC_IDS_SINCE, topicOf } from './produce-topic.ts';
import { type Blame, blameOf } from './record-errors.ts';

/** Where a batch says how it is compressed: low byte of `attributes`. */
const ATTRIBUTES_POSITION = 22;
const CODEC_MASK = 0x07;
const CODEC_ZSTD = 4;

const RECORD_ERRORS_SINCE = 8;
const ABORTABLE_SINCE = 11;
const ENLISTS_SINCE = 12;

/** A request that asks for more waits no longer than this. */
const TIMEOUT_MAX_MS = 60_000;

const LEVEL_OF_ACKS = new Map<number, LevelNumber>([
  [-1, Level.durable],
  [1, Level.written],
  [0, Level.memory],
]);

/** One Produce request on its way: counts the partitions that are still open and replies when there are none. */
class OpenProduce {
  readonly #exchange: Exchange<ProduceResponse>;
  readonly #acks: number;
  readonly #version: number;
  readonly #wallMs: () => number;
  /** How long it may wait for room in the engine. */
  readonly timeoutMs: number;
  readonly #responses: TopicProduceResponse[] = [];
  #open = 1;
  #failed = false;

  constructor(exchange: Exchange<ProduceResponse>, request: ProduceInPlace, wallMs: () => number) {
    this.#exchange = exchange;
    this.#version = exchange.apiVersion;
    this.#wallMs = wallMs;
    this.#acks = request.acks;
    this.timeoutMs = Math.min(Math.max(request.timeoutMs, 0), TIMEOUT_MAX_MS);
  }

  topic(name: string, topicId: string): PartitionProduceResponse[] {
    const partitionResponses: PartitionProduceResponse[] = [];
    this.#responses.push({ name, topicId, partitionResponses });
    return partitionResponses;
  }

  refuse(row: PartitionProduceResponse, error: ErrorNumber): void {
    row.errorCode = error;
    this.#failed = true;
  }

  submit(context: BrokerContext, append: ProduceAppend): void {
    this.#open++;
    context.appends.submit(append);
  }

  /** One partition, or the request itself, is through. */
  close(): void {
    this.#open--;
    if (this.#open > 0) return;
    if (this.#acks !== 0) this.#exchange.reply({ responses: this.#responses });
    else if (this.#failed) this.#exchange.close('produce with acks=0 was refused');
    else this.#exchange.replyNothing();
  }

  /** One partition has its outcome. */
  settle(row: PartitionProduceResponse, append: ProduceAppend, failure: CodeNumber): void {
    let error = kafkaErrorOf(failure === Code.ok ? append.code : failure);
    // Nothing that repeating it would heal, which clients do with what is corrupt.
    if (error === ErrorCode.CORRUPT_MESSAGE && isMeant(append)) error = ErrorCode.INVALID_RECORD;
    if (error !== ErrorCode.NONE) {
      this.refuse(row, error);
      if (this.#version >= RECORD_ERRORS_SINCE) Object.assign(row, append.blame(error, this.#wallMs()));
    } else {
      row.baseOffset = append.baseOffset;
      row.logAppendTimeMs = append.logAppendTime;
      row.logStartOffset = append.logStart;
    }
    this.close();
  }
}

/** One batch of a request on its way to its partition. */
class ProduceAppend extends QueuedAppend {
  readonly #open: OpenProduce;
  readonly #row: PartitionProduceResponse;
  readonly #context: BrokerContext;
  readonly #topic: string;
  readonly #limits: TopicLimits;

  constructor(
    context: BrokerContext,
    open: OpenProduce,
    row: PartitionProduceResponse,
    topic: string,
    partition: number,
    bytes: Uint8Array,
    { start, end }: BatchInPlace,
    limits: TopicLimits,
    level: LevelNumber,
  ) {
    super(context.appends, partition, bytes, start, end, limits, level, open.timeoutMs);
    this.#open = open;
    this.#row = row;
    this.#context = context;
    this.#topic = topic;
    this.#limits = limits;
  }

  /** Which of its records are to blame for an error. */
  blame(error: ErrorNumber, nowMs: number): Blame | undefined {
    const { bytes, start, end } = this;
    return blameOf(
      { bytes, start, end, topic: this.#topic, index: this.#row.index, limits: this.#limits },
      error,
      nowMs,
    );
  }

  /** What waited for room while its transaction ended must not open another one. */
  override recheck(): CodeNumber {
    const error = transactionRefusal(this.#context, this.bytes, this.start, this.end, this.partition);
    return error === ErrorCode.NONE ? Code.ok : Code.invalidProducerEpoch;
  }

  onDone(failure: CodeNumber): void {
    if (failure === Code.ok && this.code === Code.ok) {
      this.#context.traffic.produced(this.#topic, this.end - this.start);
    }
    this.#open.settle(this.#row, this, failure);
  }
}

/** Bytes that the engine found corrupt are what their producer has made. */
function isMeant({ bytes, start, end }: ProduceAppend): boolean {
  return holdsAnotherBatch(bytes, start, end) || contradictsItself(bytes, start, end);
}

/** Rule 18: a transactional batch is appended only while its producer has its partition in an open transaction. */
function transactionRefusal(
  context: BrokerContext,
  bytes: Uint8Array,
  start: number,
  end: number,
  partition: number,
): ErrorNumber {
  const producer = transactionalProducer(bytes, start, end);
  return producer ? context.transactions.checkAppend(producer.producerId, producer.epoch, partition) : ErrorCode.NONE;
}

/** The batch belongs to a transaction that its partition takes no part in. */
function isOutside(refusal: ErrorNumber): boolean {
  return refusal === ErrorCode.TRANSACTION_ABORTABLE || refusal === ErrorCode.INVALID_TXN_STATE;
}

/** Refusals that need no look into the log: rules 5 and 18. `enlisting` is what kept a partition out of its transaction. */
function batchRefusal(
  context: BrokerContext,
  bytes: Uint8Array,
  { start, end }: BatchInPlace,
  partition: number,
  version: number,
  enlisting: ErrorNumber,
): ErrorNumber {
  if (end - start <= ATTRIBUTES_POSITION) return ErrorCode.INVALID_RECORD;
  const attributes = bytes[start + ATTRIBUTES_POSITION] as number;
  if ((attributes & CODEC_MASK) === CODEC_ZSTD && version < 7) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE;
  const refusal = transactionRefusal(context, bytes, start, end, partition);
  if (refusal !== ErrorCode.TRANSACTION_ABORTABLE) return refusal;
  if (enlisting !== ErrorCode.NONE) return enlisting;
  return version < ABORTABLE_SINCE ? ErrorCode.INVALID_TXN_STATE : refusal;
}

/** Submits the partitions of one topic; `asked` is undefined when acks has no meaning. */
function produceTopic(
  context: BrokerContext,
  open: OpenProduce,
  bytes: Uint8Array,
  data: TopicInPlace,
  asked: LevelNumber | undefined,
  version: number,
  enlisting: ErrorNumber,
): void {
  const rows = open.topic(data.name, data.topicId);
  const topic = topicOf(context, data, version);
  const limits = topic && context.settings.limitsOf(topic);
  for (const batch of data.partitionData) {
    const { index } = batch;
    const row: PartitionProduceResponse = { index, errorCode: ErrorCode.NONE, baseOffset: -1 };
    rows.push(row);
    const partition = topic?.partitions[index];
    if (asked === undefined) {
      open.refuse(row, ErrorCode.INVALID_REQUIRED_ACKS);
    } else if (partition === undefined || !topic || !limits) {
      // Rule 14: an unknown topic is refused at once.
      const isUnknownId = !topic && version >= TOPIC_IDS_SINCE;
      open.refuse(row, isUnknownId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    } else if (batch.start === -1) {
      open.refuse(row, ErrorCode.INVALID_RECORD);
    } else {
      const refusal = batchRefusal(context, bytes, batch, partition, version, enlisting);
      if (refusal !== ErrorCode.NONE) {
        open.refuse(row, refusal);
        if (isOutside(refusal)) row.errorMessage = 'Partition was not added to the transaction';
      } else {
        const level = levelOf(asked, limits.floor);
        const append = new ProduceAppend(context, open, row, topic.name, partition, bytes, batch, limits, level);
        open.submit(context, append);
      }
    }
  }
}

/** The floor raises what an acknowledgement stands for; with acks=0 there is none. */
function levelOf(asked: LevelNumber, floor: LevelNumber): LevelNumber {
  return asked === Level.memory || asked > floor ? asked : floor;
}

/** Whether the addon may append the next request of this kind itself; it is told of the topic then. */
function isPlain(
  { produceWay, catalogue }: BrokerContext,
  { transactionalId, topicData }: ProduceInPlace,
  asked: LevelNumber,
  version: number,
): boolean {
  const [data] = topicData;
  if (produceWay === undefined || asked === Level.memory || transactionalId !== null) return false;
  if (data === undefined || topicData.length > 1 || data.partitionData.length !== 1) return false;
  const topic = version >= TOPIC_IDS_SINCE ? catalogue.byId(data.topicId) : catalogue.get(data.name);
  return topic !== undefined && produceWay.learn(topic);
}

export function produceHandler(context: BrokerContext): Handler<ProduceInPlace, ProduceResponse> {
  return {
    api: { ...produceApi, decodeRequest: decodeProduceInPlace },
    minVersion: 3,
    maxVersion: 13,
    advertisedMinVersion: 0,
    // The engine copies the batches before any of them is acknowledged or refused, some turns later when it is full.
    holdsRequest: true,
    handle(request, exchange) {
      const asked = LEVEL_OF_ACKS.get(request.acks);
      const { apiVersion } = exchange;
      const produce = (enlisting: ErrorNumber): void => {
        const open = new OpenProduce(exchange, request, context.wallMs);
        for (const data of request.topicData) {
          produceTopic(context, open, request.bytes, data, asked, apiVersion, enlisting);
        }
        open.close();
      };
      if (asked !== undefined) exchange.isPlain = isPlain(context, request, asked, apiVersion);
      if (apiVersion >= ENLISTS_SINCE && request.transactionalId !== null)
        enlistThen(context, request, apiVersion, produce);
      else produce(ErrorCode.NONE);
    },
  };
}
