/** Sockets in a ring with no protocol above them: raw bytes and frames, one call a turn, memory that comes back. */

import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NodeEngine, openEngine } from '../../ts/io/engine.ts';
import { NetClosed, NetFraming } from '../../ts/io/native-types.ts';
import { type RingListener, RingNet, type RingUser } from '../../ts/net/ring-net.ts';
import { Random } from '../support/random.ts';

const SMALL = { slotBytes: 4096, slots: 16, gatherBytes: 64 << 20, maxConnections: 200 };

let engine: NodeEngine;
beforeAll(() => {
  engine = openEngine('/sim', { sim: { seed: 1, id: `ring-net-${process.pid}` } });
});
afterAll(() => engine.close());

interface Opened extends AsyncDisposable {
  readonly net: RingNet;
  readonly port: number;
  readonly errors: unknown[];
}

/** A listener on a free port. */
function open(framing: 0 | 1, accept: RingListener['accept'], maxFrameBytes = 1 << 20): Opened {
  const errors: unknown[] = [];
  const net = new RingNet(
    (wake) => engine.openSockets(SMALL, wake),
    (error) => errors.push(error),
  );
  const { port } = net.listen('127.0.0.1', 0, framing, maxFrameBytes, { accept, refused: () => {} });
  return { net, port, errors, [Symbol.asyncDispose]: () => net.close() };
}

/** Answers everything with itself. */
function echo(net: () => RingNet, connection: number, closed: (reason: number) => void = () => {}): RingUser {
  return {
    frame(bytes, start, end, token) {
      net().send(connection, Uint8Array.prototype.slice.call(bytes, start, end), 0, end - start);
      net().release(token);
    },
    sent() {},
    closed,
  };
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function read(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let have = 0;
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      have += chunk.length;
      if (have >= length) resolve();
    });
    socket.once('close', () => reject(new Error(`closed after ${have} bytes`)));
  });
  return Buffer.concat(chunks);
}

function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

describe('sockets in a ring', () => {
  test('carry raw bytes both ways, in order', async () => {
    await using opened: Opened = open(NetFraming.raw, (connection) => echo(() => opened.net, connection));
    const random = new Random(7);
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.between(0, 255)));
    const socket = await client(opened.port);
    socket.write(bytes);
    expect((await read(socket, bytes.length)).equals(bytes)).toBe(true);
    socket.destroy();
    expect(opened.errors).toEqual([]);
  });

  test('cut frames of every size, also those that do not end in their slot', async () => {
    const sizes = [1, 100, 4091, 4092, 4093, 5000, 70_000, 2, 300_000, 3];
    const seen: number[] = [];
    await using opened: Opened = open(NetFraming.lengthPrefixed, () => ({
      frame(bytes, start, end, token) {
        seen.push(end - start);
        expect(bytes.subarray(start, end).every((byte) => byte === (end - start) % 251)).toBe(true);
        opened.net.release(token);
      },
      sent() {},
      closed() {},
    }));
    const socket = await client(opened.port);
    socket.write(Buffer.concat(sizes.map((size) => framed(Buffer.alloc(size, size % 251)))));
    while (seen.length < sizes.length) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(seen).toEqual(sizes);
    socket.destroy();
    expect(opened.errors).toEqual([]);
    while (opened.net.counters().slotsHeld > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  test('answers to many connections go over in one call', async () => {
    const users: number[] = [];
    await using opened: Opened = open(NetFraming.raw, (connection) => {
      users.push(connection);
      return echo(() => opened.net, connection);
    });
    const sockets = await Promise.all(Array.from({ length: 50 }, () => client(opened.port)));
    while (users.length < sockets.length) await new Promise((resolve) => setTimeout(resolve, 2));
    const before = opened.net.counters();
    const answer = Buffer.from('answer');
    const answered = Promise.all(sockets.map((socket) => read(socket, answer.length)));
    for (const connection of users) opened.net.send(connection, answer, 0, answer.length);
    await answered;
    // Counters are as of the last call or wake: the quiet news of small sends brings one.
    while (opened.net.counters().sends - before.sends < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    const after = opened.net.counters();
    expect(after.sends - before.sends).toBe(50);
    expect(after.callsIn - before.callsIn).toBe(1);
    for (const socket of sockets) socket.destroy();
  });

  test('a user that throws is reported and stops nobody else', async () => {
    let isFirst = true;
    await using opened: Opened = open(NetFraming.raw, (connection) => {
      if (!isFirst) return echo(() => opened.net, connection);
      isFirst = false;
      return {
        frame() {
          throw new Error('a bug above');
        },
        sent() {},
        closed() {},
      };
    });
    const bad = await client(opened.port);
    const good = await client(opened.port);
    bad.write('x');
    good.write('hello');
    expect(String(await read(good, 5))).toBe('hello');
    expect(opened.errors.map(String)).toEqual(['Error: a bug above']);
    bad.destroy();
    good.destroy();
  });

  test('a connection that is dropped is heard of no more, and its memory comes back', async () => {
    let heard = 0;
    await using opened: Opened = open(NetFraming.raw, (connection) => ({
      frame(_bytes, _start, _end, token) {
        heard += 1;
        opened.net.release(token);
        opened.net.drop(connection);
      },
      sent() {},
      closed() {
        heard += 100;
      },
    }));
    const socket = await client(opened.port);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.write('x'.repeat(10_000));
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard).toBe(1);
    expect(opened.net.counters().slotsHeld).toBe(0);
  });

  test('the end of a peer is told once, with its reason', async () => {
    const reasons: number[] = [];
    await using opened: Opened = open(NetFraming.lengthPrefixed, (connection) =>
      echo(
        () => opened.net,
        connection,
        (reason) => reasons.push(reason),
      ),
    );
    const polite = await client(opened.port);
    polite.end();
    while (reasons.length < 1) await new Promise((resolve) => setTimeout(resolve, 2));
    const rude = await client(opened.port);
    rude.on('error', () => {});
    rude.write(Buffer.from('7fffffff', 'hex'));
    while (reasons.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(reasons).toEqual([NetClosed.ended, NetClosed.length]);
  });
});
