/** How the server stops, and what it does above its number of connections. */

import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../../ts/broker/handler.ts';
import { type HeartbeatResponse, heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { framedRequest, RawClient } from './raw-client.ts';
import { echoHeartbeat, heartbeatHandler, serveOver, transports } from './served.ts';

describe.each(transports)('over %s', (transport) => {
  const serve = serveOver(transport);

  test('a graceful stop answers what is open, and accepts nothing new', async () => {
    const open: Exchange<HeartbeatResponse>[] = [];
    const served = await serve([heartbeatHandler((_request, exchange) => open.push(exchange))]);
    const client = await RawClient.open(served.port);
    const idle = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 4, 1, {}));
    while (open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopped = served.server.close(5_000);
    await idle.closed;
    const refused = await new Promise<boolean>((resolve) => {
      const late = connect({ port: served.port, host: '127.0.0.1' });
      late.on('error', () => resolve(true));
      late.on('close', () => resolve(true));
    });
    expect(refused).toBe(true);
    open[0]?.reply({ errorCode: 0 });
    expect(await client.correlations(1)).toEqual([1]);
    await stopped;
    expect(served.server.connections).toBe(0);
  });

  test('a graceful stop ends at its grace time, and aborts what is still open', async () => {
    let aborted = 0;
    let hasArrived = false;
    const handler = heartbeatHandler((_request, exchange) => {
      exchange.onAbort = () => {
        aborted += 1;
      };
      hasArrived = true;
    });
    const served = await serve([handler]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 4, 1, {}));
    while (!hasArrived) await new Promise((resolve) => setImmediate(resolve));
    await served.server.close(50);
    expect(aborted).toBe(1);
    await client.closed;
  });

  test('connections above the maximum are closed, those below go on', async () => {
    await using served = await serve([echoHeartbeat], { maxConnections: 2 });
    const first = await RawClient.open(served.port);
    const second = await RawClient.open(served.port);
    const third = await RawClient.open(served.port);
    await third.closed;
    second.send(framedRequest(heartbeatApi, 4, 1, {}));
    expect(await second.correlations(1)).toEqual([1]);
    first.destroy();
    second.destroy();
  });
});
