/** Connections of one address are bounded, those of others go on. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Handler } from '../../../ts/broker/handler.ts';
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsApi,
} from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { serveOver, transports } from './served.ts';

const versions: Handler<ApiVersionsRequest, ApiVersionsResponse> = {
  api: apiVersionsApi,
  minVersion: 0,
  maxVersion: 4,
  handle: (_request, exchange) => exchange.reply({ errorCode: 0, apiKeys: [] }),
};

/** Whether a connection from `localAddress` is taken: it answers, or it is closed. */
async function knock(port: number, localAddress: string): Promise<Socket | null> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  socket.write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff]));
  const answered = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  return answered ? socket : null;
}

describe.each(transports)('over %s sockets', (transport) => {
  test('an address has so many connections and no more, and another one its own', async () => {
    await using served = await serveOver(transport)([versions as never], { maxConnectionsPerAddress: 2 });
    const first = await knock(served.port, '127.0.0.1');
    const second = await knock(served.port, '127.0.0.1');
    expect([first !== null, second !== null]).toEqual([true, true]);
    expect(await knock(served.port, '127.0.0.1')).toBeNull();
    expect(served.lines.join()).toContain('refused a connection of 127.0.0.1: 2 of it are open');
    const other = await knock(served.port, '127.0.0.2');
    expect(other).not.toBeNull();
    first?.destroy();
    await expect.poll(() => served.server.connections).toBe(2);
    const again = await knock(served.port, '127.0.0.1');
    expect(again).not.toBeNull();
    for (const socket of [second, other, again]) socket?.destroy();
  });
});
