/** Hostile inputs 1-5 and 14 of the reliability requirements: only the connection that sends them suffers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { heartbeatApi } from '../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { apiVersionsApi } from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { framedRequest, RawClient } from './raw-client.ts';
import { apiVersionsHandler, echoHeartbeat, heartbeatHandler, serveOver, transports } from './served.ts';

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const REFUSED: [name: string, bytes: Buffer, log: string][] = [
  ['input 1: a length of 2^31 - 1', int32(0x7fffffff), 'above the limit'],
  ['input 2: a negative length', int32(-1), 'negative length'],
  ['input 2: a length of zero', int32(0), 'length 0'],
  ['input 3: an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'an HTTP request'],
  ['input 3: a TLS hello', Buffer.from('16030100c8010000c40303', 'hex'), 'a TLS handshake on a plaintext port'],
  ['input 3: an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), 'an SSH client'],
  ['input 5: an unknown API', Buffer.from('0000000c03e700000000000100000000', 'hex'), 'API 999 is not served'],
  ['input 5: a version that is not served', framedRequest(heartbeatApi, 99, 1, {}), 'not served in version 99'],
  [
    'a request that ends too early',
    Buffer.from('00000009000c0000000000010000', 'hex').subarray(0, 13),
    'ends too early',
  ],
];

describe.each(transports)('over %s', (transport) => {
  const serve = serveOver(transport);

  test.each(REFUSED)('%s closes that connection, says why, and touches no other', async (_name, bytes, log) => {
    await using served = await serve([echoHeartbeat]);
    const bystander = await RawClient.open(served.port);
    const client = await RawClient.open(served.port);
    client.send(bytes);
    expect(await client.frame()).toBeNull();
    expect(served.lines.join()).toContain(log);
    bystander.send(framedRequest(heartbeatApi, 4, 1, {}));
    expect(await bystander.correlations(1)).toEqual([1]);
    bystander.destroy();
  });

  test('input 4: a request that stops in the middle is closed at the deadline', async () => {
    await using served = await serve([echoHeartbeat], { firstRequestMs: 60, sweepMs: 10 });
    const client = await RawClient.open(served.port);
    client.send(Buffer.concat([int32(100), Buffer.from('abc')]));
    expect(await client.frame()).toBeNull();
    expect(served.lines.join()).toContain('no whole request');
  });

  test('a peer that has spoken may then be silent for the idle time, and no longer', async () => {
    await using served = await serve([echoHeartbeat], { firstRequestMs: 1000, idleMs: 1300, sweepMs: 10 });
    const client = await RawClient.open(served.port);
    // Before what it says: however late its own reading of the answer is, the server's idle time begins after this.
    const start = performance.now();
    client.send(framedRequest(heartbeatApi, 4, 1, {}));
    await client.correlations(1);
    await client.closed;
    expect(performance.now() - start).toBeGreaterThan(1200);
  });

  test('a request that takes longer than the idle time to answer is no silence', async () => {
    const late = heartbeatHandler((_request, exchange) => {
      setTimeout(() => exchange.reply({ errorCode: 0, throttleTimeMs: 0 }), 1400);
    });
    await using served = await serve([late], { idleMs: 1000, sweepMs: 10 });
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 4, 1, {}));
    expect(await client.correlations(1)).toEqual([1]);
    await sleep(100);
    client.send(framedRequest(heartbeatApi, 4, 2, {}));
    expect(await client.correlations(1)).toEqual([2]);
    client.destroy();
  });

  test('input 5: ApiVersions in an unsupported version is answered with error 35 in the layout of version 0', async () => {
    await using served = await serve([apiVersionsHandler(), echoHeartbeat]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(apiVersionsApi, 77, 5, { clientSoftwareName: 'x', clientSoftwareVersion: '1' }));
    const reply = (await client.frame()) as Buffer;
    expect(reply.readInt32BE(0)).toBe(5);
    const body = apiVersionsApi.decodeResponse(new Reader(reply, 4), 0);
    expect(body.errorCode).toBe(35);
    expect(body.apiKeys).toContainEqual({ apiKey: 18, minVersion: 0, maxVersion: 4 });
    client.send(framedRequest(apiVersionsApi, 3, 6, { clientSoftwareName: 'x', clientSoftwareVersion: '1' }));
    // The body of version 3 is flexible, the header before it is not: no tag byte between correlation id and error code.
    const second = (await client.frame()) as Buffer;
    const reader = new Reader(second, 4);
    expect(apiVersionsApi.decodeResponse(reader, 3).errorCode).toBe(0);
    reader.finish();
    client.destroy();
  });

  test('input 14: a peer that never reads is not read from above the cap, and is cut at the deadline', async () => {
    let served14 = 0;
    const big = heartbeatHandler((_request, exchange) => {
      served14 += 1;
      const writer = exchange.begin(256 * 1024);
      writer.reserve(256 * 1024);
      exchange.finish(writer);
    });
    const limits = { unsentMs: 200, maxUnsentBytes: 1024 * 1024, sweepMs: 20 };
    await using served = await serve([big], limits);
    const client = await RawClient.open(served.port);
    client.socket.pause();
    client.send(Buffer.concat(Array.from({ length: 500 }, (_, i) => framedRequest(heartbeatApi, 4, i, {}))));
    const deadline = performance.now() + 5_000;
    while (!served.lines.join().includes('not read') && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(served.lines.join()).toContain('of replies not read');
    // The cap, one reply above it, and what the kernel's own socket buffers took.
    expect(served14).toBeLessThan(100);
    expect(served.server.connections).toBe(0);
    client.destroy();
  });

  test('a peer that reads slowly gets every byte of a reply larger than the window', async () => {
    const size = 9 * 1024 * 1024 + 17;
    const big = heartbeatHandler((_request, exchange) => {
      const writer = exchange.begin(size);
      writer.reserve(size);
      writer.buffer.fill(0x5a, writer.position - size, writer.position);
      exchange.finish(writer);
    });
    await using served = await serve([big]);
    const client = await RawClient.open(served.port);
    client.send(framedRequest(heartbeatApi, 0, 3, {}));
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.resume();
    const reply = (await client.frame()) as Buffer;
    expect(reply.length).toBe(size + 4);
    expect(reply.subarray(4).every((byte) => byte === 0x5a)).toBe(true);
    client.destroy();
  });

  test('at most the allowed number of requests is open, and the rest follows as replies are given', async () => {
    const open: { reply(response: { errorCode: number }): void }[] = [];
    let most = 0;
    let answered = 0;
    const handler = heartbeatHandler((_request, exchange) => {
      open.push(exchange);
      most = Math.max(most, open.length);
    });
    await using served = await serve([handler], { maxOpenRequests: 8 });
    const client = await RawClient.open(served.port);
    client.send(Buffer.concat(Array.from({ length: 100 }, (_, i) => framedRequest(heartbeatApi, 4, i, {}))));
    while (answered < 100) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      answered += open.length;
      for (const exchange of open.splice(0)) exchange.reply({ errorCode: 0 });
    }
    expect(most).toBe(8);
    expect(await client.correlations(100)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    client.destroy();
  });

  test('a hundred garbage connections cause a handful of log lines', async () => {
    await using served = await serve([echoHeartbeat]);
    for (let i = 0; i < 100; i += 1) {
      const client = await RawClient.open(served.port);
      client.send(Buffer.from('GET / HTTP/1.1\r\n'));
      await client.closed;
    }
    expect(served.lines.length).toBeLessThan(10);
    expect(served.server.connections).toBe(0);
  });
});
