/** A peer that does not read keeps about the memory of its own replies alive, whatever others are answered meanwhile. */

import { expect, test } from 'vitest';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import type { RingNet } from '../../ts/net/ring-net.ts';
import { framedRequest, RawClient } from '../broker/server/raw-client.ts';
import { heartbeatHandler, type Served, serveOver } from '../broker/server/served.ts';

const REPLY_BYTES = 5_000;
const ROUNDS = 100;
const OTHERS = 12;
/** Slots of a ring above which requests that wait are copied. */
const WAITING_SLOTS_MAX = 256;

/** Answers through the shared output, as handlers with small replies do. */
function serve(): Promise<Served> {
  const errorCode = 0;
  const filler = new Uint8Array(REPLY_BYTES);
  const handler = heartbeatHandler((_request, exchange) => exchange.reply({ errorCode, throttleTimeMs: 0 }));
  const api: typeof handler.api = {
    ...handler.api,
    encodeResponse(writer, version, response) {
      handler.api.encodeResponse(writer, version, response);
      writer.raw(filler);
    },
  };
  return serveOver('ring')([{ ...handler, api }]);
}

async function until(condition: () => boolean): Promise<void> {
  for (let left = 2000; !condition() && left > 0; left -= 1) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(condition()).toBe(true);
}

test('replies that are not taken do not keep chunks alive that they share with others', async () => {
  await using served = await serve();
  const net = served.ring as RingNet;
  const kept = new Map<ArrayBufferLike, number>();
  let sent = 0;
  let slowConnection: number | undefined;
  const send = net.send.bind(net);
  // The first connection's replies are never taken: what they refer to stays.
  net.send = (connection, bytes, start, end) => {
    slowConnection ??= connection;
    if (connection === slowConnection) {
      kept.set(bytes.buffer, bytes.buffer.byteLength);
      sent += 1;
    } else send(connection, bytes, start, end);
  };
  const slow = await RawClient.open(served.port);
  const quick = await RawClient.open(served.port);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = sent;
    slow.send(framedRequest(heartbeatApi, 4, round, {}));
    await until(() => sent > before);
    for (let id = 0; id < OTHERS; id += 1) quick.send(framedRequest(heartbeatApi, 4, id, {}));
    await quick.correlations(OTHERS);
  }
  const bytes = [...kept.values()].reduce((sum, length) => sum + length, 0);
  expect(bytes).toBeLessThan(ROUNDS * REPLY_BYTES * 2 + 320 * 1024);
  slow.destroy();
  quick.destroy();
});

test('peers that do not read leave slots to those that do', { timeout: 30_000 }, async () => {
  const open: { replyNothing(): void }[] = [];
  const handler = heartbeatHandler((request, exchange) => {
    if (request.groupId === 'slow') open.push(exchange);
    else exchange.reply({ errorCode: 0, throttleTimeMs: 0 });
  });
  await using served = await serveOver('ring')([handler], { maxOpenRequests: 1 });
  const net = served.ring as RingNet;
  const clients = await Promise.all(Array.from({ length: 600 }, () => RawClient.open(served.port)));
  const slow = framedRequest(heartbeatApi, 4, 1, { groupId: 'slow' });
  // One is open, one waits in the slot that both came in, and one has not been cut.
  for (const requests of [Buffer.concat([slow, slow]), slow]) {
    for (const client of clients) client.send(requests);
    await until(() => open.length === clients.length);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  const polite = await RawClient.open(served.port);
  polite.send(framedRequest(heartbeatApi, 4, 7, {}));
  expect(await Promise.race([polite.correlations(1), new Promise((resolve) => setTimeout(resolve, 5_000))])).toEqual([
    7,
  ]);
  expect(net.slotsHeld).toBeLessThan(WAITING_SLOTS_MAX + 512 + 10);
  for (const client of [...clients, polite]) client.destroy();
});
