/** Promises about what connections see of each other: messages, invalidations, events, watched keys, locks, durability. */
import { describe, expect, it } from 'vitest';
import { carriers, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(carriers)('over %s', (carrier) => {
  it('a message reaches who listens to its channel or to a pattern', async () => {
    await using own = await openOwn(carrier);
    using listener = await RespConnection.open(own.port);
    using sender = await RespConnection.open(own.port);
    expect(await listener.run('SUBSCRIBE', 'news')).toEqual(['subscribe', 'news', 1]);
    expect(await listener.run('PSUBSCRIBE', 'n?ws')).toEqual(['psubscribe', 'n?ws', 2]);
    expect(await sender.run('PUBLISH', 'news', 'hello')).toBe(2);
    const replies = await listener.take(2);
    expect(replies.map(String)).toEqual([
      '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n',
      '*4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$5\r\nhello\r\n',
    ]);
    expect(await listener.run('GET', 'a')).toMatchObject({ error: expect.stringContaining("Can't execute 'get'") });
  });

  it('a tracked key that changes is invalidated once, behind the reply of who changed it', async () => {
    await using own = await openOwn(carrier);
    using cache = await RespConnection.open(own.port);
    using writer = await RespConnection.open(own.port);
    await cache.run('HELLO', '3');
    expect(await cache.run('CLIENT', 'TRACKING', 'ON')).toBe('OK');
    expect(await cache.run('GET', 'k')).toBe(null);
    await writer.run('SET', 'k', '1');
    await writer.run('SET', 'k', '2');
    const [push] = await cache.take(1);
    expect(String(push)).toBe('>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n');
    await pause(20);
    expect(cache.takeAll()).toEqual([]);
    await writer.run('FLUSHALL');
    expect(String((await cache.take(1))[0])).toContain('invalidate\r\n_');
  });

  it('keyspace events are sent when they are wanted', async () => {
    await using own = await openOwn(carrier);
    using listener = await RespConnection.open(own.port);
    using writer = await RespConnection.open(own.port);
    await listener.run('PSUBSCRIBE', '__key*');
    await writer.run('SET', 'k', '1');
    expect(await writer.run('CONFIG', 'SET', 'notify-keyspace-events', 'KEA')).toBe('OK');
    await writer.run('DEL', 'k');
    expect((await listener.take(2)).map(String)).toEqual([
      expect.stringContaining('__keyspace@0__:k\r\n$3\r\ndel'),
      expect.stringContaining('__keyevent@0__:del\r\n$1\r\nk'),
    ]);
  });

  it('EXEC does nothing when a watched key was changed, removed or has expired', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    using other = await RespConnection.open(own.port);
    for (const change of [['SET', 'k', 'x'], ['DEL', 'k'], ['FLUSHALL'], null]) {
      const set = ['SET', 'k', '1', ...(change === null ? ['PX', '400'] : [])];
      // In one packet: the key must be there when it is watched, however slow the machine is.
      client.send(Buffer.concat([encode(set), encode(['WATCH', 'k'])]));
      await client.take(2);
      if (change === null) await pause(500);
      else await other.run(...change);
      await client.run('MULTI');
      await client.run('SET', 'done', 'x');
      expect(await client.run('EXEC'), JSON.stringify(change)).toBe(null);
      expect(await client.run('GET', 'done')).toBe(null);
    }
    await client.run('WATCH', 'absent');
    await other.run('FLUSHALL');
    await client.run('MULTI');
    await client.run('SET', 'done', 'x');
    expect(await client.run('EXEC')).toEqual(['OK']);
  });

  it('CLIENT REPLY swallows what it says', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    client.send(Buffer.from('CLIENT REPLY SKIP\r\nSET a 1\r\nCLIENT REPLY OFF\r\nSET b 2\r\nCLIENT REPLY ON\r\n'));
    expect((await client.take(1)).map(String)).toEqual(['+OK\r\n']);
    expect(await client.run('MGET', 'a', 'b')).toEqual(['1', '2']);
  });

  it('appendfsync is switched while running, and WAITAOF waits for the disk', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    for (const policy of ['always', 'everysec', 'no', 'always']) {
      expect(await client.run('CONFIG', 'SET', 'appendfsync', policy)).toBe('OK');
      expect(await client.run('SET', 'k', policy)).toBe('OK');
      expect(await client.run('GET', 'k')).toBe(policy);
      expect(await client.run('WAITAOF', '1', '0', '0')).toEqual([1, 0]);
    }
    expect(await client.run('CONFIG', 'SET', 'appendonly', 'no')).toMatchObject({ error: expect.any(String) });
  });
});

describe('locks', () => {
  const release = 'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end';

  it('are let go by their holder only, by the script that everybody sends', async () => {
    await using own = await openOwn('ring', { appendFsync: 'always' });
    using client = await RespConnection.open(own.port);
    expect(await client.run('SET', 'lock', 'mine', 'NX', 'PX', '60000')).toBe('OK');
    expect(await client.run('SET', 'lock', 'other', 'NX', 'PX', '60000')).toBe(null);
    expect(await client.run('EVAL', release, '1', 'lock', 'other')).toBe(0);
    expect(await client.run('EVAL', release, '1', 'lock', 'mine')).toBe(1);
    expect(await client.run('EXISTS', 'lock')).toBe(0);
  });

  it('any other script is refused in words', async () => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    expect(await client.run('EVALSHA', 'a'.repeat(40), '0')).toEqual({
      error: 'NOSCRIPT No matching script. Please use EVAL.',
    });
    expect(await client.run('EVAL', 'return 1', '0')).toMatchObject({
      error: expect.stringContaining('not interpreted'),
    });
  });
});
