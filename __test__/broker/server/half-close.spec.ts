/** A peer that ends its side behind its requests: they are answered in order, what waits is hurried, then it is closed. */

import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../../ts/broker/handler.ts';
import { type HeartbeatResponse, heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { framedRequest } from './raw-client.ts';
import { echoHeartbeat, heartbeatHandler, serveOver, transports } from './served.ts';

/** Sends requests and the end of them in one go; answers the correlation ids that came until the end of the other side. */
function correlations(port: number, requests: Buffer): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error('the server has not closed within 15 s')), 15_000);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      const bytes = Buffer.concat(chunks);
      const ids: number[] = [];
      for (let at = 0; at + 8 <= bytes.length; at += 4 + bytes.readInt32BE(at)) ids.push(bytes.readInt32BE(at + 4));
      resolve(ids);
    });
    socket.end(requests);
  });
}

const request = (id: number): Buffer => framedRequest(heartbeatApi, 4, id, {});
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe.each(transports)('over %s, a peer that has ended its side', (transport) => {
  const serve = serveOver(transport);

  test('gets all replies in order, also those that come later and those above the limit of open requests', async () => {
    const open: Exchange<HeartbeatResponse>[] = [];
    const handler = heartbeatHandler((_request, exchange) => open.push(exchange));
    await using served = await serve([handler], { maxOpenRequests: 4 });
    const ids = Array.from({ length: 20 }, (_, index) => 100 + index);
    let isOver = false;
    const answered = correlations(served.port, Buffer.concat(ids.map(request))).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await soon();
      for (const exchange of open.splice(0).reverse()) exchange.reply({ errorCode: 0 });
    }
    expect(await answered).toEqual(ids);
    expect(served.server.connections).toBe(0);
  });

  test('is told what there is instead of waiting', async () => {
    const handler = heartbeatHandler((_request, exchange) => {
      exchange.onHurry = () => exchange.reply({ errorCode: 0 });
    });
    await using served = await serve([handler]);
    expect(await correlations(served.port, Buffer.concat([request(1), request(2)]))).toEqual([1, 2]);
  });

  test('is closed in the end when a request of it is never answered', async () => {
    await using served = await serve([heartbeatHandler(() => {})], { unsentMs: 50, sweepMs: 10 });
    expect(await correlations(served.port, request(1))).toEqual([]);
    expect(served.server.connections).toBe(0);
  });

  test('is closed at once when nothing is open', async () => {
    await using served = await serve([echoHeartbeat]);
    expect(await correlations(served.port, Buffer.alloc(0))).toEqual([]);
    expect(await correlations(served.port, Buffer.concat([request(7), Buffer.from([0, 0])]))).toEqual([7]);
  });
});
