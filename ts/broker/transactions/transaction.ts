/**
 * The state machine of one transactional id: epochs and fencing, the open transaction, its end (kafka.md rules 18, 19).
 *
 * Not the journal and not the clock: effects go out, answers of the store come back in by `stored` and `ended`. To
 * remember: while something is on its way to the journal everything else is told CONCURRENT_TRANSACTIONS, so there is
 * never more than one thing to be undone, and none is: what was stored twice is stored the same.
 *
 *   Empty -> Ongoing -> PrepareCommit -> CompleteCommit -> Ongoing ...
 *                    -> PrepareAbort  -> CompleteAbort  -> Ongoing ...
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type {
  EnlistedPartition,
  EpochBump,
  InitEvent,
  InitResult,
  PendingOffset,
  ProducerClaim,
  TransactionEffect,
  Waiter,
} from './events.ts';
import type { StoredState, TransactionRecord } from './transaction-record.ts';

/** Epochs from here on are not given out: the one above is left for fencing. */
export const EPOCH_MAX: number = 32_766;

export type TransactionState = StoredState | 'PrepareCommit' | 'PrepareAbort';

/** What is on its way to the journal, and who is answered when it is there. */
interface Storing {
  readonly waiter: Waiter;
  readonly init: boolean;
}

/** One transactional id. */
export class Transaction {
  readonly id: string;
  producerId = -1;
  epoch = -1;
  #lastEpoch = -1;
  /** Who ended the last transaction and has another epoch since: it may ask again. */
  #endedBy: ProducerClaim | undefined;
  timeoutMs = 0;
  state: TransactionState = 'Empty';
  startedMs = -1;
  updatedMs = -1;
  readonly partitions: Map<number, EnlistedPartition> = new Map();
  readonly groups: Map<string, Map<string, PendingOffset>> = new Map();
  #storing: Storing | undefined;
  /** Partitions that are on their way to the journal: nothing is appended there before they are in it. */
  readonly #entering = new Set<number>();
  /** Told when the end is durable: the producer, or whoever has to come again. */
  #enders: { waiter: Waiter; init: boolean }[] = [];

  constructor(id: string) {
    this.id = id;
  }

  /** Something is on its way to the journal. */
  get isBusy(): boolean {
    return this.#storing !== undefined || this.isEnding;
  }

  /** Something but an end is on its way there: it is soon over. */
  get isStoring(): boolean {
    return this.#storing !== undefined;
  }

  get isEnding(): boolean {
    return this.state === 'PrepareCommit' || this.state === 'PrepareAbort';
  }

  /** Takes over what was stored. An open transaction goes on, until its time is over. */
  restore(record: TransactionRecord, nowMs: number, out: TransactionEffect[]): void {
    this.producerId = record.producerId;
    this.epoch = record.epoch;
    this.#lastEpoch = record.lastEpoch;
    this.#endedBy = record.endedBy;
    this.timeoutMs = record.timeoutMs;
    this.state = record.state;
    this.startedMs = record.startedMs;
    this.updatedMs = record.updatedMs;
    for (const partition of record.partitions) this.partitions.set(partition.id, partition);
    for (const { group, offsets } of record.groups) {
      this.groups.set(group, new Map(offsets.map((offset) => [keyOf(offset), offset])));
    }
    if (this.state !== 'Ongoing') return;
    const left = this.startedMs + this.timeoutMs - nowMs;
    // A clock that was set back must not keep a transaction open for longer than it asked.
    out.push({ kind: 'setTimer', delayMs: Math.min(Math.max(left, 0), this.timeoutMs) });
  }

  /** Rule 19: a producer begins, or goes on with a new epoch. An open transaction is aborted first. */
  init(event: InitEvent, out: TransactionEffect[]): void {
    const { waiter, expected } = event;
    const refusal = this.#initRefusal(expected);
    if (refusal !== ErrorCode.NONE) {
      out.push(initReply(waiter, refusal));
      return;
    }
    if (this.state === 'Ongoing') {
      // The epoch in between belongs to nobody; who asks comes again and gets the one above.
      this.#end(false, 'fence', event.nowMs, { waiter, init: true }, out);
      return;
    }
    if (!this.#takeEpoch(event)) {
      out.push(initReply(waiter, ErrorCode.PRODUCER_FENCED));
      return;
    }
    this.#endedBy = undefined;
    this.timeoutMs = event.timeoutMs;
    this.updatedMs = event.nowMs;
    this.state = 'Empty';
    this.#store(waiter, true, true, out);
  }

