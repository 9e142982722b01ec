/** Rules 1 and 2 of the Kafka requirements, and how an exchange ends. */

import { describe, expect, test } from 'vitest';
import type { Exchange, Handler } from '../../../ts/broker/handler.ts';
import {
  type ProduceRequest,
  type ProduceResponse,
  produceApi,
} from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { type HeartbeatResponse, heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { ProtocolError } from '../../../ts/broker/protocol/protocol-error.ts';
import { framedRequest, RawClient } from './raw-client.ts';
import { echoHeartbeat, heartbeatHandler, serveOver, transports } from './served.ts';

function refuseToEncode(): void {
  throw new ProtocolError('a string is longer than 32767 bytes');
}

const produceAnswered: Handler<ProduceRequest, ProduceResponse> = {
  api: produceApi,
  minVersion: 3,
  maxVersion: 11,
  handle: (_request, exchange) => exchange.reply({ responses: [], throttleTimeMs: 0 }),
};

describe.each(transports)('over %s', (transport) => {
  const serve = serveOver(transport);

  test('rule 1: replies leave in request order, whatever finishes first', async () => {
    const open: Exchange<HeartbeatResponse>[] = [];
    await using served = await serve([heartbeatHandler((_request, exchange) => open.push(exchange))]);
    const client = await RawClient.open(served.port);
    const ids = Array.from({ length: 20 }, (_, i) => 100 + i);
    client.send(Buffer.concat(ids.map((id) => framedRequest(heartbeatApi, 4, id, {}))));
    while (open.length < ids.length) await new Promise((resolve) => setImmediate(resolve));
    // Odd ones first, backwards, each in a turn of its own; then the even ones, forwards.
    const order = [...open.filter((_, i) => i % 2 === 1).reverse(), ...open.filter((_, i) => i % 2 === 0)];
    for (const exchange of order) {
      await new Promise((resolve) => setImmediate(resolve));
      exchange.reply({ errorCode: 0 });
    }
    expect(await client.correlations(ids.length)).toEqual(ids);
    client.destroy();
  });

  test('rule 2: a request with acks=0 gets no reply, and later requests are answered', async () => {
    const produce = {
      api: produceApi,
      minVersion: 3,
      maxVersion: 11,
      handle: (_request: unknown, exchange: Exchange<unknown>) => exchange.replyNothing(),
    };
    await using served = await serve([produce, echoHeartbeat]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(produceApi, 9, 1, { acks: 0 }));
    client.send(framedRequest(heartbeatApi, 4, 2, {}));
    expect(await client.correlations(1)).toEqual([2]);
    client.destroy();
  });

  test('rule 2: an acks=0 request that fails closes the connection', async () => {
    const produce = {
      api: produceApi,
      minVersion: 3,
      maxVersion: 11,
      handle: (_request: unknown, exchange: Exchange<unknown>) => exchange.close('acks=0 and a partition failed'),
    };
    await using served = await serve([produce]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(produceApi, 9, 1, { acks: 0 }));
    expect(await client.frame()).toBeNull();
    expect(served.lines.join()).toContain('acks=0 and a partition failed');
  });

  test('a request split at every byte boundary, across many packets, is answered once', async () => {
    await using served = await serve([echoHeartbeat]);
    const client = await RawClient.open(served.port);
    const request = framedRequest(heartbeatApi, 4, 7, { groupId: 'g', memberId: 'm', generationId: 5 });
    for (const byte of request) {
      client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const reply = await client.frame();
    expect(reply?.readInt32BE(0)).toBe(7);
    expect(reply?.readInt16BE(9)).toBe(5);
    client.destroy();
  });

  test('an exchange ended twice is an error of the handler', async () => {
    let second: unknown;
    const handler = heartbeatHandler((_request, exchange) => {
      exchange.reply({ errorCode: 0 });
      try {
        exchange.reply({ errorCode: 0 });
      } catch (error) {
        second = error;
      }
    });
    await using served = await serve([handler]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 0, 1, {}));
    expect(await client.correlations(1)).toEqual([1]);
    expect(String(second)).toContain('answered twice');
    client.destroy();
  });

  test('a waiting handler is told when its connection goes', async () => {
    let aborted = 0;
    let taken: Exchange<HeartbeatResponse> | undefined;
    const handler = heartbeatHandler((_request, exchange) => {
      taken = exchange;
      exchange.onAbort = () => {
        aborted += 1;
      };
    });
    await using served = await serve([handler]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 0, 1, {}));
    while (taken === undefined) await new Promise((resolve) => setImmediate(resolve));
    client.reset();
    while (aborted === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(taken.aborted).toBe(true);
    taken.reply({ errorCode: 0 });
    expect(aborted).toBe(1);
  });

  test('a reply that cannot be encoded closes the connection and does not reach the caller', async () => {
    const handler = heartbeatHandler((_request, exchange) => {
      setImmediate(() => exchange.reply({ errorCode: 0 }));
    });
    await using served = await serve([
      { ...handler, api: { ...heartbeatApi, encodeResponse: refuseToEncode } },
      produceAnswered,
    ]);
    const bystander = await RawClient.open(served.port);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 4, 1, {}));
    expect(await client.frame()).toBeNull();
    bystander.send(framedRequest(produceApi, 9, 2, { acks: -1 }));
    expect(await bystander.correlations(1)).toEqual([2]);
    bystander.destroy();
  });
});
