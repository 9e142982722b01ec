/**
 * Fetch (key 1), versions 4-17. Sessions are declined: session id 0 always, every fetch is a full one.
 *
 * Sizes come from the engine in one crossing; the reply is encoded with gaps of these sizes, and the engine fills them
 * in one more, so record bytes are never held twice. What is not there yet is waited for in the purgatory (rule 28).
 * 4 isolation; 5 log_start_offset; 7 sessions; 9 leader epoch; 11 preferred replica; 12 flexible; 13 topic ids only.
 */

import { Code, type CodeNumber } from '../../io/native-types.ts';
import type { ReadRequest, Watermarks } from '../../log/types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type FetchableTopicResponse,
  type FetchRequest,
  type FetchResponse,
  fetchApi,
  type PartitionData,
} from '../protocol/gen/01-fetch.gen.ts';
import { RecordsGap } from '../protocol/writer.ts';
import type { Parked, ParkedWork } from '../purgatory/purgatory.ts';
import { planFetch } from './fetch-plan.ts';

const IDS_FROM_VERSION = 13;
const EMPTY = new Uint8Array(0);
/** Bytes of a reply around the records of one partition, roughly: only a hint for the first allocation. */
const PARTITION_OVERHEAD = 64;

/** One partition of a fetch: what was asked, and either why it cannot be read or where its answer stands. */
interface Target {
  readonly row: PartitionData;
  /** Index into the read requests; -1 when the partition is not known. */
  readonly read: number;
}

/** One Fetch request until its reply has been handed over. */
class OpenFetch implements ParkedWork {
  readonly #context: BrokerContext;
  readonly #request: FetchRequest;
  readonly #exchange: Exchange<FetchResponse>;
  readonly #responses: FetchableTopicResponse[] = [];
  readonly #targets: Target[] = [];
  readonly #reads: ReadRequest[] = [];
  readonly #maxBytes: number;
  #unknown = false;

  constructor(context: BrokerContext, request: FetchRequest, exchange: Exchange<FetchResponse>) {
    this.#context = context;
    this.#request = request;
    this.#exchange = exchange;
    this.#maxBytes = Math.min(request.maxBytes, context.settings.number('fetch.max.bytes'));
    for (const topic of request.topics) this.#addTopic(topic);
  }