  /** Partitions take part from now on; the producer may write there once it is answered. */
  addPartitions(
    waiter: Waiter,
    claim: ProducerClaim,
    partitions: readonly EnlistedPartition[],
    nowMs: number,
    out: TransactionEffect[],
  ): void {
    const refusal = this.#refusal(claim);
    if (refusal !== ErrorCode.NONE || (this.state === 'Ongoing' && partitions.every(({ id }) => this.has(id)))) {
      out.push({ kind: 'reply', waiter, error: refusal });
      return;
    }
    this.#begin(nowMs, out);
    for (const partition of partitions) {
      if (!this.partitions.has(partition.id)) this.#entering.add(partition.id);
      this.partitions.set(partition.id, partition);
    }
    this.#store(waiter, false, false, out);
  }

  /** Offsets of `group` take part from now on. */
  addGroup(waiter: Waiter, claim: ProducerClaim, group: string, nowMs: number, out: TransactionEffect[]): void {
    const refusal = this.#refusal(claim);
    if (refusal !== ErrorCode.NONE || (this.state === 'Ongoing' && this.groups.has(group))) {
      out.push({ kind: 'reply', waiter, error: refusal });
      return;
    }
    this.#begin(nowMs, out);
    this.groups.set(group, new Map());
    this.#store(waiter, false, false, out);
  }

  /**
   * Offsets that count when the transaction commits. Durable when answered: the commit is a promise about them.
   * `enlists`: the group takes part by this alone.
   */
  addOffsets(
    waiter: Waiter,
    claim: ProducerClaim,
    group: string,
    offsets: readonly PendingOffset[],
    enlists: boolean,
    nowMs: number,
    out: TransactionEffect[],
  ): void {
    const pending = this.groups.get(group) ?? (enlists ? new Map<string, PendingOffset>() : undefined);
    let error = this.#refusal(claim);
    // Clients of this request know no CONCURRENT_TRANSACTIONS, but they do try again for this one.
    if (error === ErrorCode.CONCURRENT_TRANSACTIONS) error = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
    else if (error === ErrorCode.PRODUCER_FENCED) error = ErrorCode.INVALID_PRODUCER_EPOCH;
    else if (error === ErrorCode.NONE && ((this.state !== 'Ongoing' && !enlists) || !pending))
      error = ErrorCode.INVALID_TXN_STATE;
    if (error !== ErrorCode.NONE || !pending) {
      out.push({ kind: 'reply', waiter, error });
      return;
    }
    this.#begin(nowMs, out);
    for (const offset of offsets) pending.set(keyOf(offset), offset);
    this.groups.set(group, pending);
    this.#store(waiter, false, true, out);
  }

  /**
   * The producer ends its transaction. The same end again is fine: the first answer may have been lost. With `bump` it
   * has the next epoch afterwards, also when it aborts nothing.
   */
  end(
    waiter: Waiter,
    claim: ProducerClaim,
    committed: boolean,
    bump: EpochBump | undefined,
    nowMs: number,
    out: TransactionEffect[],
  ): void {
    if (bump) this.#endAndBump(waiter, claim, committed, bump, nowMs, out);
    else this.#endInEpoch(waiter, claim, committed, nowMs, out);
  }

