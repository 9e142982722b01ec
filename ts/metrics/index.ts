/**
 * `millrace/metrics`: the metrics of a server for programs that serve them themselves, and the names of the channels.
 *
 * Not the endpoint of `serve({ http })`, which needs none of this. To remember: what is exported here is covered by
 * semantic versioning, names of metrics and labels included.
 */

import { partsOf } from '../server-parts.ts';
import { ServerMetrics } from './collect.ts';

export {
  channelNames,
  type FlushNews,
  type KafkaRequestNews,
  type KvGetNews,
  type KvPutNews,
  type LogAppendNews,
  type LogReadNews,
  type RedisCommandNews,
} from '../channels.ts';
export { ServerMetrics } from './collect.ts';
export { PROMETHEUS_CONTENT_TYPE } from './prometheus-text.ts';

/**
 * Begins to measure `server`, made by `serve`. Latencies are counted from now on; dispose of it to stop. Throws
 * MILLRACE_ARGUMENT for anything else.
 */
export function metricsOf(server: object): ServerMetrics {
  return new ServerMetrics(partsOf(server));
}
