/**
 * Appends to one partition: all single-partition appends of a loop turn become one record batch.
 *
 * Not the choice of the partition. To remember: order of calls is order of offsets; a batch that the engine was too busy
 * for is kept, whole and in front, until it fits; what waits there has a limit.
 */

import { type LogAppendNews, logAppends } from '../channels.ts';
import { levelName } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { Plan } from '../io/plan.ts';
import { type Participant, succeeded, type Ticket } from '../io/turn.ts';
import type { Waiter } from '../io/waiters.ts';
import { Answers } from './answers.ts';
import type { AppendResult, PlacedFrame } from './append-result.ts';
import type { RecordInput } from './record.ts';
import { type BatchTools, BatchWriter } from './record-batch.ts';

/** Limits and compression of batches. */
export interface BatchLimits {
  /** Largest batch, before compression, bytes. */
  readonly batchBytes: number;
  /** Batches that may wait because the engine is busy, bytes. */
  readonly stalledBytes: number;
  /** Kafka's codec id. */
  readonly codec: number;
}

/** The partition that is appended to. */
export interface AppendPlace {
  readonly topic: string;
  /** The engine's id of the partition. */
  readonly id: number;
  /** Its index in the topic. */
  readonly index: number;
}

/** How long a refused batch waits before it is offered again, ms. */
const RETRY_MS = 2;
const RECORDS_MAX = 100_000;
/** A batch of so many bytes is worth making the device begin in the middle of a turn. */
const START_BYTES = 512 * 1024;

/** A batch is prepared for at most so many appends. */
const EXPECTED_MAX = 4096;

/** A batch that is being filled, or waits. */
class OpenBatch implements Ticket, Waiter {
  readonly rows = 1;
  lsn = 0;
  end = 0;
  /** Timestamp of records that bring none, ms. */
  readonly now: number = Date.now();
  readonly answers: Answers;
  readonly writer: BatchWriter;
  readonly #owner: Appender;
  /** When it was begun, for who listens; 0 when nobody does. */
  readonly #openedMs: number = logAppends.hasSubscribers ? performance.now() : 0;
  #frame: PlacedFrame | undefined;
  /** Of the batch, before its writer served again. */
  #records = 0;

  constructor(owner: Appender, writer: BatchWriter, expected: number) {
    this.#owner = owner;
    this.writer = writer;
    this.answers = new Answers(expected);
    writer.begin();
  }

  placed(plan: Plan, row: number): void {
    const code = plan.codeOf(row);
    if (code === Code.busy) {
      this.#owner.stall(this);
      return;
    }
    this.#records = this.writer.count;
    this.#owner.recycle(this.writer);
    if (!succeeded(code)) {
      const error = fromCode(code);
      this.#publish(error.code);
      this.answers.fail(error);
      return;
    }
    this.lsn = plan.lsnOf(row);
    this.#frame = this.#owner.frame(this.lsn, plan.baseOffsetOf(row));
    this.#owner.passed(this);
  }

  /** The strongest level is reached, or will never be known. */
  release(failure: CodeNumber): void {
    this.#publish(failure === Code.ok ? undefined : outcomeUnknown(failure).code);
    this.#owner.answering(this.answers.length);
    this.reached(this.answers.level, failure);
  }

  #publish(error: string | undefined): void {
    if (this.#openedMs === 0) return;
    logAppends.publish({
      topic: this.#owner.place.topic,
      partition: this.#owner.place.index,
      records: this.#records,
      bytes: this.end,
      level: levelName(this.answers.level),
      durationMs: performance.now() - this.#openedMs,
      ...(error === undefined ? {} : { error }),
    } satisfies LogAppendNews);
  }

  /** `level` is reached: whom that is enough for is answered. Or it will never be known. */
  reached(level: LevelNumber, failure: CodeNumber): void {
    if (failure === Code.ok && this.#frame) this.answers.answer(this.#frame, level);
    else this.answers.fail(outcomeUnknown(failure));
  }
}

/** Appends to one partition. */
export class Appender implements Participant {
  readonly #engine: NodeEngine;
  readonly #tools: BatchTools;
  readonly #limits: BatchLimits;
  readonly place: AppendPlace;
  /** The engine's id of the partition. */
  readonly id: number;
  /** Its index in the topic. */
  readonly index: number;
  #open: OpenBatch | undefined;
  #spare: BatchWriter | undefined;
  #stalled: OpenBatch[] = [];
  #stalledBytes = 0;
  #joined = false;
  /** Appends of the last batch: the next one will be like it. */
  #expected = 1;

  constructor(engine: NodeEngine, tools: BatchTools, limits: BatchLimits, place: AppendPlace) {
    this.#engine = engine;
    this.#tools = tools;
    this.#limits = limits;
    this.place = place;
    this.id = place.id;
    this.index = place.index;
  }

  /** Nothing is being collected right now. */
  get idle(): boolean {
    return this.#open === undefined;
  }

  /** The engine was too busy for an earlier batch. */
  get stalled(): boolean {
    return this.#stalled.length > 0;
  }

