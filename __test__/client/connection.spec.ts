/** What our own Kafka client promises about one connection: pipelining, negotiation, and that every request settles. */

import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Exchange } from '../../ts/broker/handler.ts';
import { type ProduceRequest, type ProduceResponse, produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { type HeartbeatResponse, heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { ClientError } from '../../ts/client/client-error.ts';
import { ClientConnection } from '../../ts/client/connection.ts';
import { apiVersionsHandler, echoHeartbeat, heartbeatHandler, type Served, serve } from '../broker/server/served.ts';

const ranges = [
  { apiKey: 0, minVersion: 3, maxVersion: 9 },
  { apiKey: 12, minVersion: 0, maxVersion: 3 },
  { apiKey: 18, minVersion: 0, maxVersion: 4 },
];

function open(served: Served, requestMs = 5_000): Promise<ClientConnection> {
  return ClientConnection.open({ host: '127.0.0.1', port: served.port, requestMs });
}

/** A server that answers whatever arrives with the same bytes. */
async function fixedAnswer(answer: (request: Buffer, socket: Socket) => Buffer | null) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      const bytes = answer(chunk, socket);
      if (bytes !== null) socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.dispose]: () => void server.close() };
}

test('the highest version both sides have is used', async () => {
  const versions: number[] = [];
  const handler = heartbeatHandler((_request, exchange) => {
    versions.push(exchange.apiVersion);
    exchange.reply({ errorCode: 0 });
  });
  await using served = await serve([apiVersionsHandler(ranges), handler]);
  await using client = await open(served);
  await client.request(heartbeatApi, {});
  await client.request(heartbeatApi, {}, { maxVersion: 1 });
  expect(versions).toEqual([3, 1]);
});

test('a server that does not know our ApiVersions version is asked again in its own', async () => {
  await using served = await serve([{ ...apiVersionsHandler(ranges), maxVersion: 2 }, echoHeartbeat]);
  await using client = await open(served);
  expect((await client.request(heartbeatApi, { generationId: 7 })).errorCode).toBe(7);
});

test('an API the server does not serve is refused here, and the connection goes on', async () => {
  await using served = await serve([apiVersionsHandler(ranges), echoHeartbeat]);
  await using client = await open(served);
  await expect(client.request(metadataApi, {})).rejects.toMatchObject({ failure: 'unsupported' });
  expect((await client.request(heartbeatApi, { generationId: 3 })).errorCode).toBe(3);
});

test('a thousand pipelined requests get their own replies', async () => {
  await using served = await serve([apiVersionsHandler(ranges), echoHeartbeat]);
  await using client = await open(served);
  const asked = Array.from({ length: 1000 }, (_, i) => i);
  const replies = await Promise.all(asked.map((generationId) => client.request(heartbeatApi, { generationId })));
  expect(replies.map((reply) => reply.errorCode)).toEqual(asked);
  expect(client.inFlight).toBe(0);
});

test('a request without a reply does not disturb the next one', async () => {
  const produced: number[] = [];
  const produce = {
    api: produceApi,
    minVersion: 3,
    maxVersion: 9,
    handle(request: ProduceRequest, exchange: Exchange<ProduceResponse>) {
      produced.push(request.timeoutMs);
      exchange.replyNothing();
    },
  };
  await using served = await serve([apiVersionsHandler(ranges), produce, echoHeartbeat]);
  await using client = await open(served);
  await client.sendOnly(produceApi, { acks: 0, timeoutMs: 5 });
  expect((await client.request(heartbeatApi, { generationId: 4 })).errorCode).toBe(4);
  expect(produced).toEqual([5]);
});

test('what was sent without wanting a reply arrives even when the connection is closed at once', async () => {
  let bytes = 0;
  const produce = {
    api: produceApi,
    minVersion: 3,
    maxVersion: 9,
    handle(request: ProduceRequest, exchange: Exchange<ProduceResponse>) {
      bytes += request.topicData[0]?.partitionData[0]?.records?.length ?? 0;
      exchange.replyNothing();
    },
  };
  await using served = await serve([apiVersionsHandler(ranges), produce]);
  const client = await open(served);
  const records = Buffer.alloc(3 * 1024 * 1024);
  for (let i = 0; i < 4; i += 1) {
    void client
      .sendOnly(produceApi, { acks: 0, topicData: [{ name: 'a', partitionData: [{ index: 0, records }] }] })
      .catch(() => {});
  }
  await client.close();
  while (served.server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(bytes).toBe(4 * records.length);
});

test('when the server goes away every open request rejects', async () => {
  const exchanges: Exchange<HeartbeatResponse>[] = [];
  await using served = await serve([
    apiVersionsHandler(ranges),
    heartbeatHandler((_request, exchange) => exchanges.push(exchange)),
  ]);
  const client = await open(served);
  const asked = [client.request(heartbeatApi, {}), client.request(heartbeatApi, {})];
  while (exchanges.length < 2) await new Promise((resolve) => setImmediate(resolve));
  exchanges[0]?.close('the test says so');
  for (const one of await Promise.allSettled(asked)) expect(one).toMatchObject({ reason: { failure: 'closed' } });
  await expect(client.request(heartbeatApi, {})).rejects.toBeInstanceOf(ClientError);
});

test('a reply that does not come in time ends the connection', async () => {
  await using served = await serve([apiVersionsHandler(ranges), heartbeatHandler(() => {})]);
  await using client = await open(served, 100);
  await expect(client.request(heartbeatApi, {})).rejects.toMatchObject({ failure: 'timeout' });
});

test('nobody listening is told as such', async () => {
  const served = await serve([echoHeartbeat]);
  await served.server.close(0);
  await expect(open(served)).rejects.toMatchObject({ failure: 'connect' });
});

test('a peer that does not speak Kafka is told as such', async () => {
  using peer = await fixedAnswer(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const opening = ClientConnection.open({ host: '127.0.0.1', port: peer.port, connectMs: 2_000 });
  await expect(opening).rejects.toMatchObject({ failure: 'protocol' });
});

test('a reply to another request than the oldest is a protocol error', async () => {
  using peer = await fixedAnswer(() => Buffer.from('000000080000ffff00000000', 'hex'));
  const opening = ClientConnection.open({ host: '127.0.0.1', port: peer.port, connectMs: 2_000 });
  await expect(opening).rejects.toMatchObject({ failure: 'protocol' });
});

test('a peer that says nothing is given up', async () => {
  using peer = await fixedAnswer(() => null);
  const opening = ClientConnection.open({ host: '127.0.0.1', port: peer.port, connectMs: 200 });
  await expect(opening).rejects.toMatchObject({ failure: 'timeout' });
});
