/**
 * A record as users give it and as they get it.
 *
 * Not its bytes in a batch (record-batch.ts, batch-view.ts). To remember: a missing key or value is null on the wire and
 * stays null, an empty one stays empty.
 */

/** Bytes, or text that is stored as UTF-8, or nothing. */
export type Content = Uint8Array | string | null;

/** Headers: an object, or pairs where a name may occur twice and the order matters. */
export type HeadersInput = Readonly<Record<string, Content>> | readonly (readonly [name: string, value: Content])[];

/** A record to append. */
export interface RecordInput {
  key?: Content | undefined;
  value?: Content | undefined;
  headers?: HeadersInput | undefined;
  /** Milliseconds since 1970 or a Date; default: now, one moment for all records of a turn of the event loop. */
  timestamp?: number | Date | undefined;
}

/** A record that was read. Its buffers are views of the batch's memory, which is the reader's to keep. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}
