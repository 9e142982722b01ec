/**
 * Appends to one partition: all single-partition appends of a loop turn become one record batch.
 *
 * Not the choice of the partition. To remember: order of calls is order of offsets; a batch that the engine was too busy
 * for is kept, whole and in front, until it fits; what waits there has a limit.
 */

import type { Durability } from '../durability.ts';
import { levelName } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode, outcomeUnknown } from '../io/native-error.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { Plan } from '../io/plan.ts';
import { type Participant, succeeded, type Ticket } from '../io/turn.ts';
import type { Waiter } from '../io/waiters.ts';
import { AppendResult } from './append-result.ts';
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

/** How long a refused batch waits before it is offered again, ms. */
const RETRY_MS = 2;
const RECORDS_MAX = 100_000;

/** One call of `append` inside a batch. */
interface Member {
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
  /** Records before it in the batch. */
  readonly delta: number;
  readonly count: number;
  readonly level: LevelNumber;
}

let takenResolve: (result: AppendResult) => void;
let takenReject: (error: unknown) => void;
/** One executor for all promises: no closure per append. */
function take(resolve: (result: AppendResult) => void, reject: (error: unknown) => void): void {
  takenResolve = resolve;
  takenReject = reject;
}

/** A batch that is being filled, or waits. */
class OpenBatch implements Ticket, Waiter {
  readonly rows = 1;
  lsn = 0;
  level: LevelNumber = Level.memory;
  members: Member[] = [];
  end = 0;
  base = 0;
  readonly writer: BatchWriter;
  readonly owner: Appender;

  constructor(owner: Appender, writer: BatchWriter) {
    this.owner = owner;
    this.writer = writer;
    writer.begin();
  }

  placed(plan: Plan, row: number): void {
    const code = plan.codeOf(row);
    if (code === Code.busy) {
      this.owner.stall(this);
      return;
    }
    this.owner.recycle(this.writer);
    if (!succeeded(code)) {
      this.fail(fromCode(code));
      return;
    }
    this.base = plan.baseOffsetOf(row);
    this.lsn = plan.lsnOf(row);
    this.owner.passed(this);
  }

  /** The batch's own level is reached, or will never be known. */
  release(failure: CodeNumber): void {
    if (failure !== Code.ok) this.fail(outcomeUnknown(failure));
    else for (const member of this.members) this.owner.answer(this, member);
  }

  fail(error: unknown): void {
    for (const member of this.members) member.reject(error);
  }
}

/** Appends to one partition. */
export class Appender implements Participant {
  readonly #engine: NodeEngine;
  readonly #tools: BatchTools;
  readonly #limits: BatchLimits;
  /** The engine's id of the partition. */
  readonly id: number;
  /** Its index in the topic. */
  readonly index: number;
  #open: OpenBatch | undefined;
  #spare: BatchWriter | undefined;
  #stalled: OpenBatch[] = [];
  #stalledBytes = 0;
  #joined = false;

  constructor(engine: NodeEngine, tools: BatchTools, limits: BatchLimits, id: number, index: number) {
    this.#engine = engine;
    this.#tools = tools;
    this.#limits = limits;
    this.id = id;
    this.index = index;
  }

  /** Nothing is being collected right now. */
  get idle(): boolean {
    return this.#open === undefined;
  }

  /** The engine was too busy for an earlier batch. */
  get stalled(): boolean {
    return this.#stalled.length > 0;
  }

  /** Adds one record to this turn's batch. Rejects; throws only MILLRACE_ARGUMENT and MILLRACE_TOO_LARGE. */
  appendOne(record: RecordInput, level: LevelNumber, now: number): Promise<AppendResult> {
    const batch = this.#batchWithRoom();
    const { writer } = batch;
    const delta = writer.count;
    writer.mark();
    writer.add(record, now);
    return this.#join(batch, delta, 1, level);
  }

  /** Adds records that stay together: all of them are stored, or none. */
  appendMany(records: readonly RecordInput[], level: LevelNumber, now: number): Promise<AppendResult> {
    const batch = this.#batchWithRoom();
    const { writer } = batch;
    const delta = writer.count;
    writer.mark();
    try {
      for (const record of records) writer.add(record, now);
    } catch (error) {
      writer.rewind();
      throw error;
    }
    return this.#join(batch, delta, records.length, level);
  }

  #batchWithRoom(): OpenBatch {
    if (this.#stalledBytes > this.#limits.stalledBytes) {
      throw new MillraceError('MILLRACE_BUSY', 'too much waits already for the engine to catch up');
    }
    const open = this.#open;
    if (open) return open;
    const batch = new OpenBatch(this, this.#spare ?? new BatchWriter(this.#tools));
    this.#spare = undefined;
    this.#open = batch;
    this.#joinTurn();
    return batch;
  }

  /** Makes what was just added a member of the batch. A batch is at most twice the limit. */
  #join(batch: OpenBatch, delta: number, count: number, level: LevelNumber): Promise<AppendResult> {
    const limit = this.#limits.batchBytes;
    const added = batch.writer.lengthSinceMark;
    if (added > limit) {
      batch.writer.rewind();
      throw new MillraceError('MILLRACE_TOO_LARGE', `${added} bytes in one append, the limit is ${limit}`);
    }
    const promise = new Promise<AppendResult>(take);
    batch.members.push({ resolve: takenResolve, reject: takenReject, delta, count, level });
    if (level > batch.level) batch.level = level;
    // A full batch is committed at once: at most one batch of a partition is in a turn, so a refusal cannot reorder them.
    if (batch.writer.length >= limit || batch.writer.count >= RECORDS_MAX) this.#engine.commitNow();
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
    const batch = open && open.members.length > 0 ? open : undefined;
    if (batch) batch.end = batch.writer.finish(this.#limits.codec);
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
    this.#engine.submitBatch(batch, this.id, batch.level, batch.writer.bytes, batch.end);
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

  /** `batch` has its offsets: whom that is enough for is answered, the others wait. */
  passed(batch: OpenBatch): void {
    if (this.#stalled.length > 0) this.#joinTurn();
    const { members, level } = batch;
    if (level === Level.memory) {
      for (const member of members) this.answer(batch, member);
      return;
    }
    const weaker = members.filter((member) => member.level < level);
    if (weaker.length > 0) {
      batch.members = members.filter((member) => member.level === level);
      for (const member of weaker) if (member.level === Level.memory) this.answer(batch, member);
      this.#waitWritten(
        batch,
        weaker.filter((member) => member.level === Level.written),
      );
    }
    this.#engine.wait(level, batch);
  }

  #waitWritten(batch: OpenBatch, members: readonly Member[]): void {
    if (members.length === 0) return;
    this.#engine.wait(Level.written, {
      lsn: batch.lsn,
      release: (failure) => {
        for (const member of members) {
          if (failure === Code.ok) this.answer(batch, member);
          else member.reject(outcomeUnknown(failure));
        }
      },
    });
  }

  answer(batch: OpenBatch, member: Member): void {
    const level: Durability = levelName(member.level);
    member.resolve(
      new AppendResult(this.#engine, this.index, batch.base + member.delta, member.count, level, batch.lsn),
    );
  }
}
