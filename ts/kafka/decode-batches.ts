/**
 * Reads record batches (magic 2) from bytes of whatever origin: a Fetch answer, a segment of Kafka's or ours, a file.
 *
 * Not log-batch.ts, whose bytes an engine has checked. To remember: the checksum is compared before anything else of a
 * batch is believed, and every length is bounded by what is left.
 */

import { MillraceError } from '../errors.ts';
import { fromNative } from '../io/native-error.ts';
import { Attribute, type Compression, codecNames, Field, HEADER_BYTES, LENGTH_FROM } from '../log/batch-layout.ts';
import { batchTools } from '../log/batch-tools.ts';
import { type BatchHeader, readHeader, readRecords } from '../log/batch-view.ts';
import type { LogRecord } from '../log/record.ts';
import type { BatchProducer } from './encode-batch.ts';

/** How to read batches. */
export interface DecodeOptions {
  /** What records say of their partition, which their bytes do not. Default 0. */
  readonly partition?: number;
  /** Whether checksums are compared. Default true. */
  readonly verify?: boolean;
}

/** One batch: its header, and its records on demand. It is a view of the bytes that were given. */
export class KafkaBatch {
  /** The batch, header included. */
  readonly bytes: Buffer;
  /** Records that the header tells of; compaction may have left fewer offsets than there were. */
  readonly count: number;
  readonly leaderEpoch: number;
  /** Milliseconds since 1970, -1 when the producer gave none. */
  readonly maxTimestamp: number;
  readonly compression: Compression;
  /** `append`: all records have the time at which they were stored. */
  readonly timestampType: 'create' | 'append';
  /** Marks the end of a transaction, and holds no record of a user. */
  readonly isControl: boolean;
  /** Undefined when nobody in particular sent it. */
  readonly producer: BatchProducer | undefined;
  readonly #header: BatchHeader;
  readonly #partition: number;

  /** @internal `decodeBatches` makes them. */
  constructor(bytes: Buffer, header: BatchHeader, partition: number) {
    const { attributes } = header;
    this.bytes = bytes;
    this.count = header.count;
    this.leaderEpoch = header.leaderEpoch;
    this.maxTimestamp = header.maxTimestamp;
    this.compression = compressionOf(attributes);
    this.timestampType = (attributes & Attribute.logAppendTime) === 0 ? 'create' : 'append';
    this.isControl = header.control;
    this.producer = producerOf(bytes, attributes);
    this.#header = header;
    this.#partition = partition;
  }

  get baseOffset(): bigint {
    return BigInt(this.#header.baseOffset);
  }

  /** Of the last record there was when it was written. */
  get lastOffset(): bigint {
    return BigInt(this.#header.lastOffset);
  }

  /** The records in order. Throws MILLRACE_INVALID_RECORD or MILLRACE_COMPRESSION where they are malformed. */
  *records(): Generator<LogRecord, void, undefined> {
    try {
      yield* readRecords(this.bytes, 0, this.#header, this.#partition, 0, batchTools());
    } catch (error) {
      throw fromNative(error);
    }
  }
}

/**
 * Every whole batch in `bytes`, in order; what is cut off at the end, as in a Fetch answer, is left out. Throws
 * MILLRACE_INVALID_RECORD at a batch of an older magic, with a wrong checksum, or with a header that cannot be.
 */
export function* decodeBatches(bytes: Uint8Array, options: DecodeOptions = {}): Generator<KafkaBatch, void, undefined> {
  const { partition = 0, verify = true } = options;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tools = batchTools();
  for (let at = 0; isThereMore(buffer, at); ) {
    const header = readHeader(buffer, at, buffer.length);
    if (header === undefined) return;
    const end = at + header.length;
    if (verify && tools.crc32c(buffer, at + Field.attributes, end) !== buffer.readUInt32BE(at + Field.crc)) {
      throw invalid(`the checksum of the batch at byte ${at} is wrong`);
    }
    if (!Number.isSafeInteger(header.baseOffset) || header.baseOffset < 0 || header.lastOffset < header.baseOffset) {
      throw invalid(`the offsets of the batch at byte ${at} cannot be`);
    }
    if (header.count < 0) throw invalid(`the batch at byte ${at} tells of ${header.count} records`);
    yield new KafkaBatch(buffer.subarray(at, end), header, partition);
    at = end;
  }
}

/** Whether a header of magic 2 may stand at `at`; one of an older magic is told apart from one that is cut off. */
function isThereMore(bytes: Buffer, at: number): boolean {
  if (bytes.length - at <= Field.magic) return false;
  const magic = bytes.readInt8(at + Field.magic);
  if (magic !== 2) throw invalid(`the batch at byte ${at} has magic ${magic}, not 2`);
  const length = bytes.readInt32BE(at + Field.length) + LENGTH_FROM;
  if (length < HEADER_BYTES) throw invalid(`the batch at byte ${at} is shorter than its header`);
  return length <= bytes.length - at;
}

function compressionOf(attributes: number): Compression {
  const name = codecNames[attributes & Attribute.codecMask];
  if (name === undefined) throw new MillraceError('MILLRACE_COMPRESSION', `codec ${attributes & Attribute.codecMask}`);
  return name;
}

function producerOf(bytes: Buffer, attributes: number): BatchProducer | undefined {
  const id = bytes.readBigInt64BE(Field.producerId);
  if (id < 0n) return undefined;
  return {
    id,
    epoch: bytes.readInt16BE(Field.producerEpoch),
    baseSequence: bytes.readInt32BE(Field.baseSequence),
    transactional: (attributes & Attribute.transactional) !== 0,
  };
}

function invalid(reason: string): MillraceError {
  return new MillraceError('MILLRACE_INVALID_RECORD', reason);
}
