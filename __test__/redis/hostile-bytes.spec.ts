/**
 * Promises about hostile bytes (reliability inputs 15-21): errors in Redis' words, the connection closed, nothing
 * allocated by a claim, any split of the bytes the same replies, neighbours unharmed.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Carrier, type OwnServer, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';
import { replyValue } from './support/resp-reader.ts';

const bad: [name: string, bytes: string, error: string][] = [
  ['a count beyond all bounds', '*1073741824\r\n', 'invalid multibulk length'],
  ['a count beyond 32 bits', '*2147483648\r\n', 'invalid multibulk length'],
  ['a count that is no number', '*abc\r\n', 'invalid multibulk length'],
  ['a length beyond the limit', '*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['a negative length', '*1\r\n$-2\r\n', 'invalid bulk length'],
  ['a length of twenty digits', '*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
  ['no length', '*1\r\nabc\r\n', "expected '$', got 'a'"],
  ['no line end behind an argument', '*1\r\n$4\r\nPINGxx', 'expected CRLF behind a bulk string'],
  ['an open quote', 'SET "a\r\n', 'unbalanced quotes in request'],
  ['digits without end', `*${'1'.repeat(70_000)}`, 'too big mbulk count string'],
  ['a line without end', 'x'.repeat(1024 * 1024), 'too big inline request'],
];

describe.each<Carrier>(['ring', 'node'])('over %s', (carrier) => {
  let own: OwnServer;
  beforeAll(async () => {
    own = await openOwn(carrier);
  });
  afterAll(() => own[Symbol.asyncDispose]());

  it.each(bad)('%s ends the connection with an error and nobody else', async (_name, bytes, error) => {
    using neighbour = await RespConnection.open(own.port);
    using hostile = await RespConnection.open(own.port);
    hostile.send(Buffer.from(bytes, 'latin1'));
    const [reply] = await hostile.take(1);
    expect(replyValue(reply as Buffer)).toEqual({ error: `ERR Protocol error: ${error}` });
    await hostile.closed();
    expect(await neighbour.run('PING')).toBe('PONG');
  });

  it('empty and void commands are skipped silently', async () => {
    using client = await RespConnection.open(own.port);
    client.send(Buffer.from('\r\n\n*0\r\n*-1\r\nPING\nping "a\\x41"\r\n'));
    expect((await client.take(2)).map(replyValue)).toEqual(['PONG', 'aA']);
  });

  it('any split of the bytes gives the same replies', async () => {
    const commands = [['SET', 'k', 'a\r\nb\0'], ['GET', 'k'], ['nosuch'], ['MGET', 'k', ''], ['ECHO', '$3\r\n']];
    const bytes = Buffer.concat([...commands.map((args) => encode(args)), Buffer.from('PING\r\necho "x y"\r\n')]);
    using whole = await RespConnection.open(own.port);
    whole.send(bytes);
    const expected = (await whole.take(7)).map(String);
    for (const step of [1, 2, 3, 7, 11]) {
      using split = await RespConnection.open(own.port);
      for (let at = 0; at < bytes.length; at += step) {
        split.send(bytes.subarray(at, at + step));
        if (step === 1) await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await split.take(7)).map(String), `pieces of ${step}`).toEqual(expected);
    }
  });

  it('100,000 pipelined commands are answered in order', async () => {
    using client = await RespConnection.open(own.port);
    const one = encode(['INCR', 'pipelined']);
    client.send(Buffer.concat(Array.from({ length: 100_000 }, () => one)));
    const replies = await client.take(100_000);
    expect(replyValue(replies.at(-1) as Buffer)).toBe(100_000);
    expect(replyValue(replies[4999] as Buffer)).toBe(5000);
  });

  it('keys and values of any bytes come back as they were', async () => {
    using client = await RespConnection.open(own.port);
    const large = Buffer.alloc(3 * 1024 * 1024, 'ab\r\n');
    for (const [key, value] of [
      ['', ''],
      ['\0', '\xff\r\n'],
      ['\r\n', '\0'],
    ] as const) {
      expect(await client.run('SET', key, value)).toBe('OK');
      expect(await client.run('GET', key)).toBe(value);
    }
    expect(await client.run('SET', 'large', large)).toBe('OK');
    expect(await client.run('GET', 'large')).toBe(large.toString('latin1'));
  });

  it('a pattern of many stars takes linear time', async () => {
    using client = await RespConnection.open(own.port);
    await client.run('SET', 'a'.repeat(5000), 'x');
    const began = process.cpuUsage();
    expect(await client.run('KEYS', `${'*a'.repeat(500)}*b`)).toEqual([]);
    // The server runs in this process.
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
  });

  it('a transaction that is left in the middle does nothing', async () => {
    const leaving = await RespConnection.open(own.port);
    await leaving.run('MULTI');
    await leaving.run('SET', 'left', 'x');
    leaving[Symbol.dispose]();
    using client = await RespConnection.open(own.port);
    expect(await client.run('GET', 'left')).toBe(null);
  });
});

describe('before a client has authenticated', () => {
  it('it may send little, gets NOAUTH, and its time is short', async () => {
    await using own = await openOwn('ring', { password: 'secret', limits: { authenticateMs: 300, sweepMs: 50 } });
    using silent = await RespConnection.open(own.port);
    using large = await RespConnection.open(own.port);
    using client = await RespConnection.open(own.port);
    large.send(Buffer.from('*2\r\n$4\r\nAUTH\r\n$20000\r\n'));
    const [reply] = await large.take(1);
    expect(replyValue(reply as Buffer)).toEqual({ error: 'ERR Protocol error: unauthenticated bulk length' });
    expect(await client.run('GET', 'a')).toEqual({ error: 'NOAUTH Authentication required.' });
    expect(await client.run('AUTH', 'wrong')).toEqual({
      error: 'WRONGPASS invalid username-password pair or user is disabled.',
    });
    expect(await client.run('AUTH', 'secret')).toBe('OK');
    await silent.closed();
    expect(await client.run('SET', 'a', 'b'.repeat(50_000))).toBe('OK');
  });
});
