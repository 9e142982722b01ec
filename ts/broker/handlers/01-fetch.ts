/**
 * Fetch (key 1), versions 4-17, with incremental sessions (rule 32, fetch-sessions/).
 *
 * Records are pinned where they lie, with exact sizes, before the reply is encoded: mostly one crossing for the whole
 * request. What holds the leases then is the reply (see Exchange.reply). What is not there yet is waited for in the
 * purgatory (rule 28).
 * 4 isolation; 5 log_start_offset; 7 sessions; 9 leader epoch; 11 preferred replica; 12 flexible; 13 topic ids only.
 */

import { Code } from '../../io/native-types.ts';
import type { Pin, ReadRequest, Watermarks } from '../../log/types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { FetchContext } from '../fetch-sessions/fetch-sessions.ts';
import type { Exchange, Handler } from '../handler.ts';
import { isolationNow, type ShownIsolation, shownEnds, shownIsolation } from '../metadata/topic-isolation.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type FetchableTopicResponse,
  type FetchRequest,
  type FetchResponse,
  fetchApi,
  type PartitionData,
} from '../protocol/gen/01-fetch.gen.ts';
import { LeasedRecords } from '../protocol/writer.ts';
import type { Parked, ParkedWork } from '../purgatory/purgatory.ts';
import { Operation, ResourceType } from '../security/acl.ts';
import { askerOf } from '../security/guards/guard.ts';
import { limitPins, planFetch } from './fetch-plan.ts';

const IDS_FROM_VERSION = 13;
const EMPTY = new Uint8Array(0);

/** One partition of a fetch: its row of the reply, and where its answer stands. */
interface Target {
  readonly row: PartitionData;
  /** Index into the read requests. */
  readonly read: number;
  readonly shown: ShownIsolation;
  readonly topic: string;
}

/** What a request that is not refused means for its session. */
type ServedContext = Exclude<FetchContext, { kind: 'refused' }>;

/** One Fetch request until its reply has been handed over. */
class OpenFetch implements ParkedWork {
  readonly #context: BrokerContext;
  readonly #request: FetchRequest;
  readonly #exchange: Exchange<FetchResponse>;
  readonly #session: ServedContext;
  readonly #responses: FetchableTopicResponse[] = [];
  readonly #targets: Target[] = [];
  readonly #reads: ReadRequest[] = [];
  readonly #maxBytes: number;
  /** Bytes asked for over all partitions. */
  #wantedBytes = 0;
  #unknown = false;
  /** Some partition is bounded by one end now and perhaps by another one later. */
  #hasMoving = false;

  constructor(
    context: BrokerContext,
    request: FetchRequest,
    session: ServedContext,
    exchange: Exchange<FetchResponse>,
  ) {
    this.#context = context;
    this.#request = request;
    this.#session = session;
    this.#exchange = exchange;
    this.#maxBytes = Math.max(0, Math.min(request.maxBytes, context.settings.number('fetch.max.bytes')));
    for (const topic of session.topics) this.#addTopic(topic);
  }

