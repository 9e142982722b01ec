/** Promises about clients that wait for a list or a sorted set to hold something. */
import { cpSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scratch } from '../../support/scratch.ts';
import { carriers, openOwn } from '../support/redis-servers.ts';
import { encode, RespConnection } from '../support/resp-connection.ts';
import { replyValue } from '../support/resp-reader.ts';

/** Resolves when so many clients wait; rejects after five seconds. */
async function waiting(control: RespConnection, count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const list = String(await control.run('CLIENT', 'LIST'));
    if (list.split('\n').filter((line) => / flags=b /.test(line)).length === count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not ${count} clients wait after five seconds`);
}

async function open(port: number, count: number): Promise<RespConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RespConnection.open(port)));
}

async function next(connection: RespConnection): Promise<unknown> {
  return replyValue((await connection.take(1))[0] as Buffer);
}

describe.each(carriers)('over %s', (carrier) => {
  it('whoever has waited longest is served first, one element each', async () => {
    await using own = await openOwn(carrier);
    const [control, ...clients] = (await open(own.port, 5)) as [RespConnection, ...RespConnection[]];
    for (const [index, client] of clients.entries()) {
      client.send(encode(['BLPOP', 'other', 'queue', '0']));
      await waiting(control, index + 1);
    }
    expect(await control.run('RPUSH', 'queue', '1', '2', '3')).toBe(3);
    expect(await Promise.all(clients.slice(0, 3).map(next))).toEqual([
      ['queue', '1'],
      ['queue', '2'],
      ['queue', '3'],
    ]);
    await waiting(control, 1);
    expect(await control.run('EXISTS', 'queue')).toBe(0);
    await control.run('LPUSH', 'other', '4');
    expect(await next(clients[3] as RespConnection)).toEqual(['other', '4']);
    for (const one of [control, ...clients]) one[Symbol.dispose]();
  });

  it('a client is served between two commands of one packet', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    client.send(encode(['BZPOPMIN', 'jobs', '0']));
    await waiting(control, 1);
    control.send(Buffer.concat([encode(['ZADD', 'jobs', '2', 'b', '1', 'a']), encode(['ZCARD', 'jobs'])]));
    expect((await control.take(2)).map(replyValue)).toEqual([2, 1]);
    expect(await next(client)).toEqual(['jobs', 'a', '1']);
  });

  it('commands behind one that waits are run when it is served', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    client.send(Buffer.concat([encode(['BLPOP', 'l', '0']), encode(['LLEN', 'l']), encode(['PING'])]));
    await waiting(control, 1);
    await control.run('RPUSH', 'l', 'x', 'y');
    expect((await client.take(3)).map(replyValue)).toEqual([['l', 'x'], 1, 'PONG']);
  });

  it('waiting ends with nothing after its time', async () => {
    await using own = await openOwn(carrier);
    using client = await RespConnection.open(own.port);
    const began = performance.now();
    expect(await client.run('BLMOVE', 'from', 'to', 'LEFT', 'RIGHT', '0.05')).toBe(null);
    expect(performance.now() - began).toBeGreaterThanOrEqual(49);
    expect(await client.run('RPUSH', 'from', 'x')).toBe(1);
    expect(await client.run('LLEN', 'from')).toBe(1);
  });

  it('a client that is gone takes nothing', async () => {
    await using own = await openOwn(carrier);
    using control = await RespConnection.open(own.port);
    const client = await RespConnection.open(own.port);
    client.send(encode(['BRPOP', 'l', '0']));
    await waiting(control, 1);
    client[Symbol.dispose]();
    await waiting(control, 0);
    await control.run('RPUSH', 'l', 'x');
    expect(await control.run('LRANGE', 'l', '0', '-1')).toEqual(['x']);
  });
});

describe('what clients wait for', () => {
  it('EXEC serves others when it is over, and does not wait itself', async () => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    client.send(encode(['BLPOP', 'l', '0']));
    await waiting(control, 1);
    for (const args of [['MULTI'], ['RPUSH', 'l', 'x'], ['BLPOP', 'none', '0'], ['RPUSH', 'l', 'y'], ['LLEN', 'l']]) {
      await control.run(...args);
    }
    expect(await control.run('EXEC')).toEqual([1, null, 2, 2]);
    expect(await next(client)).toEqual(['l', 'x']);
    expect(await control.run('LLEN', 'l')).toBe(1);
  });

  it('a list that comes by RENAME or COPY serves them too, and what they push serves the next', async () => {
    await using own = await openOwn('ring');
    const [control, first, second] = (await open(own.port, 3)) as [RespConnection, RespConnection, RespConnection];
    second.send(encode(['BLPOP', 'end', '0']));
    await waiting(control, 1);
    first.send(encode(['BLMOVE', 'middle', 'end', 'LEFT', 'RIGHT', '0']));
    await waiting(control, 2);
    await control.run('RPUSH', 'begin', 'x');
    await control.run('RENAME', 'begin', 'middle');
    expect(await next(first)).toBe('x');
    expect(await next(second)).toEqual(['end', 'x']);
    expect(await control.run('DBSIZE')).toBe(0);
    for (const one of [control, first, second]) one[Symbol.dispose]();
  });

  it('a key of another type serves nobody, and an error of the other list goes to who has waited', async () => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    client.send(encode(['BRPOPLPUSH', 'l', 'target', '0']));
    await waiting(control, 1);
    await control.run('ZADD', 'l', '1', 'x');
    await control.run('SET', 'target', 'a string');
    await control.run('DEL', 'l');
    await waiting(control, 1);
    await control.run('RPUSH', 'l', 'x');
    expect(await next(client)).toMatchObject({ error: expect.stringContaining('WRONGTYPE') });
    expect(await control.run('LRANGE', 'l', '0', '-1')).toEqual(['x']);
  });

  it('CLIENT UNBLOCK ends waiting, as after its time or with an error', async () => {
    await using own = await openOwn('ring');
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    const id = String(await client.run('CLIENT', 'ID'));
    expect(await control.run('CLIENT', 'UNBLOCK', id)).toBe(0);
    for (const [reason, reply] of [
      ['TIMEOUT', null],
      ['ERROR', { error: 'UNBLOCKED client unblocked via CLIENT UNBLOCK' }],
    ] as const) {
      client.send(encode(['BLMPOP', '0', '1', 'l', 'LEFT']));
      await waiting(control, 1);
      expect(await control.run('CLIENT', 'UNBLOCK', id, reason)).toBe(1);
      expect(await next(client)).toEqual(reply);
    }
    await control.run('RPUSH', 'l', 'x');
    expect(await control.run('LLEN', 'l')).toBe(1);
  });

  it('an element that was received is gone from the files', async () => {
    using place = scratch('redis-queue');
    await using own = await openOwn('ring', { appendFsync: 'always', dir: `${place.path}/data` });
    using client = await RespConnection.open(own.port);
    using control = await RespConnection.open(own.port);
    for (const round of ['1', '2', '3']) {
      client.send(encode(['BLPOP', 'queue', '0']));
      await waiting(control, 1);
      control.send(encode(['RPUSH', 'queue', `job ${round}`]));
      expect(await next(client)).toEqual(['queue', `job ${round}`]);
      cpSync(`${place.path}/data`, `${place.path}/copy-${round}`, { recursive: true });
      await control.take(1);
      await using copy = await openOwn('node', { dir: `${place.path}/copy-${round}` });
      using reader = await RespConnection.open(copy.port);
      expect(await reader.run('EXISTS', 'queue')).toBe(0);
      await control.run('RPUSH', 'log', `job ${round}`);
    }
    expect(await control.run('LRANGE', 'log', '0', '-1')).toEqual(['job 1', 'job 2', 'job 3']);
  });
});
