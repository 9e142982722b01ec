/**
 * All transactional ids of this node: finds the machine of a request, lets it decide, performs its effects.
 *
 * Not the protocol of transactions (transaction.ts). To remember: the end of a transaction (markers in every partition,
 * offsets of every group, the new state) is one frame of the journal, so no crash leaves half of it; what was refused for
 * lack of room is offered again until it is in.
 */

import { Code, type CodeNumber, Level, type LevelNumber } from '../../io/native-types.ts';
import { encodeStoredOffset } from '../../log/committed-offset.ts';
import { offsetKey, parseTransactionKey, transactionKey, transactionPrefix } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import type { OffsetCommit } from '../groups/offsets.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import type { Timers } from '../purgatory/timer-host.ts';
import { WheelTimer } from '../purgatory/timing-wheel.ts';
import type {
  Ending,
  EnlistedPartition,
  InitResult,
  PendingOffset,
  ProducerClaim,
  TransactionEffect,
} from './events.ts';
import { PendingOffsets } from './pending-offsets.ts';
import { EPOCH_MAX, Transaction } from './transaction.ts';
import { decodeTransaction, encodeTransaction, type TransactionRecord } from './transaction-record.ts';

type InitReply = (result: InitResult) => void;
type Reply = (error: ErrorNumber) => void;

/** How soon the journal is asked again when it had no room. */
const RETRY_MS = 5;

/** A machine with its timer. */
interface Running {
  readonly transaction: Transaction;
  readonly timeout: WheelTimer;
  /** What comes when nothing is on its way to the journal any more, in order. */
  readonly later: (() => void)[];
  /** Requests that enlist by writing and are not answered yet: whatever is written after them waits behind them. */
  enlisting: number;
}

/** What a coordinator stands on. */
export interface TransactionParts {
  readonly engine: Engine;
  readonly timers: Timers;
  /** Hands out a producer id that nobody ever had. */
  readonly newProducerId: (done: (code: CodeNumber, producerId: number) => void) => void;
  /** Whether a partition is still the one that took part: its topic may be gone, and another have its name. */
  readonly isThere: (partition: EnlistedPartition) => boolean;
  /** Whether offsets of a topic still make sense. */
  readonly hasTopic: (topic: string) => boolean;
  /** The offsets of a transaction are durable. */
  readonly committed: (group: string, commits: readonly OffsetCommit[]) => void;
  /** Longest time a transaction may stay open, ms. */
  readonly maxTimeoutMs: number;
  /** Wall time, ms. */
  readonly wallMs: () => number;
}

/** The coordinator of every transactional id on this node. */
export class TransactionCoordinator {
  readonly #parts: TransactionParts;
  readonly #byId = new Map<string, Running>();
  readonly #byProducer = new Map<number, Transaction>();
  readonly #retries = new Set<WheelTimer>();
  readonly pending: PendingOffsets = new PendingOffsets();
  #closed = false;

  /** Takes over what is stored. Throws on an entry it cannot read. */
  constructor(parts: TransactionParts) {
    this.#parts = parts;
    for (const [key, value] of parts.engine.scanState(transactionPrefix())) {
      const id = parseTransactionKey(key);
      if (id === undefined) throw new Error('state map holds a transaction entry with a key that is none');
      const record = decodeTransaction(value);
      const running = this.#start(id);
      this.#run(running, (out) => running.transaction.restore(record, parts.wallMs(), out));
      for (const { group, offsets } of record.groups) this.pending.add(running.transaction, group, offsets);
    }
  }

  get(id: string): Transaction | undefined {
    return this.#byId.get(id)?.transaction;
  }