  /** Replies now when there is enough, an error or no time to wait; parks otherwise. */
  start(): void {
    const { maxWaitMs } = this.#request;
    const marks = this.#context.engine.readable(this.#reads);
    if (maxWaitMs <= 0 || this.#unknown || this.#reads.length === 0 || this.#isEnough(marks)) {
      this.#reply(marks);
      return;
    }
    const keys = this.#reads.map((read) => read.partition);
    const parked: Parked = this.#context.purgatory.park(this, keys, maxWaitMs);
    this.#exchange.onAbort = () => {
      this.#context.purgatory.drop(parked);
      this.#exchange.replyNothing();
    };
  }

  tryFinish(): boolean {
    const marks = this.#context.engine.readable(this.#reads);
    if (!this.#isEnough(marks)) return false;
    this.#reply(marks);
    return true;
  }

  expire(): void {
    this.#reply(this.#context.engine.readable(this.#reads));
  }

  #addTopic(asked: FetchRequest['topics'][number]): void {
    const byId = this.#exchange.apiVersion >= IDS_FROM_VERSION;
    const { catalogue } = this.#context;
    const topic = byId ? catalogue.byId(asked.topicId) : catalogue.get(asked.topic);
    const unknown = byId && !topic ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    const partitions: PartitionData[] = [];
    this.#responses.push({ topic: asked.topic, topicId: asked.topicId, partitions });
    for (const partition of asked.partitions) {
      const row = emptyRow(partition.partition);
      partitions.push(row);
      const id = topic?.partitions[partition.partition];
      if (id === undefined) {
        row.errorCode = unknown;
        this.#unknown = true;
        continue;
      }
      this.#targets.push({ row, read: this.#reads.length });
      this.#reads.push({
        partition: id,
        offset: partition.fetchOffset,
        maxBytes: Math.max(0, Math.min(partition.partitionMaxBytes, this.#maxBytes)),
        isolation: this.#request.isolationLevel === 1 ? 1 : 0,
        leaderEpoch: partition.currentLeaderEpoch,
      });
    }
  }

  /** Rule 28: enough bytes at this isolation, or any error. */
  #isEnough(marks: readonly Watermarks[]): boolean {
    const minBytes = Math.min(this.#request.minBytes, this.#maxBytes);
    let available = 0;
    for (const mark of marks) {
      if (mark.code !== Code.ok) return true;
      available += mark.available;
    }
    return available >= minBytes;
  }

  #reply(marks: readonly Watermarks[]): void {
    this.#exchange.onAbort = null;
    if (this.#exchange.aborted) {
      this.#exchange.replyNothing();
      return;
    }
    const lengths = planFetch(this.#context.engine, this.#reads, marks, this.#maxBytes);
    const gaps: RecordsGap[] = [];
    const filled: ReadRequest[] = [];
    const rows: PartitionData[] = [];
    this.#targets.forEach(({ row, read }) => {
      const mark = marks[read] as Watermarks;
      describe(row, mark, this.#request.isolationLevel);
      const length = lengths[read] ?? 0;
      if (length === 0) return;
      const gap = new RecordsGap(length);
      row.records = gap;
      gaps.push(gap);
      rows.push(row);
      filled.push(this.#reads[read] as ReadRequest);
    });
    this.#send(gaps, filled, rows);
  }

  /** Encodes with gaps, lets the engine fill them, hands the message over. */
  #send(gaps: readonly RecordsGap[], filled: readonly ReadRequest[], rows: readonly PartitionData[]): void {
    const response: FetchResponse = { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: this.#responses };
    if (gaps.length === 0) {
      this.#exchange.reply(response);
      return;
    }
    const bytes = gaps.reduce((sum, gap) => sum + gap.length, 0);
    const writer = this.#exchange.begin(bytes + (this.#targets.length + 2) * PARTITION_OVERHEAD);
    fetchApi.encodeResponse(writer, this.#exchange.apiVersion, response);
    const positions = gaps.map((gap) => gap.position);
    const lengths = gaps.map((gap) => gap.length);
    const { buffer } = writer;
    this.#context.engine.read(filled, buffer, positions, lengths, (copied, codes) => {
      if (gaps.every((gap, index) => codes[index] === Code.ok && copied[index] === gap.length)) {
        this.#exchange.finish(writer);
        return;
      }
      // Less than the bound (sealed files tell an upper one), or a partition deleted or found damaged meanwhile: what was
      // read is good, but the gaps have the wrong size, so the reply is encoded anew.
      let total = 0;
      rows.forEach((row, index) => {
        total += copied[index] ?? 0;
        const start = positions[index] as number;
        const error = kafkaErrorOf(codes[index] as CodeNumber);
        if (error === ErrorCode.NONE) row.records = buffer.subarray(start, start + (copied[index] ?? 0));
        else refuse(row, error);
      });
      const again = this.#exchange.begin(total + (this.#targets.length + 2) * PARTITION_OVERHEAD);
      fetchApi.encodeResponse(again, this.#exchange.apiVersion, response);
      this.#exchange.finish(again);
    });
  }
}

/** Records are empty, never null (rule 29); until something is known the marks are -1 (rule 30). */
function emptyRow(partitionIndex: number): PartitionData {
  return {
    partitionIndex,
    errorCode: ErrorCode.NONE,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    records: EMPTY,
  };
}

function describe(row: PartitionData, mark: Watermarks, isolationLevel: number): void {
  if (mark.code !== Code.ok) {
    refuse(row, kafkaErrorOf(mark.code));
    return;
  }
  row.highWatermark = mark.highWatermark;
  row.lastStableOffset = mark.lastStable;
  row.logStartOffset = mark.logStart;
  // Rule 22: the list is for read_committed only; without transactions it is empty.
  row.abortedTransactions = isolationLevel === 1 ? [] : null;
}

function refuse(row: PartitionData, error: ErrorNumber): void {
  row.errorCode = error;
  row.highWatermark = -1;
  row.lastStableOffset = -1;
  row.logStartOffset = -1;
  row.abortedTransactions = null;
  row.records = EMPTY;
}

export function fetchHandler(context: BrokerContext): Handler<FetchRequest, FetchResponse> {
  return {
    api: fetchApi,
    minVersion: 4,
    maxVersion: 17,
    handle(request, exchange) {
      // An epoch above 0 continues a session, and none was ever granted (rule 32).
      if (request.sessionEpoch > 0) {
        const errorCode = ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
        exchange.reply({ throttleTimeMs: 0, errorCode, sessionId: 0, responses: [] });
        return;
      }
      new OpenFetch(context, request, exchange).start();
    },
  };
}
