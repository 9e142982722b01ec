/**
 * A record as the command line shows it: what consume prints and dump lists. Not the wire format and not the client's.
 *
 * Invariant: a key or value of null (a tombstone) is never turned into an empty one.
 */

/** One consumed record. `timestamp` is ms since 1970 (-1: none); -1 for producer id and epoch means none. */
export interface CliRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
  readonly leaderEpoch: number;
  /** Batch attributes as in the Kafka record batch: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control. */
  readonly attributes: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly logStart: number;
  readonly lastStable: number;
  readonly highWatermark: number;
}

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** Name of the codec in batch attributes. */
export function codecName(attributes: number): string {
  return codecs[attributes & 7] ?? `unknown-${attributes & 7}`;
}

/** Name of the timestamp type in batch attributes. */
export function timestampTypeName(attributes: number): string {
  return (attributes & 8) === 0 ? 'CreateTime' : 'LogAppendTime';
}