  /** All transactional ids that are known. */
  *all(): IterableIterator<Transaction> {
    for (const { transaction } of this.#byId.values()) yield transaction;
  }

  /** Rule 19: a producer id and epoch for a transactional id. */
  init(id: string, timeoutMs: number, expected: ProducerClaim | undefined, reply: InitReply): void {
    const refusal = this.#initRefusal(id, timeoutMs);
    if (refusal !== ErrorCode.NONE) {
      reply({ error: refusal, producerId: -1, epoch: -1 });
      return;
    }
    this.#parts.newProducerId((code, freshProducerId) => {
      if (code !== Code.ok || this.#closed) {
        reply({ error: ErrorCode.COORDINATOR_NOT_AVAILABLE, producerId: -1, epoch: -1 });
        return;
      }
      const running = this.#byId.get(id) ?? this.#start(id);
      const nowMs = this.#parts.wallMs();
      this.#run(running, (out) =>
        running.transaction.init({ waiter: reply, timeoutMs, expected, freshProducerId, nowMs }, out),
      );
    });
  }

  addPartitions(id: string, claim: ProducerClaim, partitions: readonly EnlistedPartition[], reply: Reply): void {
    this.#ask(id, reply, (transaction, out) =>
      transaction.addPartitions(reply, claim, partitions, this.#parts.wallMs(), out),
    );
  }

  addGroup(id: string, claim: ProducerClaim, group: string, reply: Reply): void {
    this.#ask(id, reply, (transaction, out) => transaction.addGroup(reply, claim, group, this.#parts.wallMs(), out));
  }

  /**
   * Partitions take part because their producer writes there (KIP-890): waits for its turn where `addPartitions` says
   * that another request is under way. `reply` runs at once when all of them take part already.
   */
  enlist(id: string, claim: ProducerClaim, partitions: readonly EnlistedPartition[], reply: Reply): void {
    const running = this.#byId.get(id);
    if (!running) {
      reply(ErrorCode.INVALID_PRODUCER_ID_MAPPING);
      return;
    }
    running.enlisting += 1;
    const answered: Reply = (error) => {
      running.enlisting -= 1;
      reply(error);
    };
    this.#inTurn(id, () => this.addPartitions(id, claim, partitions, answered));
  }

  /** Whether something that was written before has yet to be enlisted. */
  isEnlisting(id: string): boolean {
    return (this.#byId.get(id)?.enlisting ?? 0) > 0;
  }

  /**
   * Offsets that count when the transaction commits; until then a reader of stable offsets is told to wait (rule 23).
   * `enlists`: their group takes part by this alone (KIP-890).
   */
  addOffsets(
    id: string,
    claim: ProducerClaim,
    group: string,
    offsets: readonly PendingOffset[],
    enlists: boolean,
    reply: Reply,
  ): void {
    const answered: Reply = (error) => {
      const transaction = this.get(id);
      if (error === ErrorCode.NONE && transaction) this.pending.add(transaction, group, offsets);
      reply(error);
    };
    const add = () =>
      this.#ask(id, reply, (transaction, out) =>
        transaction.addOffsets(answered, claim, group, offsets, enlists, this.#parts.wallMs(), out),
      );
    if (enlists) this.#inTurn(id, add);
    else add();
  }

  end(id: string, claim: ProducerClaim, committed: boolean, reply: Reply): void {
    this.#ask(id, reply, (transaction, out) =>
      transaction.end(reply, claim, committed, undefined, this.#parts.wallMs(), out),
    );
  }

  /** Ends a transaction and gives its producer the next epoch, which `reply` is told (KIP-890). */
  endAndBump(id: string, claim: ProducerClaim, committed: boolean, reply: InitReply): void {
    const answered: Reply = (error) => {
      const transaction = this.get(id);
      if (error !== ErrorCode.NONE || !transaction) reply({ error, producerId: -1, epoch: -1 });
      else reply({ error, producerId: transaction.producerId, epoch: transaction.epoch });
    };
    const end = (freshProducerId: number) =>
      this.#ask(id, answered, (transaction, out) =>
        transaction.end(answered, claim, committed, { freshProducerId }, this.#parts.wallMs(), out),
      );
    if ((this.get(id)?.epoch ?? 0) < EPOCH_MAX) {
      end(-1);
      return;
    }
    this.#parts.newProducerId((code, freshProducerId) => {
      if (code === Code.ok && !this.#closed) end(freshProducerId);
      else reply({ error: ErrorCode.COORDINATOR_NOT_AVAILABLE, producerId: -1, epoch: -1 });
    });
  }

  /** Rule 18: may this producer append a transactional batch to a partition now? */
  checkAppend(producerId: number, epoch: number, partition: number): ErrorNumber {
    const transaction = this.#byProducer.get(producerId);
    return transaction ? transaction.checkAppend(epoch, partition) : ErrorCode.INVALID_PRODUCER_ID_MAPPING;
  }

  /** Forgets transactional ids that nobody has used since `beforeMs`. */
  expire(beforeMs: number): void {
    for (const [id, { transaction, timeout }] of this.#byId) {
      if (transaction.isBusy || transaction.state === 'Ongoing' || transaction.updatedMs >= beforeMs) continue;
      this.#parts.timers.cancel(timeout);
      this.#byId.delete(id);
      this.#byProducer.delete(transaction.producerId);
      // When this fails the id is found at the next start, and is forgotten then.
      this.#parts.engine.submit([{ kind: 'delete', key: transactionKey(id) }], Level.written, () => {});
    }
  }

  /** No timer of a transaction runs afterwards; what is open stays open in the journal. */
  close(): void {
    this.#closed = true;
    for (const { timeout } of this.#byId.values()) this.#parts.timers.cancel(timeout);
    for (const retry of this.#retries) this.#parts.timers.cancel(retry);
  }

  #initRefusal(id: string, timeoutMs: number): ErrorNumber {
    if (id === '' || !isWellFormed(id)) return ErrorCode.INVALID_REQUEST;
    const isAllowed = timeoutMs > 0 && timeoutMs <= this.#parts.maxTimeoutMs;
    return isAllowed ? ErrorCode.NONE : ErrorCode.INVALID_TRANSACTION_TIMEOUT;
  }

  #start(id: string): Running {
    const transaction = new Transaction(id);
    const running: Running = {
      transaction,
      timeout: new WheelTimer(() => this.#expired(running)),
      later: [],
      enlisting: 0,
    };
    this.#byId.set(id, running);
    return running;
  }

  #expired(running: Running): void {
    this.#run(running, (out) => {
      if (!running.transaction.expired(this.#parts.wallMs(), out)) out.push({ kind: 'setTimer', delayMs: RETRY_MS });
    });
  }

  #ask(id: string, reply: Reply, step: (transaction: Transaction, out: TransactionEffect[]) => void): void {
    const running = this.#byId.get(id);
    if (this.#closed) reply(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    else if (!running) reply(id === '' ? ErrorCode.INVALID_REQUEST : ErrorCode.INVALID_PRODUCER_ID_MAPPING);
    else this.#run(running, (out) => step(running.transaction, out));
  }

  /** Runs `step` now, or when what is on its way to the journal is there. An end is not waited for. */
  #inTurn(id: string, step: () => void): void {
    const running = this.#byId.get(id);
    if (running && (running.transaction.isStoring || running.later.length > 0)) running.later.push(step);
    else step();
  }

  /** Whoever has waited for their turn, until something is on its way again. */
  #next({ transaction, later }: Running): void {
    while (!transaction.isStoring) {
      const step = later.shift();
      if (!step) return;
      step();
    }
  }

  #run(running: Running, step: (out: TransactionEffect[]) => void): void {
    const { transaction } = running;
    const before = transaction.producerId;
    const out: TransactionEffect[] = [];
    step(out);
    if (transaction.producerId !== before) {
      this.#byProducer.delete(before);
      this.#byProducer.set(transaction.producerId, transaction);
    }
    for (const effect of out) this.#perform(running, effect);
  }

  #perform(running: Running, effect: TransactionEffect): void {
    switch (effect.kind) {
      case 'store':
        this.#store(running, effect.record, effect.durable ? Level.durable : Level.written);
        return;
      case 'end':
        this.#end(running, effect.ending);
        return;
      case 'initReply':
        (effect.waiter as InitReply)(effect.result);
        return;
      case 'reply':
        (effect.waiter as Reply)(effect.error);
        return;
      case 'setTimer':
        if (!this.#closed) this.#parts.timers.set(running.timeout, effect.delayMs);
        return;
      case 'cancelTimer':
        this.#parts.timers.cancel(running.timeout);
        return;
    }
  }

  #store(running: Running, record: TransactionRecord, level: LevelNumber): void {
    const effect: Effect = {
      kind: 'put',
      key: transactionKey(running.transaction.id),
      value: encodeTransaction(record),
    };
    this.#submit(
      () => [effect],
      level,
      (error) => {
        this.#run(running, (out) => running.transaction.stored(error, out));
        this.#next(running);
      },
    );
  }

  /** Everything the transaction touched, in one frame. Topics that are gone take their partitions and offsets along. */
  #end(running: Running, ending: Ending): void {
    const { committed, producerId, epoch: producerEpoch } = ending;
    const { isThere, hasTopic } = this.#parts;
    const commits = new Map<string, OffsetCommit[]>();
    const effects = (): Effect[] => {
      const frame: Effect[] = [];
      for (const partition of ending.partitions) {
        if (!isThere(partition)) continue;
        frame.push({ kind: 'endTransaction', partition: partition.id, producerId, producerEpoch, committed });
      }
      commits.clear();
      if (committed) {
        for (const [group, offsets] of ending.offsets) {
          const kept = offsets.filter(({ topic }) => hasTopic(topic));
          if (kept.length > 0) commits.set(group, kept);
          for (const { topic, partition, committed: stored } of kept) {
            frame.push({ kind: 'put', key: offsetKey(group, topic, partition), value: encodeStoredOffset(stored) });
          }
        }
      }
      const value = encodeTransaction(ending.record);
      frame.push({ kind: 'put', key: transactionKey(running.transaction.id), value });
      return frame;
    };
    this.#submit(effects, Level.durable, (error) => {
      if (error === ErrorCode.NONE) {
        for (const [group, offsets] of commits) this.#parts.committed(group, offsets);
        for (const [group, offsets] of ending.offsets) this.pending.remove(running.transaction, group, offsets);
      }
      this.#run(running, (out) => running.transaction.ended(error, out));
    });
  }

  /** Submits one frame until it is taken; `effects` makes it anew each time. */
  #submit(effects: () => Effect[], level: LevelNumber, done: (error: ErrorNumber) => void): void {
    this.#parts.engine.submit(effects(), level, (results, failure) => {
      if (failure !== Code.ok) {
        done(ErrorCode.COORDINATOR_NOT_AVAILABLE);
        return;
      }
      const refused = results.find(({ code }) => code !== Code.ok && code !== Code.refusedWithFrame);
      if (!refused) done(ErrorCode.NONE);
      else if (!isPassing(refused.code) || this.#closed) done(ErrorCode.COORDINATOR_NOT_AVAILABLE);
      else this.#again(() => this.#submit(effects, level, done));
    });
  }

  #again(attempt: () => void): void {
    const retry = new WheelTimer(() => {
      this.#retries.delete(retry);
      attempt();
    });
    this.#retries.add(retry);
    this.#parts.timers.set(retry, RETRY_MS);
  }
}

/** Refusals that pass: no room yet, or a topic was deleted in the same turn. */
function isPassing(code: CodeNumber): boolean {
  return code === Code.busy || code === Code.noSpace || code === Code.unknownPartition;
}
