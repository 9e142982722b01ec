/**
 * What lies at which path of the HTTP endpoint.
 *
 * Not how it is sent. To remember: alive means that the process answers; ready means that it takes writes, or will by
 * itself when there is room.
 */

import type { ServerMetrics } from '../metrics/collect.ts';
import { PROMETHEUS_CONTENT_TYPE } from '../metrics/prometheus-text.ts';

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers for what lies at a path. */
export type Route = (metrics: ServerMetrics) => Answer | Promise<Answer>;

const alive = (): Answer => json(200, { status: 'ok' });

const ready: Route = ({ poisoned, diskFull }) => {
  if (poisoned) return json(503, { status: 'unavailable', reason: 'a flush failed: nothing can be written' });
  // Not 503: nobody could reach it to read, or to delete what would make room.
  return diskFull ? json(200, { status: 'ok', disk: 'full: writes are refused until there is room' }) : alive();
};

/** Every path that is served. */
export const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/metrics', (metrics) => ({ status: 200, type: PROMETHEUS_CONTENT_TYPE, body: metrics.prometheus() })],
  [
    '/public_metrics',
    async (metrics) => ({ status: 200, type: PROMETHEUS_CONTENT_TYPE, body: await metrics.redpanda() }),
  ],
  ['/healthz', alive],
  ['/health/live', alive],
  ['/readyz', ready],
  ['/health/ready', ready],
  ['/v1/status', (metrics) => json(200, metrics.json())],
  [
    '/',
    () => ({ status: 200, type: 'text/plain', body: `${[...routes.keys()].slice(0, -1).join('\n')}\n/console/\n` }),
  ],
]);

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}
