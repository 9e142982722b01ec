/** The short way of simple commands: nobody can tell by what he is answered whether a command went it. */
import { describe, expect, it } from 'vitest';
import { carriers, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

/** Closes the short way, because every command may be slow enough for the log. */
const allTheLongWay = ['CONFIG', 'SET', 'slowlog-log-slower-than', '0'];

/** The other simple commands, with what they have to refuse or to leave to others. */
function counting(): string[][] {
  const lines = [
    ...['SET n 5', 'INCR n', 'DECR n', 'INCRBY n 10', 'DECRBY n -3', 'GET n', 'INCR a9 x', 'INCRBY n 1.5', 'INCRBY n'],
    ...['INCRBY n 9223372036854775807', 'DECRBY n -9223372036854775808', 'SET t 01', 'INCR t', 'SET t -0', 'DECR t'],
    ...[
      'EXPIRE n 100',
      'PERSIST n',
      'INCR n',
      'PERSIST n',
      'SET n 1',
      'PERSIST n',
      'EXPIRE n 0',
      'GET n',
      'EXPIRE n 500',
    ],
    ...['SETEX s 100 v', 'PERSIST s', 'SETEX s 0 v', 'SETEX s x v', 'SETEX s 9223372036854775807 v', 'EXPIRE s x'],
    ...['EXPIRE s 100 XX', 'EXPIRE s 9223372036854775807', 'EXISTS s', 'EXISTS s s', 'DEL s', 'DEL s', 'EXISTS s'],
    ...[
      'HSET hash f 1',
      'HSET hash f 2',
      'HSET hash g 3',
      'HSET hash g 4 i',
      'HGET hash f',
      'HGET hash none',
      'HLEN hash',
    ],
    ...[
      'HGET none f',
      'HSET t f v',
      'HGET t f',
      'INCR hash',
      'SETEX hash 10 v',
      'GET hash',
      'HSET hash f 1',
      'PERSIST hash',
    ],
    ...[
      'EXPIRE hash 100',
      'HSET hash k 9',
      'PERSIST hash',
      'EXISTS hash',
      'HGETALL hash',
      'MGET n t hash none t',
      'DEL hash',
    ],
    ...['EXISTS hash', 'HGET hash f', 'HSET hash z 1', 'HGETALL hash', 'UNLINK hash t', 'UNLINK n', 'MGET', 'MGET n'],
    ...['SADD set m', 'HGET set m', 'HSET set m v', 'EXISTS set', 'DEL set', 'EXISTS set'],
  ];
  return lines.map((line) => line.split(' '));
}

const session: readonly (readonly string[])[] = [
  ['SET', 'a', '1'],
  ['GET', 'a'],
  ['set', 'a', '2', 'NX'],
  ['get', 'a'],
  ['INCR', 'a'],
  ['GET', 'a'],
  ['HSET', 'h', 'f', 'v'],
  ['GET', 'h'],
  ['SET', 'h', 'string'],
  ['GET', 'h'],
  ['SET', 'dies', 'x', 'PX', '1'],
  ['MULTI'],
  ['SET', 'a', '7'],
  ['GET', 'a'],
  ['EXEC'],
  ['GET', 'a'],
  ['SELECT', '3'],
  ['GET', 'a'],
  ['SET', 'a', 'other'],
  ['SELECT', '0'],
  ['GET', 'a'],
  ['CLIENT', 'REPLY', 'SKIP'],
  ['SET', 'quiet', '1'],
  ['GET', 'quiet'],
  ['GET'],
  ['GET', 'a', 'b'],
  ['SET', 'empty', ''],
  ['GET', 'empty'],
  ['SET', 'large', 'x'.repeat(20_000)],
  ['STRLEN', 'large'],
  ['GET', 'large'],
  ...counting(),
  ['FLUSHALL'],
  ['GET', 'a'],
  ['HELLO', '3'],
  ...counting(),
  ['CLIENT', 'SETNAME', 'x'],
  ['GET', 'a'],
];

/** HELLO tells of the connection itself. */
const isOfTheConnection = (reply: Buffer): boolean => reply.includes('server');

async function answers(port: number, pieces: readonly Buffer[], count: number): Promise<string[]> {
  using connection = await RespConnection.open(port);
  for (const piece of pieces) {
    connection.send(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const replies = await connection.take(count);
  return replies.filter((reply) => !isOfTheConnection(reply)).map(String);
}

describe.each(carriers)('over %s', (carrier) => {
  it('a pipeline is answered the same both ways, whole and in pieces of any size', async () => {
    await using own = await openOwn(carrier);
    using control = await RespConnection.open(own.port);
    const bytes = Buffer.concat(session.map(encode));
    // CLIENT REPLY SKIP has no reply, and the command behind it neither.
    const count = session.length - 2;
    const short = await answers(own.port, [bytes], count);
    await control.run('FLUSHALL');
    for (const size of [7, 64, 1000]) {
      const pieces = Array.from({ length: Math.ceil(Math.min(bytes.length, 900) / size) }, (_, index) =>
        bytes.subarray(index * size, Math.min((index + 1) * size, 900)),
      );
      expect(await answers(own.port, [...pieces, bytes.subarray(900)], count), `pieces of ${size}`).toEqual(short);
      await control.run('FLUSHALL');
    }
    await control.run(...allTheLongWay);
    expect(await answers(own.port, [bytes], count)).toEqual(short);
  });

  it('many connections that write the same key all read what is there, and the last write stays', async () => {
    await using own = await openOwn(carrier);
    const connections = await Promise.all(Array.from({ length: 20 }, () => RespConnection.open(own.port)));
    const read = connections.map(async (connection, index) => {
      const commands = Array.from({ length: 50 }, (_, round) => [
        encode(['SET', 'shared', `${index}:${round}`]),
        encode(['GET', 'shared']),
        encode(['SET', `own:${index}`, String(round)]),
        encode(['GET', `own:${index}`]),
      ]);
      connection.send(Buffer.concat(commands.flat()));
      return (await connection.take(200)).map(String);
    });
    for (const [index, replies] of (await Promise.all(read)).entries()) {
      for (let round = 0; round < 50; round += 1) {
        expect(replies[round * 4 + 1]).toMatch(/^\$\d\r\n|^\$\d\d?\r\n\d+:\d+\r\n$/);
        expect(replies[round * 4 + 3]).toBe(`$${String(round).length}\r\n${round}\r\n`);
      }
      expect(await connections[index]?.run('GET', `own:${index}`)).toBe('49');
    }
    for (const connection of connections) connection[Symbol.dispose]();
  });
});
