/**
 * Promises about values above what a frame of the journal takes: they go over the wire both ways, nothing is allocated
 * because a client claims a length, and what unfinished commands hold has a limit.
 */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Carrier, type OwnServer, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

const MIB = 1024 * 1024;
/** More than a frame takes that has no file beside it. */
const LARGE = 33 * MIB + 7;
const TIMEOUT_MS = 60_000;

/** Bytes in which every place differs from its neighbours and from the places a chunk away. */
function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 0x9e37_79b1) >>> 0, at);
  return bytes;
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Sends a command and takes exactly so many bytes of what is answered. */
function exchange(port: number, bytes: Buffer, expected: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= expected) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });
}

describe.each<Carrier>(['ring', 'node'])('over %s', (carrier) => {
  let own: OwnServer;
  beforeAll(async () => {
    own = await openOwn(carrier);
  }, TIMEOUT_MS);
  afterAll(() => own[Symbol.asyncDispose](), TIMEOUT_MS);

  it(
    'a value above what a frame takes is set, read back as it was, and grown',
    async () => {
      const value = patterned(LARGE);
      expect(String(await exchange(own.port, encode(['SET', 'large', value]), 5))).toBe('+OK\r\n');
      const head = `$${LARGE}\r\n`;
      const got = await exchange(own.port, encode(['GET', 'large']), head.length + LARGE + 2);
      expect(got.toString('latin1', 0, head.length)).toBe(head);
      expect(digest(got.subarray(head.length, head.length + LARGE))).toBe(digest(value));
      using client = await RespConnection.open(own.port);
      expect(await client.run('APPEND', 'large', 'tail')).toBe(LARGE + 4);
      expect(await client.run('GETRANGE', 'large', String(LARGE - 3), '-1')).toBe(
        `${value.toString('latin1', LARGE - 3)}tail`,
      );
      expect(await client.run('SETRANGE', 'small', String(LARGE), 'x')).toEqual({
        error: 'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
      });
      expect(await client.run('DEL', 'large')).toBe(1);
    },
    TIMEOUT_MS,
  );

  it('a claimed length takes no memory, whoever claims it', async () => {
    const claims = await Promise.all(Array.from({ length: 50 }, () => RespConnection.open(own.port)));
    for (const claim of claims) claim.send(Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${512 * MIB}\r\nbegun`));
    using neighbour = await RespConnection.open(own.port);
    // They are held once the turn is over that they came in.
    while (own.server.core.inputBytesHeld === 0) await neighbour.run('PING');
    expect(await neighbour.run('PING')).toBe('PONG');
    expect(own.server.core.inputBytesHeld).toBeLessThan(claims.length * 1024);
    for (const claim of claims) claim[Symbol.dispose]();
    while (own.server.core.clients.size > 1) await neighbour.run('PING');
    expect(own.server.core.inputBytesHeld).toBe(0);
  });

  it('unfinished commands of all connections together have a limit, and who passes it is told', async () => {
    using setting = await RespConnection.open(own.port);
    expect(await setting.run('CONFIG', 'SET', 'client-query-buffer-limit', '2mb')).toBe('OK');
    using first = await RespConnection.open(own.port);
    first.send(Buffer.concat([Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n'), Buffer.alloc(999_999)]));
    while (own.server.core.inputBytesHeld < 999_999) await setting.run('PING');
    using second = await RespConnection.open(own.port);
    second.send(Buffer.concat([Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$3000000\r\n'), Buffer.alloc(2_500_000)]));
    expect(String(await second.take(1))).toMatch(/^-ERR unfinished commands of all connections take more than/);
    await second.closed();
    first.send(Buffer.from('x\r\n'));
    expect(String(await first.take(1))).toBe('+OK\r\n');
    expect(await setting.run('EXISTS', 'a', 'b')).toBe(1);
    await setting.run('CONFIG', 'SET', 'client-query-buffer-limit', '1gb');
  });

  it('the limit of an argument is a setting, for connections that are open too', async () => {
    using client = await RespConnection.open(own.port);
    expect(await client.run('CONFIG', 'GET', 'proto-max-bulk-len')).toEqual(['proto-max-bulk-len', String(512 * MIB)]);
    for (const bad of ['1000', '513mb', 'x']) {
      expect(await client.run('CONFIG', 'SET', 'proto-max-bulk-len', bad)).toHaveProperty('error');
    }
    expect(await client.run('CONFIG', 'SET', 'proto-max-bulk-len', '1mb')).toBe('OK');
    using other = await RespConnection.open(own.port);
    other.send(Buffer.from(`*2\r\n$4\r\nECHO\r\n$${MIB + 1}\r\n`));
    expect(String(await other.take(1))).toBe('-ERR Protocol error: invalid bulk length\r\n');
    expect(await client.run('SET', 'k', Buffer.alloc(MIB))).toBe('OK');
    client.send(Buffer.from(`*2\r\n$4\r\nECHO\r\n$${MIB + 1}\r\n`));
    expect(String(await client.take(1))).toBe('-ERR Protocol error: invalid bulk length\r\n');
    using last = await RespConnection.open(own.port);
    expect(await last.run('CONFIG', 'SET', 'proto-max-bulk-len', '512mb')).toBe('OK');
  });
});
