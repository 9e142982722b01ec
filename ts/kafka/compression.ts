/**
 * The four compressions of record batches, as functions of bytes.
 *
 * Not the batches themselves (encode-batch.ts, decode-batches.ts). To remember: what comes out grows with what is really
 * there and never above the limit, whatever the input claims.
 */

import { MillraceError } from '../errors.ts';
import { fromNative } from '../io/native-error.ts';
import { type Compression, codecNames } from '../log/batch-layout.ts';
import { batchTools } from '../log/batch-tools.ts';

/** How to compress. */
export interface CompressOptions {
  /** gzip 0 to 9, zstd 0 to 22, else without meaning. Default: the codec's own. */
  readonly level?: number;
}

/** How to decompress. */
export interface DecompressOptions {
  /** The most bytes that may come out. Default 64 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** Kafka's number of a codec. Throws MILLRACE_COMPRESSION for another name. */
export function codecNumber(codec: Compression): number {
  const number = codecNames.indexOf(codec);
  if (number < 0) throw new MillraceError('MILLRACE_COMPRESSION', `${codec} is none of ${codecNames.join(', ')}`);
  return number;
}

/** A level as the addon takes it, -1 for the codec's own. Throws MILLRACE_ARGUMENT. */
export function levelNumber(level: number | undefined): number {
  if (level === undefined) return -1;
  if (Number.isInteger(level) && level >= 0 && level <= 22) return level;
  throw new MillraceError('MILLRACE_ARGUMENT', `level must be 0 to 22, not ${level}`);
}

/**
 * Bytes as a record batch has them behind its header: gzip, snappy in the frames of Java's client, lz4 frames, zstd. With
 * `none` a copy. Throws MILLRACE_COMPRESSION for another codec.
 */
export function compress(codec: Compression, bytes: Uint8Array, options: CompressOptions = {}): Buffer {
  const number = codecNumber(codec);
  const level = levelNumber(options.level);
  if (number === 0) return Buffer.from(bytes);
  try {
    return asBuffer(batchTools().deflateRecords(number, bytes, level));
  } catch (error) {
    throw fromNative(error);
  }
}

/**
 * What `compress` was given, or what another client compressed: snappy with and without frames is read. Throws
 * MILLRACE_COMPRESSION for bytes that are no such thing, MILLRACE_TOO_LARGE when more than `maxBytes` come out.
 */
export function decompress(codec: Compression, bytes: Uint8Array, options: DecompressOptions = {}): Buffer {
  const number = codecNumber(codec);
  const { maxBytes = MAX_BYTES } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new MillraceError('MILLRACE_ARGUMENT', `maxBytes must be a whole number, not ${maxBytes}`);
  }
  try {
    return asBuffer(batchTools().inflateRecords(number, bytes, 0, bytes.length, maxBytes));
  } catch (error) {
    throw fromNative(error);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
