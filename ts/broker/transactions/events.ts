/**
 * What goes into the state machine of a transactional id and what comes out of it.
 *
 * Not the Kafka messages: versions of the wire end in the handlers. To remember: the machine has no clock and no journal;
 * times come in with the events, what is to be stored and who is to be answered goes out as effects.
 */

import type { StoredOffset } from '../../log/committed-offset.ts';
import type { ErrorNumber } from '../protocol/error-codes.ts';
import type { TransactionRecord } from './transaction-record.ts';

/** Whoever waits for an answer; only the coordinator knows what it is. */
export type Waiter = unknown;

/** The producer that a request says it is. */
export interface ProducerClaim {
  readonly producerId: number;
  readonly epoch: number;
}

/** InitProducerId of a transactional id. */
export interface InitEvent {
  readonly waiter: Waiter;
  /** ms a transaction may stay open. */
  readonly timeoutMs: number;
  /** Who it was before, from a producer that goes on after an error (v3+); undefined for a new one. */
  readonly expected: ProducerClaim | undefined;
  /** An id that nobody ever had: for a machine that has none, or whose epochs are used up. */
  readonly freshProducerId: number;
  /** Wall time, ms. */
  readonly nowMs: number;
}

/** A partition of a transaction: by name for people, by engine id for the journal. */
export interface EnlistedPartition {
  readonly topic: string;
  readonly index: number;
  readonly id: number;
}

/** An offset that is committed when its transaction is. */
export interface PendingOffset {
  readonly topic: string;
  readonly partition: number;
  readonly committed: StoredOffset;
}

/** EndTxn of a producer that gets the next epoch with every end (KIP-890): nothing of the last one can come late. */
export interface EpochBump {
  /** An id that nobody ever had, for a producer whose epochs are used up; -1 for any other. */
  readonly freshProducerId: number;
}

/** Everything that a transaction ends, in one frame. */
export interface Ending {
  readonly committed: boolean;
  readonly producerId: number;
  /** Above the producer's own when it is fenced by this. */
  readonly epoch: number;
  readonly partitions: readonly EnlistedPartition[];
  /** By group; only looked at when it commits. */
  readonly offsets: ReadonlyMap<string, readonly PendingOffset[]>;
  /** What is stored of the transactional id from then on. */
  readonly record: TransactionRecord;
}

export interface InitResult {
  readonly error: ErrorNumber;
  readonly producerId: number;
  readonly epoch: number;
}

export type TransactionEffect =
  /** Store `record`; answer with `stored`. */
  | { kind: 'store'; record: TransactionRecord; durable: boolean }
  /** Write the markers, the offsets and the record in one frame; answer with `ended`. */
  | { kind: 'end'; ending: Ending }
  | { kind: 'initReply'; waiter: Waiter; result: InitResult }
  | { kind: 'reply'; waiter: Waiter; error: ErrorNumber }
  /** `expired` is due in `delayMs`. */
  | { kind: 'setTimer'; delayMs: number }
  | { kind: 'cancelTimer' };
