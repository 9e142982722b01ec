/** Kafka's error codes under the name the command line imports them by; the table is protocol/error-codes.ts. */

export { ErrorCode as KafkaError } from './protocol/error-codes.ts';