  /** Replies now when there is enough, an error or no time to wait; parks otherwise. */
  start(): void {
    const { maxWaitMs } = this.#request;
    if (this.#answer(maxWaitMs <= 0 || this.#unknown || this.#reads.length === 0)) return;
    const keys = this.#reads.map((read) => read.partition);
    const parked: Parked = this.#context.purgatory.park(this, keys, maxWaitMs);
    this.#exchange.onAbort = () => {
      this.#context.purgatory.drop(parked);
      this.#exchange.replyNothing();
    };
    this.#exchange.onHurry = () => {
      this.#context.purgatory.drop(parked);
      this.expire();
    };
  }

  tryFinish(): boolean {
    return this.#answer(false);
  }

  expire(): void {
    this.#answer(true);
  }

  get #byId(): boolean {
    return this.#exchange.apiVersion >= IDS_FROM_VERSION;
  }

  #addTopic(asked: FetchRequest['topics'][number]): void {
    const byId = this.#byId;
    const { catalogue } = this.#context;
    const topic = byId ? catalogue.byId(asked.topicId) : catalogue.get(asked.topic);
    const isDenied = !this.#mayRead(topic?.name ?? asked.topic);
    const unknown = byId && !topic ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    const shown = shownIsolation(this.#context.settings, topic, this.#request.isolationLevel);
    const partitions: PartitionData[] = [];
    this.#responses.push({ topic: asked.topic, topicId: asked.topicId, partitions });
    for (const partition of asked.partitions) {
      const row = emptyRow(partition.partition);
      partitions.push(row);
      if (isDenied) {
        row.errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
        this.#unknown = true;
        continue;
      }
      const id = topic?.partitions[partition.partition];
      if (id === undefined) {
        row.errorCode = unknown;
        this.#unknown = true;
        continue;
      }
      const maxBytes = Math.max(0, Math.min(partition.partitionMaxBytes, this.#maxBytes));
      this.#wantedBytes += maxBytes;
      this.#targets.push({ row, read: this.#reads.length, shown, topic: topic?.name ?? '' });
      this.#hasMoving ||= shown.isDurable && shown.isCommitted;
      this.#reads.push({
        partition: id,
        offset: partition.fetchOffset,
        maxBytes,
        isolation: isolationNow(this.#context.engine, id, shown),
        leaderEpoch: partition.currentLeaderEpoch,
      });
    }
  }

  /** Asked of every topic of every fetch: what a session holds may have been allowed to somebody else, or until now. */
  #mayRead(name: string): boolean {
    const { access } = this.#context.security;
    if (!access.isEnabled || name === '') return true;
    return access.may(askerOf(this.#exchange.peer), Operation.read, ResourceType.topic, name);
  }

  /** Answers, if `force` or rule 28 says so: enough bytes at this isolation, or any error. False when it has to wait. */
  #answer(force: boolean): boolean {
    if (this.#hasMoving) this.#chooseBounds();
    // What all clients together have not taken yet leaves less, down to the one batch of rule 26.
    const maxBytes = this.#context.replies.allowance(this.#maxBytes);
    // One question is enough when whatever there is may be sent.
    if (this.#request.minBytes <= 1 && this.#wantedBytes <= maxBytes) return this.#pinAll(force);
    const reads = maxBytes < this.#maxBytes ? this.#reads.map((read) => limited(read, maxBytes)) : this.#reads;
    const marks = this.#context.engine.readable(reads);
    if (!force && !this.#isEnough(marks, maxBytes)) return false;
    this.#pinPlanned(reads, marks, maxBytes);
    return true;
  }

  #chooseBounds(): void {
    for (const { read, shown } of this.#targets) {
      const one = this.#reads[read] as ReadRequest;
      one.isolation = isolationNow(this.#context.engine, one.partition, shown);
    }
  }

  #isEnough(marks: readonly Watermarks[], maxBytes: number): boolean {
    // A limit of 0 still lets one batch through, so who asks for a byte waits for one.
    const minBytes = Math.min(this.#request.minBytes, Math.max(1, maxBytes));
    let available = 0;
    for (const mark of marks) {
      if (mark.code !== Code.ok) return true;
      available += mark.available;
    }
    return available >= minBytes;
  }

  /** Pins whatever there is. False when there is nothing, and neither `force` nor the request says to tell so. */
  #pinAll(force: boolean): boolean {
    let isCommitted = force || this.#request.minBytes <= 0;
    let isEmpty = false;
    this.#pin(this.#reads, this.#wantedBytes, (pins) => {
      // Without a lease there is nothing to release either.
      isEmpty = !isCommitted && pins.every((pin) => pin.code === Code.ok && pin.lease === 0);
      if (isEmpty) return;
      limitPins(this.#context.engine, this.#reads, pins, this.#maxBytes);
      this.#send(pins);
    });
    // What is still being read from files will be sent, whatever comes.
    isCommitted = true;
    if (!isEmpty) this.#exchange.onAbort = null;
    return !isEmpty;
  }

  /** Pins what fits into the limits of the request. */
  #pinPlanned(reads: readonly ReadRequest[], marks: readonly Watermarks[], limit: number): void {
    const { engine } = this.#context;
    const answers: Pin[] = marks.map((mark) => ({ ...mark, lease: 0 }));
    const chosen: number[] = [];
    const asked: ReadRequest[] = [];
    let bytes = 0;
    planFetch(engine, reads, marks, limit).forEach((maxBytes, index) => {
      if (maxBytes === 0) return;
      chosen.push(index);
      bytes += maxBytes;
      asked.push({ ...(reads[index] as ReadRequest), maxBytes });
    });
    this.#exchange.onAbort = null;
    this.#pin(asked, bytes, (pins) => {
      chosen.forEach((index, at) => {
        answers[index] = pins[at] as Pin;
      });
      this.#send(answers);
    });
  }

  /** Pins; what comes from files is charged to the budget until it is there, and then to the connection. */
  #pin(reads: readonly ReadRequest[], bytes: number, done: (pins: readonly Pin[]) => void): void {
    let isDone = false;
    let release: (() => void) | undefined;
    this.#context.engine.pin(reads, (pins) => {
      isDone = true;
      release?.();
      done(pins);
    });
    if (!isDone) release = this.#context.replies.charge(bytes);
  }

  #send(pins: readonly Pin[]): void {
    const leased: LeasedRecords[] = [];
    for (const { row, read, shown, topic } of this.#targets) {
      const pin = pins[read] as Pin;
      describe(row, pin, shown);
      // The topic has gone while the request waited (rule 54).
      if (this.#byId && row.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        row.errorCode = ErrorCode.UNKNOWN_TOPIC_ID;
      if (pin.lease === 0 || !this.#tellAborted(row, pin, this.#reads[read] as ReadRequest)) continue;
      const records = new LeasedRecords(pin.lease, pin.available);
      row.records = records;
      leased.push(records);
      this.#context.traffic.fetched(topic, pin.available);
    }
    this.#reply(leased);
  }

  /**
   * Rule 22: tells which transactions in the records were aborted. False when that is not known any more: the log start
   * has passed the offset while the records came from a file, so they are not told either (rule 31).
   */
  #tellAborted(row: PartitionData, pin: Pin, read: ReadRequest): boolean {
    const { engine } = this.#context;
    if (row.abortedTransactions === null || engine.hasNoAborted) return true;
    const { code, aborted } = engine.abortedBetween(read.partition, read.offset, 0, pin.lease);
    if (code === Code.ok) {
      // Clients look for them as they come to their first records.
      row.abortedTransactions = aborted.sort((a, b) => a.firstOffset - b.firstOffset);
      return true;
    }
    engine.releaseLease(pin.lease);
    refuse(row, kafkaErrorOf(code));
    return false;
  }

  /** Tells all rows, or with a session those that are news. */
  #reply(leased: readonly LeasedRecords[]): void {
    const session = this.#session;
    const responses = this.#responses;
    switch (session.kind) {
      case 'sessionless':
        this.#exchange.reply({ throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses }, leased);
        return;
      case 'full': {
        const created = this.#context.fetchSessions.create(session.topics, session.usesIds);
        created?.news(responses);
        this.#exchange.reply({ throttleTimeMs: 0, errorCode: 0, sessionId: created?.id ?? 0, responses }, leased);
        return;
      }
      case 'incremental': {
        const { id: sessionId, epoch } = session.session;
        if (epoch === session.epoch) {
          const news = session.session.news(responses);
          this.#exchange.reply({ throttleTimeMs: 0, errorCode: 0, sessionId, responses: news }, leased);
          return;
        }
        // A later request of this session has overtaken this one, and answers for it.
        for (const { lease } of leased) this.#context.engine.releaseLease(lease);
        const errorCode = ErrorCode.INVALID_FETCH_SESSION_EPOCH;
        this.#exchange.reply({ throttleTimeMs: 0, errorCode, sessionId, responses: [] });
      }
    }
  }
}

function limited(read: ReadRequest, maxBytes: number): ReadRequest {
  return { ...read, maxBytes: Math.min(read.maxBytes, maxBytes) };
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

function describe(row: PartitionData, mark: Watermarks, shown: ShownIsolation): void {
  if (mark.code !== Code.ok) {
    refuse(row, kafkaErrorOf(mark.code));
    return;
  }
  const { highWatermark, lastStable } = shownEnds(mark, shown);
  row.highWatermark = highWatermark;
  row.lastStableOffset = lastStable;
  row.logStartOffset = mark.logStart;
  // Rule 22: the list is for read_committed only.
  row.abortedTransactions = shown.isCommitted ? [] : null;
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
      const session = context.fetchSessions.contextOf(request, exchange.apiVersion);
      if (session.kind === 'refused') {
        exchange.reply({ throttleTimeMs: 0, errorCode: session.error, sessionId: 0, responses: [] });
        return;
      }
      new OpenFetch(context, request, session, exchange).start();
    },
  };
}