  /** Bytes that are not yet with the engine. */
  get waitingBytes(): number {
    return (this.#open?.writer.length ?? 0) + this.#stalledBytes;
  }

  /** Adds one record to this turn's batch. Rejects; throws only MILLRACE_ARGUMENT and MILLRACE_TOO_LARGE. */
  appendOne(record: RecordInput, level: LevelNumber): Promise<AppendResult> {
    const batch = this.#batchWithRoom();
    const { writer } = batch;
    writer.mark();
    writer.add(record, batch.now);
    return this.#join(batch, 1, level);
  }

  /** Adds records that stay together: all of them are stored, or none. */
  appendMany(records: readonly RecordInput[], level: LevelNumber): Promise<AppendResult> {
    const batch = this.#batchWithRoom();
    const { writer } = batch;
    writer.mark();
    try {
      for (const record of records) writer.add(record, batch.now);
    } catch (error) {
      writer.rewind();
      throw error;
    }
    return this.#join(batch, records.length, level);
  }

  #batchWithRoom(): OpenBatch {
    const open = this.#open;
    if (open && this.#stalledBytes === 0) return open;
    if (this.#stalledBytes > this.#limits.stalledBytes) {
      throw new MillraceError('MILLRACE_BUSY', 'too much waits already for the engine to catch up');
    }
    return open ?? this.#begin();
  }

  #begin(): OpenBatch {
    const writer = this.#spare ?? new BatchWriter(this.#tools);
    this.#spare = undefined;
    const batch = new OpenBatch(this, writer, this.#expected);
    this.#open = batch;
    this.#joinTurn();
    return batch;
  }

  /** Makes the `count` records that were just added a member of the batch. A batch is at most twice the limit. */
  #join(batch: OpenBatch, count: number, level: LevelNumber): Promise<AppendResult> {
    const { writer } = batch;
    const limit = this.#limits.batchBytes;
    const added = writer.lengthSinceMark;
    if (added > limit) {
      writer.rewind();
      throw new MillraceError('MILLRACE_TOO_LARGE', `${added} bytes in one append, the limit is ${limit}`);
    }
    const promise = batch.answers.add(count, level);
    // A full batch is committed at once: at most one batch of a partition is in a turn, so a refusal cannot reorder them.
    // So is one that is large enough to occupy the device while the next is made.
    const { length } = writer;
    if (length >= START_BYTES) this.#engine.commitAndStart();
    else if (length >= limit || writer.count >= RECORDS_MAX) this.#engine.commitNow();
    else this.#engine.collected();
    return promise;
  }

  #joinTurn(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#engine.joinTurn(this);
  }

  /** Closes what was collected and puts it into the turn's plan, behind what is stalled. */
  seal(): void {
    this.#joined = false;
    const open = this.#open;
    this.#open = undefined;
    const batch = open && open.answers.length > 0 ? open : undefined;
    if (open && !batch) this.recycle(open.writer);
    if (batch) {
      batch.end = batch.writer.finish(this.#limits.codec);
      this.#expected = Math.min(batch.answers.length, EXPECTED_MAX);
    }
    if (this.#stalled.length === 0) {
      if (batch) this.#submit(batch);
      return;
    }
    if (batch) this.#keep(batch);
    const first = this.#stalled.shift() as OpenBatch;
    this.#stalledBytes -= first.end;
    this.#submit(first);
  }

  /** Closes what was collected now, so that what is submitted next comes behind it. */
  sealNow(): void {
    if (this.#open) this.seal();
  }

  #submit(batch: OpenBatch): void {
    this.#engine.submitBatch(batch, this.id, batch.answers.level, batch.writer.bytes, batch.end);
  }

  #keep(batch: OpenBatch): void {
    this.#stalled.push(batch);
    this.#stalledBytes += batch.end;
  }

  /** The engine was too busy for `batch`: it goes back to the front and is offered again soon. */
  stall(batch: OpenBatch): void {
    this.#stalled.unshift(batch);
    this.#stalledBytes += batch.end;
    setTimeout(() => this.#joinTurn(), RETRY_MS);
  }

  /** The engine has copied the bytes; the buffer serves again. */
  recycle(writer: BatchWriter): void {
    this.#spare = writer;
  }

  /** A batch of so many appends is being answered. */
  answering(count: number): void {
    this.#engine.answering(count);
  }

  /** What the results of a batch have in common. Not the batch: results are kept by callers, its buffers must not be. */
  frame(lsn: number, base: number): PlacedFrame {
    return { flusher: this.#engine, partition: this.index, lsn, base };
  }

  /** `batch` has its offsets: whom that is enough for is answered, the others wait. */
  passed(batch: OpenBatch): void {
    if (this.#stalled.length > 0) this.#joinTurn();
    const { answers } = batch;
    if (answers.level === Level.memory) {
      batch.release(Code.ok);
      return;
    }
    if (answers.mixed) {
      batch.reached(Level.memory, Code.ok);
      this.#engine.wait(Level.written, {
        lsn: batch.lsn,
        release: (failure) => batch.reached(Level.written, failure),
      });
    }
    this.#engine.wait(answers.level, batch);
  }
}
