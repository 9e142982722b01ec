/**
 * A Kafka server on a free port with handlers of the test's own, and what it printed, over either transport.
 *
 * To remember: a spec that holds of connections is run over both, by `describe.each(transports)`.
 */

import type { ConnectionLimits } from '../../../ts/broker/connection-limits.ts';
import {
  type AnyHandler,
  type ApiRange,
  type Exchange,
  type Handler,
  HandlerTable,
} from '../../../ts/broker/handler.ts';
import {
  type HeartbeatRequest,
  type HeartbeatResponse,
  heartbeatApi,
} from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsApi,
} from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { KafkaServer } from '../../../ts/broker/server.ts';
import type { LeaseHolder } from '../../../ts/log/types.ts';
import { chooseSockets } from '../../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../../ts/net/ring-net.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

export interface Served {
  readonly server: KafkaServer;
  readonly port: number;
  readonly lines: string[];
  /** Over the ring only. */
  readonly ring: RingNet | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What carries the connections of a test. */
export const transports = ['node', 'ring'] as const;
export type TransportName = (typeof transports)[number];

type Serve = (handlers: AnyHandler[], limits?: Partial<ConnectionLimits>) => Promise<Served>;

/** `serve` over one transport. */
export function serveOver(transport: TransportName): Serve {
  return (handlers, limits = {}) => (transport === 'ring' ? serveOnRing(handlers, limits) : serveOn(handlers, limits));
}

/** For specs about something else. */
export const serve = serveOver('node');

async function serveOnRing(handlers: AnyHandler[], limits: Partial<ConnectionLimits>): Promise<Served> {
  const engine = openWatchedEngine();
  const { ring } = chooseSockets('ring', engine, 1000);
  const served = await serveOn(handlers, limits, ring);
  const dispose = async () => {
    await served[Symbol.asyncDispose]();
    await ring?.close();
    await engine.close();
  };
  return { ...served, [Symbol.asyncDispose]: dispose };
}

async function serveOn(handlers: AnyHandler[], limits: Partial<ConnectionLimits>, ring?: RingNet): Promise<Served> {
  const lines: string[] = [];
  const table = new HandlerTable(handlers);
  const server = new KafkaServer({ table, leases: noLeases, limits, print: (line) => lines.push(line), ring });
  const { port } = await server.listen(0, '127.0.0.1');
  return { server, port, lines, ring, [Symbol.asyncDispose]: () => server.close(100) };
}

/** For handlers that reply with nothing leased. */
const noLeases: LeaseHolder = {
  copyLease: (lease) => {
    throw new Error(`there is no lease ${lease}`);
  },
  releaseLease: () => {},
};

/** Heartbeat as a stand-in for any API: `handle` decides when and how each is answered. */
export function heartbeatHandler(
  handle: (request: HeartbeatRequest, exchange: Exchange<HeartbeatResponse>) => void,
): Handler<HeartbeatRequest, HeartbeatResponse> {
  return { api: heartbeatApi, minVersion: 0, maxVersion: 4, handle };
}

export const echoHeartbeat = heartbeatHandler((request, exchange) =>
  exchange.reply({ errorCode: request.generationId, throttleTimeMs: 0 }),
);

/** ApiVersions that tells the given ranges, which need not be what is served. */
export function apiVersionsHandler(
  apiKeys: ApiRange[] = [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
): Handler<ApiVersionsRequest, ApiVersionsResponse> {
  return {
    api: apiVersionsApi,
    minVersion: 0,
    maxVersion: 4,
    handle: (_request, exchange) => exchange.reply({ errorCode: 0, apiKeys }),
  };
}
