/** A client that ends its side at once, as `printf ... | nc -N` does: it gets its replies, then the connection ends. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { carriers, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

/** Sends `bytes` and the end of them in one go; answers everything that comes until the server ends its side too. */
function ask(port: number, bytes: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(new Error('the server has not closed within 30 s')), 30_000);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    socket.end(bytes);
  });
}

describe.each(carriers)('over %s, a client that has ended its side', (carrier) => {
  it('gets the replies to everything it has sent, and then the end', async () => {
    await using own = await openOwn(carrier, { appendFsync: 'always' });
    const replies = await ask(own.port, 'SET a 1\r\nGET a\r\nINCR a\r\nLPUSH l x y\r\n');
    expect(replies.toString()).toBe('+OK\r\n$1\r\n1\r\n:2\r\n:2\r\n');
    expect((await ask(own.port, '')).length).toBe(0);
    expect((await ask(own.port, 'GET a\r\n*2\r\n$3\r\nGE')).toString()).toBe('$1\r\n2\r\n');
    await expect.poll(() => own.server.core.clients.size, { timeout: 30_000 }).toBe(0);
  });

  it('gets more replies than a connection may have unread', async () => {
    await using own = await openOwn(carrier);
    const value = 'v'.repeat(60_000);
    const get = encode(['GET', 'big']);
    const replies = await ask(own.port, Buffer.concat([encode(['SET', 'big', value]), ...Array(100).fill(get)]));
    expect(replies.toString()).toBe(`+OK\r\n${`$60000\r\n${value}\r\n`.repeat(100)}`);
  });

  it('waits for no element any more, and takes none', async () => {
    await using own = await openOwn(carrier);
    expect((await ask(own.port, 'SET a 1\r\nBLPOP list 0\r\nSET a 2\r\n')).toString()).toBe('+OK\r\n');
    using client = await RespConnection.open(own.port);
    expect(await client.run('RPUSH', 'list', 'x')).toBe(1);
    expect(await client.run('LLEN', 'list')).toBe(1);
    expect(await client.run('GET', 'a')).toBe('1');
    expect((await ask(own.port, 'SUBSCRIBE news\r\n')).toString()).toBe(
      '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n',
    );
  });
});
