/**
 * `millrace/server`: a server for Kafka and Redis clients, over a directory or over what the program has open.
 *
 * Not an implementation, and nothing of logs and stores: who serves what is open already has them from `millrace`. To
 * remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export { type Durability, describeFlush, describeLoss, type FlushInput } from '../durability.ts';
export { describeErrors, type ErrorCode, MillraceError } from '../errors.ts';
export type { DriverReport, RecoveryAccount } from '../io/native-types.ts';
export type { DriverName, EngineOptions } from '../options.ts';
export {
  checkServe,
  type HttpOptions,
  type KafkaOptions,
  type ListenOptions,
  type MillraceServer,
  type RedisOptions,
  type ServeOpenOptions,
  type ServeOptions,
  type SocketsChoice,
  type SocketsReport,
  serve,
  settingsTable,
  type TlsOptions,
} from '../serve.ts';
