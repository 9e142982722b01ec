/** The short way of GET and SET: nobody can tell by what he is answered whether a command went it. */
import { describe, expect, it } from 'vitest';
import { carriers, openOwn } from './support/redis-servers.ts';
import { encode, RespConnection } from './support/resp-connection.ts';

/** Closes the short way, because every command may be slow enough for the log. */
const allTheLongWay = ['CONFIG', 'SET', 'slowlog-log-slower-than', '0'];

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
  ['FLUSHALL'],
  ['GET', 'a'],
  ['HELLO', '3'],
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
