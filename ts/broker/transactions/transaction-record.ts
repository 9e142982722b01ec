/**
 * What of a transactional id survives the process: its producer, and the transaction that is open.
 *
 * Not who waits. To remember: the end of a transaction is one frame, so a stored transaction is either open or was never
 * heard of: there is no half-ended one.
 */

import type { StoredOffset } from '../../log/committed-offset.ts';
import type { ProducerClaim } from './events.ts';

/** How far a transactional id has come. `Prepare...` states are never stored. */
export type StoredState = 'Empty' | 'Ongoing' | 'CompleteCommit' | 'CompleteAbort';

/** One transactional id as it is stored. */
export interface TransactionRecord {
  readonly producerId: number;
  readonly epoch: number;
  /** The epoch before the last bump by the same producer, -1 when nobody may come back with it. */
  readonly lastEpoch: number;
  /** Who ended the last transaction and got another epoch for it; left out when nobody did. */
  readonly endedBy?: ProducerClaim | undefined;
  readonly timeoutMs: number;
  readonly state: StoredState;
  /** Wall time, ms, of the first partition or group; -1 when none is open. */
  readonly startedMs: number;
  /** Wall time, ms, of the last change. */
  readonly updatedMs: number;
  readonly partitions: readonly { readonly topic: string; readonly index: number; readonly id: number }[];
  /** Groups of the open transaction with their pending offsets. */
  readonly groups: readonly {
    readonly group: string;
    readonly offsets: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly committed: StoredOffset;
    }[];
  }[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const VERSION = 1;

/** The value behind a `transactionKey`. */
export function encodeTransaction(record: TransactionRecord): Uint8Array {
  return encoder.encode(JSON.stringify({ v: VERSION, ...record }));
}

/** Undoes `encodeTransaction`. Throws on a version it does not read. */
export function decodeTransaction(value: Uint8Array): TransactionRecord {
  const { v, ...record } = JSON.parse(decoder.decode(value)) as TransactionRecord & { v: number };
  if (v !== VERSION) throw new Error(`transaction entry has format version ${v}, this program reads ${VERSION}`);
  return record;
}
