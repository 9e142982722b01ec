/**
 * Requests that cannot be decoded give their memory back: however many there are, the ring has its slots.
 *
 * To remember: a malformed request never reaches a handler, so nobody but the connection can let go of its memory.
 */

import { expect, test } from 'vitest';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import type { RingNet } from '../../ts/net/ring-net.ts';
import { framedRequest, RawClient } from '../broker/server/raw-client.ts';
import { echoHeartbeat, serveOver } from '../broker/server/served.ts';

/** Slots held; each call makes a call into the ring first, which brings the counters up to date. */
function slotsHeld(net: RingNet): number {
  net.pause(0);
  net.turnNow();
  return net.counters().slotsHeld;
}

test('malformed requests hold no memory once their connections are gone', async () => {
  await using served = await serveOver('ring')([echoHeartbeat]);
  const net = served.ring as RingNet;
  const unknown = Buffer.from('0000000c03e700000000000100000000', 'hex');
  const short = Buffer.from('00000009000c00000000000100', 'hex');
  for (let round = 0; round < 60; round += 1) {
    const client = await RawClient.open(served.port);
    client.send(round % 2 === 0 ? unknown : short);
    await client.closed;
  }
  expect(slotsHeld(net)).toBe(0);
  const polite = await RawClient.open(served.port);
  polite.send(framedRequest(heartbeatApi, 4, 1, {}));
  expect(await polite.correlations(1)).toEqual([1]);
  polite.destroy();
});
