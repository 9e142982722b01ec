/**
 * `millrace/kafka`: Kafka's own terms for a program, without a server: record batches, the partition of a key, compression,
 * error codes, and what a server here serves.
 *
 * Not an implementation, and no client: that is kafkajs, or any other. To remember: what is exported here is covered by
 * semantic versioning, nothing else is.
 */

export { type ErrorCode, MillraceError } from '../errors.ts';
export type { Compression } from '../log/batch-layout.ts';
export { murmur2, partitionOfKey } from '../log/partitioner.ts';
export type { Content, HeadersInput, LogRecord, RecordInput } from '../log/record.ts';
export { type CompressOptions, compress, type DecompressOptions, decompress } from './compression.ts';
export { type DecodeOptions, decodeBatches, KafkaBatch } from './decode-batches.ts';
export { type BatchProducer, type EncodeOptions, encodeBatch } from './encode-batch.ts';
export { type KafkaError, type KafkaErrorName, kafkaError, kafkaErrors } from './kafka-errors.ts';
export { type ServedApi, servedApis } from './served-apis.ts';
