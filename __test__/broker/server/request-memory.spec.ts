/** The memory of requests goes back to the ring exactly when it may: after the end of who holds it, or of the connection. */

import { expect, test } from 'vitest';
import type { Exchange } from '../../../ts/broker/handler.ts';
import { type HeartbeatResponse, heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import type { RingNet } from '../../../ts/net/ring-net.ts';
import { framedRequest, RawClient } from './raw-client.ts';
import { heartbeatHandler, type Served, serveOver } from './served.ts';

const REQUESTS = 50;
const OPEN = 4;
const serve = serveOver('ring');

/** Takes requests and leaves them open, holding their memory. */
async function holding(open: Exchange<HeartbeatResponse>[]): Promise<Served> {
  const handler = { ...heartbeatHandler((_request, exchange) => open.push(exchange)), holdsRequest: true as const };
  return await serve([handler], { maxOpenRequests: OPEN });
}

/** Slots held; each call makes a call into the ring first, which brings the counters up to date. */
function slotsHeld(net: RingNet): number {
  net.pause(0);
  net.turnNow();
  return net.counters().slotsHeld;
}

async function until(condition: () => boolean): Promise<void> {
  for (let left = 1000; !condition() && left > 0; left -= 1) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function sendAll(served: Served): Promise<RawClient> {
  const client = await RawClient.open(served.port);
  client.send(Buffer.concat(Array.from({ length: REQUESTS }, (_, id) => framedRequest(heartbeatApi, 4, id, {}))));
  return client;
}

test('a slot is held while one of its requests is open or waits, and not a moment longer', async () => {
  const open: Exchange<HeartbeatResponse>[] = [];
  await using served = await holding(open);
  const net = served.ring as RingNet;
  const client = await sendAll(served);
  await until(() => open.length === OPEN);
  for (let answered = 0; answered < REQUESTS; answered += 1) {
    await until(() => open.length > answered);
    expect(slotsHeld(net)).toBeGreaterThan(0);
    open[answered]?.reply({ errorCode: 0 });
  }
  await until(() => slotsHeld(net) === 0);
  expect([open.length, slotsHeld(net)]).toEqual([REQUESTS, 0]);
  client.destroy();
});

test('requests that wait are let go of with their connection, those that are open when their handlers end', async () => {
  const open: Exchange<HeartbeatResponse>[] = [];
  await using served = await holding(open);
  const net = served.ring as RingNet;
  const client = await sendAll(served);
  await until(() => open.length === OPEN);
  client.reset();
  await until(() => served.server.connections === 0);
  expect(slotsHeld(net)).toBeGreaterThan(0);
  for (const exchange of open) exchange.replyNothing();
  await until(() => slotsHeld(net) === 0);
  expect([open.length, slotsHeld(net)]).toEqual([OPEN, 0]);
});