  #endAndBump(
    waiter: Waiter,
    claim: ProducerClaim,
    committed: boolean,
    bump: EpochBump,
    nowMs: number,
    out: TransactionEffect[],
  ): void {
    const answer = (error: ErrorNumber): void => void out.push({ kind: 'reply', waiter, error });
    const isAgain = this.#endedBy?.producerId === claim.producerId && this.#endedBy.epoch === claim.epoch;
    const refusal = isAgain ? ErrorCode.NONE : this.#claimRefusal(claim);
    if (refusal !== ErrorCode.NONE) answer(refusal);
    else if (this.isBusy) answer(ErrorCode.CONCURRENT_TRANSACTIONS);
    else if (isAgain) {
      const isSame = this.state === (committed ? 'CompleteCommit' : 'CompleteAbort');
      answer(isSame ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE);
    } else if (this.state !== 'Ongoing' && committed) answer(ErrorCode.INVALID_TXN_STATE);
    else this.#end(committed, bump, nowMs, { waiter, init: false }, out);
  }

  #endInEpoch(waiter: Waiter, claim: ProducerClaim, committed: boolean, nowMs: number, out: TransactionEffect[]): void {
    const refusal = this.#claimRefusal(claim);
    const answer = (error: ErrorNumber): void => void out.push({ kind: 'reply', waiter, error });
    if (refusal !== ErrorCode.NONE) answer(refusal);
    else if (this.#storing) answer(ErrorCode.CONCURRENT_TRANSACTIONS);
    else if (this.state === 'Ongoing') this.#end(committed, 'keep', nowMs, { waiter, init: false }, out);
    else if (this.state === (committed ? 'CompleteCommit' : 'CompleteAbort')) answer(ErrorCode.NONE);
    else if (this.state === (committed ? 'PrepareCommit' : 'PrepareAbort')) {
      answer(ErrorCode.CONCURRENT_TRANSACTIONS);
    } else answer(ErrorCode.INVALID_TXN_STATE);
  }

  /** The time of the open transaction is over: it is aborted and its producer fenced. False: come again, it is busy. */
  expired(nowMs: number, out: TransactionEffect[]): boolean {
    if (this.state !== 'Ongoing') return true;
    if (this.#storing) return false;
    this.#end(false, 'fence', nowMs, undefined, out);
    return true;
  }

  /** What `store` asked for is there, or not. */
  stored(error: ErrorNumber, out: TransactionEffect[]): void {
    const storing = this.#storing;
    if (!storing) return;
    this.#storing = undefined;
    this.#entering.clear();
    const { waiter } = storing;
    if (!storing.init) out.push({ kind: 'reply', waiter, error });
    else if (error !== ErrorCode.NONE) out.push(initReply(waiter, error));
    else out.push({ kind: 'initReply', waiter, result: { error, producerId: this.producerId, epoch: this.epoch } });
  }

  /** The frame of the end is durable, or its outcome is unknown (then the state stays, and the next process knows). */
  ended(error: ErrorNumber, out: TransactionEffect[]): void {
    const enders = this.#enders;
    this.#enders = [];
    if (error === ErrorCode.NONE) {
      this.state = this.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort';
      this.startedMs = -1;
      this.partitions.clear();
      this.groups.clear();
    }
    for (const { waiter, init } of enders) {
      if (!init) out.push({ kind: 'reply', waiter, error });
      else out.push(initReply(waiter, error === ErrorCode.NONE ? ErrorCode.CONCURRENT_TRANSACTIONS : error));
    }
  }

  /** Whether a partition takes part in the open transaction. */
  has(partition: number): boolean {
    return this.partitions.has(partition) && !this.#entering.has(partition);
  }

  /** Rule 18 on the produce path: may this producer append to a partition now? */
  checkAppend(epoch: number, partition: number): ErrorNumber {
    if (epoch !== this.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH;
    return this.state === 'Ongoing' && this.has(partition) ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE;
  }

  #initRefusal(expected: ProducerClaim | undefined): ErrorNumber {
    if (this.isBusy) return ErrorCode.CONCURRENT_TRANSACTIONS;
    if (!expected || this.epoch === -1) return ErrorCode.NONE;
    if (expected.producerId !== this.producerId) return ErrorCode.PRODUCER_FENCED;
    // One that was fenced must not abort what its successor has open.
    const isCurrent = expected.epoch === this.epoch || expected.epoch === this.#lastEpoch;
    return isCurrent ? ErrorCode.NONE : ErrorCode.PRODUCER_FENCED;
  }

  /** Gives the producer its epoch. False: somebody else has taken over meanwhile. */
  #takeEpoch({ expected, freshProducerId }: InitEvent): boolean {
    if (this.epoch === -1 || (this.epoch >= EPOCH_MAX && (!expected || expected.epoch === this.epoch))) {
      this.producerId = freshProducerId;
      this.epoch = 0;
      this.#lastEpoch = -1;
      return true;
    }
    if (!expected || expected.epoch === this.epoch) {
      this.#lastEpoch = expected ? this.epoch : -1;
      this.epoch++;
      return true;
    }
    // The answer to its last bump was lost.
    return expected.epoch === this.#lastEpoch;
  }

  #claimRefusal({ producerId, epoch }: ProducerClaim): ErrorNumber {
    if (producerId !== this.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING;
    return epoch === this.epoch ? ErrorCode.NONE : ErrorCode.PRODUCER_FENCED;
  }

  #refusal(claim: ProducerClaim): ErrorNumber {
    const refusal = this.#claimRefusal(claim);
    return refusal === ErrorCode.NONE && this.isBusy ? ErrorCode.CONCURRENT_TRANSACTIONS : refusal;
  }

  #begin(nowMs: number, out: TransactionEffect[]): void {
    this.updatedMs = nowMs;
    if (this.state === 'Ongoing') return;
    this.state = 'Ongoing';
    this.startedMs = nowMs;
    this.#endedBy = undefined;
    out.push({ kind: 'setTimer', delayMs: this.timeoutMs });
  }

  #store(waiter: Waiter, init: boolean, durable: boolean, out: TransactionEffect[]): void {
    this.#storing = { waiter, init };
    out.push({ kind: 'store', record: this.#record(this.state as StoredState), durable });
  }

  #end(
    committed: boolean,
    epochs: 'keep' | 'fence' | EpochBump,
    nowMs: number,
    ender: { waiter: Waiter; init: boolean } | undefined,
    out: TransactionEffect[],
  ): void {
    if (ender) this.#enders.push(ender);
    this.state = committed ? 'PrepareCommit' : 'PrepareAbort';
    this.updatedMs = nowMs;
    // Markers have the epoch above where there is one: then whatever of this epoch comes late is refused.
    const { producerId } = this;
    const epoch = epochs === 'keep' ? this.epoch : this.epoch + 1;
    if (epochs === 'fence') this.#lastEpoch = -1;
    if (typeof epochs === 'object') {
      this.#endedBy = { producerId, epoch: this.epoch };
      this.#lastEpoch = this.epoch;
    }
    this.epoch = epoch;
    if (typeof epochs === 'object' && epoch > EPOCH_MAX) {
      this.producerId = epochs.freshProducerId;
      this.epoch = 0;
      this.#lastEpoch = -1;
    }
    const partitions = [...this.partitions.values()];
    const offsets = new Map([...this.groups].map(([group, pending]) => [group, [...pending.values()]]));
    const ended: TransactionRecord = {
      ...this.#record(committed ? 'CompleteCommit' : 'CompleteAbort'),
      startedMs: -1,
      partitions: [],
      groups: [],
    };
    out.push({ kind: 'cancelTimer' });
    out.push({ kind: 'end', ending: { committed, producerId, epoch, partitions, offsets, record: ended } });
  }

  #record(state: StoredState): TransactionRecord {
    return {
      producerId: this.producerId,
      epoch: this.epoch,
      lastEpoch: this.#lastEpoch,
      ...(this.#endedBy ? { endedBy: this.#endedBy } : {}),
      timeoutMs: this.timeoutMs,
      state,
      startedMs: state === 'Ongoing' ? this.startedMs : -1,
      updatedMs: this.updatedMs,
      partitions: [...this.partitions.values()],
      groups: [...this.groups].map(([group, offsets]) => ({ group, offsets: [...offsets.values()] })),
    };
  }
}

function keyOf({ topic, partition }: PendingOffset): string {
  return `${partition}/${topic}`;
}

function initReply(waiter: Waiter, error: ErrorNumber): TransactionEffect {
  const result: InitResult = { error, producerId: -1, epoch: -1 };
  return { kind: 'initReply', waiter, result };
}
