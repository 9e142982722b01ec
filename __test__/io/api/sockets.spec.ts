/** TCP sockets of a ring: they speak with each other and with Node's. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Arena } from '../../../ts/io/api/index.ts';
import { codeOf, drivers, ringOn, someBytes } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('connections are accepted, echoed and ended', async () => {
    await using ring = await ringOn(driver);
    const listener = await ring.listen();
    const ending = new AbortController();
    const served = (async () => {
      for await (const socket of listener.connections({ signal: ending.signal })) {
        const lease = new Arena({ slotBytes: 4096, slots: 1 }).lease();
        for (let count = await socket.receive(lease); count > 0; count = await socket.receive(lease)) {
          await socket.send(lease.part(0, count), { all: true });
        }
        await socket.close();
      }
    })();
    const client = await ring.connect({ port: listener.address.port });
    expect(client.remoteAddress).toEqual(listener.address);
    expect(client.localAddress.host).toBe('127.0.0.1');
    const [bytes, back] = [someBytes(10_000), Buffer.alloc(10_000)];
    const sent = client.sendAll(bytes);
    expect(await client.receive(back, { all: true })).toBeGreaterThan(0);
    await sent;
    await client.shutdown();
    while ((await client.receive(back)) > 0);
    await client.close();
    const node = connect(listener.address.port, '127.0.0.1');
    node.end('from node');
    const [data] = (await once(node, 'data')) as [Buffer];
    expect(data.toString()).toBe('from node');
    await once(node, 'close');
    ending.abort();
    await served;
  });

  test('a receive may peek, and is ended by its signal', async () => {
    await using ring = await ringOn(driver);
    const listener = await ring.listen();
    const [client, server] = await Promise.all([ring.connect(listener.address), listener.accept()]);
    await client.send(Buffer.from('ab'));
    const into = Buffer.alloc(2);
    expect(await server.receive(into, { peek: true })).toBe(2);
    expect(await server.receive(into)).toBe(2);
    const late = server.receive(into, { signal: AbortSignal.timeout(5) });
    expect(await codeOf(late)).toBe('MILLRACE_ABORTED');
    await client.close();
    expect(await server.receive(into)).toBe(0);
  });

  test('what the network refuses is an error with its errno', async () => {
    await using ring = await ringOn(driver);
    const free = createServer();
    await once(free.listen(0, '127.0.0.1'), 'listening');
    const { port } = free.address() as { port: number };
    await expect(ring.listen({ port })).rejects.toMatchObject({ code: 'MILLRACE_IO', errno: 98 });
    free.close();
    await once(free, 'close');
    await expect(ring.connect({ port })).rejects.toMatchObject({ code: 'MILLRACE_IO', errno: 111 });
    expect(await codeOf(ring.connect({ host: 'localhost', port }))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(ring.listen({ port: 70_000 }))).toBe('MILLRACE_ARGUMENT');
    await ring.nop();
    expect(ring.counters.openFiles).toBe(0);
  });

  test('a listener that is closed while it accepts ends its connections', async () => {
    await using ring = await ringOn(driver);
    const listener = await ring.listen();
    const ending = new AbortController();
    const served = (async () => {
      for await (const _socket of listener.connections({ signal: ending.signal })) throw new Error('nobody comes');
    })();
    await ring.nop();
    const closed = listener.close();
    ending.abort();
    await Promise.all([served, closed]);
  });
});
