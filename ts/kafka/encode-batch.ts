/**
 * Makes one record batch (magic 2) of records, for `topic.appendBatch`, a Produce request or a file.
 *
 * Not sending it. To remember: offsets in a batch count from its base offset, and a server that stores it gives it another.
 */

import { MillraceError } from '../errors.ts';
import { fromNative } from '../io/native-error.ts';
import { Attribute, type Compression, Field } from '../log/batch-layout.ts';
import { batchTools } from '../log/batch-tools.ts';
import type { RecordInput } from '../log/record.ts';
import { BatchWriter } from '../log/record-batch.ts';
import { codecNumber, levelNumber } from './compression.ts';

/** An idempotent producer: a server stores a batch of it once, however often it is sent. */
export interface BatchProducer {
  /** As InitProducerId answered it, 0 to 2^63 - 1. */
  readonly id: bigint;
  /** 0 to 32,767. */
  readonly epoch: number;
  /** Sequence number of the batch's first record in its partition, 0 to 2^31 - 1. */
  readonly baseSequence: number;
  /** The batch is part of a transaction. Default false. */
  readonly transactional?: boolean;
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/** How to make a batch. */
export interface EncodeOptions {
  /** Default `none`. */
  readonly compression?: Compression;
  /** gzip 0 to 9, zstd 0 to 22. Default: the codec's own. */
  readonly level?: number;
  /** Offset of the first record, 0 to 2^53 - 1. Default 0; a server gives its own. */
  readonly baseOffset?: bigint | number;
  /** Time of records that have none, milliseconds since 1970. Default: now. */
  readonly timestamp?: number | Date;
  /** Default: nobody in particular. */
  readonly producer?: BatchProducer;
}

/**
 * The bytes of one batch with a right checksum. Throws MILLRACE_ARGUMENT for no records, a record that is none, or an option
 * out of range, and MILLRACE_COMPRESSION for an unknown codec.
 */
export function encodeBatch(records: Iterable<RecordInput>, options: EncodeOptions = {}): Buffer {
  const { compression = 'none', baseOffset = 0, producer } = options;
  const codec = codecNumber(compression);
  const level = levelNumber(options.level);
  const now = Number(whole('timestamp', new Date(options.timestamp ?? Date.now()).getTime(), LARGEST));
  const tools = batchTools();
  const writer = new BatchWriter(tools);
  writer.begin();
  for (const record of records) writer.add(record, now);
  if (writer.count === 0) throw new MillraceError('MILLRACE_ARGUMENT', 'a batch has one record at least');
  let end: number;
  try {
    end = writer.finish(codec, level);
  } catch (error) {
    throw fromNative(error);
  }
  // The writer is ours alone, and so are its bytes.
  const batch = writer.bytes.subarray(0, end);
  batch.writeBigInt64BE(whole('baseOffset', baseOffset, LARGEST), Field.baseOffset);
  if (producer !== undefined) {
    writeProducer(batch, producer);
    batch.writeUInt32BE(tools.crc32c(batch, Field.attributes, end), Field.crc);
  }
  return batch;
}

function writeProducer(batch: Buffer, { id, epoch, baseSequence, transactional = false }: BatchProducer): void {
  batch.writeBigInt64BE(whole('producer.id', id, 2n ** 63n - 1n), Field.producerId);
  batch.writeInt16BE(Number(whole('producer.epoch', epoch, 32_767n)), Field.producerEpoch);
  const sequence = whole('producer.baseSequence', baseSequence, 2n ** 31n - 1n);
  batch.writeInt32BE(Number(sequence), Field.baseSequence);
  if (transactional)
    batch.writeInt16BE(batch.readInt16BE(Field.attributes) | Attribute.transactional, Field.attributes);
}

function whole(name: string, value: bigint | number, most: bigint): bigint {
  const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (isWhole && value >= 0n && value <= most) return BigInt(value);
  throw new MillraceError('MILLRACE_ARGUMENT', `${name} must be 0 to ${most}, not ${value}`);
}
