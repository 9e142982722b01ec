/**
 * Many peers at a real server process: malformed frames, idle connections, churn, peers that never read, partial frames,
 * and no descriptors left (inputs 6, 14, 22 and 23). A polite neighbour does not notice, and memory comes back.
 *
 * To remember: small sizes in every run; MILLRACE_CROWD=full takes those of the scoreboard. The frames of a run follow from
 * its seed.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTopics, produce } from '../../support/calls.ts';
import { fetchPartition } from '../../support/fetch-raw.ts';
import { Neighbour } from '../../support/neighbour.ts';
import { type Random, seeded } from '../../support/random.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { scratch } from '../../support/scratch.ts';
import { type Server, startServer } from '../../support/server.ts';
import { request, WireConnection } from '../../support/wire.ts';
import { RequestWriter } from '../../support/wire-fields.ts';
import { malformed } from './malformed.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const isFull = process.env.MILLRACE_CROWD === 'full';
const FRAMES = isFull ? 200_000 : 6_000;
const IDLE = isFull ? 5_000 : 800;
const CHURN = isFull ? 50_000 : 2_500;
const NEVER_READ = isFull ? 1_000 : 100;
const PARTIAL = isFull ? 5_000 : 800;
const TIMEOUT_MS = isFull ? 600_000 : 60_000;

const GROWTH_MAX = 64 * MIB;
/** What all replies that are not taken may hold: a quarter of a GiB is the default. */
const REPLY_BYTES_MAX = 16 * MIB;
const IDLE_BYTES_MAX = 25 * KIB;
const PARTIAL_BYTES_MAX = 64 * KIB;
/** Connections that are opened at the same time: less than a listener's backlog. */
const AT_ONCE = 100;

/** Declares the suite over one kind of sockets. */
export function crowds(sockets: 'ring' | 'node'): void {
  const directory = scratch('crowds');
  let server: Server;
  let neighbour: Neighbour;

  beforeAll(async () => {
    const settings = [`fetch.memory.bytes=${REPLY_BYTES_MAX}`];
    server = await startServer({ directory: join(directory.path, 'data'), sockets, settings });
    neighbour = await Neighbour.begin(server.address, 'polite');
    // What a working server needs at first use, for many connections too, is not growth.
    for (const socket of await openMany(server.port, 300)) socket.destroy();
    await resting(1_000);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  it(`${FRAMES} malformed frames close their connections and nothing else`, { timeout: TIMEOUT_MS }, async () => {
    await seeded('malformed frames close their connections', async (random) => {
      const before = server.residentBytes();
      let left = FRAMES;
      const next = () => (left-- > 0 ? malformed(random) : null);
      await Promise.all(Array.from({ length: 16 }, () => sendAll(server.port, next)));
      await resting(200);
      expect(server.residentBytes() - before).toBeLessThan(GROWTH_MAX);
      await isServed(server);
    });
  });

  it(`${IDLE} idle connections cost little each`, { timeout: TIMEOUT_MS }, async () => {
    const before = server.residentBytes();
    const opened = await openMany(server.port, IDLE);
    await resting(500);
    const each = (server.residentBytes() - before) / IDLE;
    for (const socket of opened) socket.destroy();
    expect(each).toBeLessThan(IDLE_BYTES_MAX);
    await isServed(server);
  });

  it(`${PARTIAL} connections with a part of a frame cost little, and are gone at the deadline`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const before = server.residentBytes();
    const opened = await openMany(server.port, PARTIAL);
    let closed = 0;
    for (const socket of opened) {
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
      socket.write(new RequestWriter().int32(60_000).raw(Buffer.alloc(3_000)).bytes());
    }
    await resting(1_000);
    expect((server.residentBytes() - before) / PARTIAL).toBeLessThan(PARTIAL_BYTES_MAX);
    await isServed(server);
    const limit = performance.now() + 20_000;
    while (closed < PARTIAL && performance.now() < limit) await resting(50);
    expect(closed).toBe(PARTIAL);
  });

  it(`${CHURN} connections that come and go leave nothing behind`, { timeout: TIMEOUT_MS }, async () => {
    await seeded('connections that come and go leave nothing behind', async (random) => {
      const [memory, descriptors] = [server.residentBytes(), descriptorsOf(server)];
      let left = CHURN;
      const loops = Array.from({ length: 32 }, async () => {
        while (left-- > 0) await comeAndGo(server.port, random);
      });
      await Promise.all(loops);
      const limit = performance.now() + 15_000;
      while (descriptorsOf(server) > descriptors && performance.now() < limit) await resting(50);
      expect(descriptorsOf(server)).toBeLessThanOrEqual(descriptors);
      expect(server.residentBytes() - memory).toBeLessThan(GROWTH_MAX);
    });
  });

  it(`${NEVER_READ} peers that never read are held within bounds`, { timeout: TIMEOUT_MS }, async () => {
    using filler = await WireConnection.open(server.address);
    expect(await createTopics(filler, 'crowd', 1)).toBe(0);
    const batch = encodeBatch([Buffer.alloc(20_000, 'x')]);
    for (let count = 0; count < 100; count += 1) await produce(filler, 'crowd', 0, batch, 1);
    const before = server.residentBytes();
    const opened = await openMany(server.port, NEVER_READ);
    const fetches = Buffer.concat(Array.from({ length: 50 }, (_, id) => fetchAll(id)));
    for (const socket of opened) {
      socket.pause();
      socket.write(fetches);
    }
    let highest = 0;
    for (let looks = 0; looks < 40; looks += 1) {
      await resting(100);
      highest = Math.max(highest, server.residentBytes());
    }
    await isServed(server);
    expect((await fetchPartition(filler, 'crowd', 0, 0)).highWatermark).toBe(100);
    for (const socket of opened) socket.destroy();
    expect(highest - before).toBeLessThan(GROWTH_MAX);
  });

  it('without descriptors new connections wait, old ones are served, and it heals by itself', async () => {
    using served = await WireConnection.open(server.address);
    setDescriptorLimit(server, descriptorsOf(server) + 20);
    const opened = await openMany(server.port, 100);
    await resting(300);
    expect(await createTopics(served, 'without-descriptors', 1)).toBe(0);
    for (const socket of opened) socket.destroy();
    setDescriptorLimit(server, 10_000);
    await isServed(server);
    expect(server.running()).toBe(true);
  });

  it('after all of that the neighbour has had every answer in time', async () => {
    const { answers, p99Ms, allowedMs } = await neighbour.end();
    expect(answers).toBeGreaterThan(50);
    expect(p99Ms).toBeLessThan(allowedMs);
    expect(server.running()).toBe(true);
  });
}

function resting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function openOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

async function openMany(port: number, count: number): Promise<Socket[]> {
  const opened: Socket[] = [];
  while (opened.length < count) {
    const more = Math.min(AT_ONCE, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: more }, () => openOne(port)))));
  }
  return opened;
}

/** A new connection is answered. */
async function isServed(server: Server): Promise<void> {
  using connection = await WireConnection.open(server.address);
  connection.send(request(18, 0, 7, Buffer.alloc(0)));
  expect((await connection.frame(5_000)).readInt32BE(0)).toBe(7);
}

/** Sends frames until there are no more, each behind the answer to the one before or on a new connection. */
async function sendAll(port: number, next: () => Buffer | null): Promise<void> {
  let socket: Socket | null = null;
  for (let frame = next(); frame !== null; frame = next()) {
    const current: Socket = socket ?? (await openOne(port));
    socket = current;
    const isAlive = await new Promise<boolean>((resolve) => {
      const done = (alive: boolean) => {
        clearTimeout(timer);
        current.off('data', answered).off('close', closed);
        resolve(alive);
      };
      const answered = () => done(true);
      const closed = () => done(false);
      // Some are valid and wait (a join, a long poll), some ask for no answer: on to a new connection.
      const timer = setTimeout(() => done(false), 40);
      current.on('data', answered).on('close', closed);
      current.write(frame as Buffer);
    });
    if (!isAlive || socket.destroyed) {
      socket.destroy();
      socket = null;
    }
  }
  socket?.destroy();
}

/** One short life of a connection. */
async function comeAndGo(port: number, random: Random): Promise<void> {
  const socket = await openOne(port);
  const way = random.between(0, 4);
  if (way === 1) socket.write(new RequestWriter().int32(50_000).raw(Buffer.alloc(100)).bytes());
  if (way >= 2) socket.write(request(18, 0, 1, Buffer.alloc(0)));
  if (way >= 3) await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  if (way === 4) socket.resetAndDestroy();
  else socket.destroy();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

function fetchAll(correlationId: number): Buffer {
  const body = new RequestWriter().int32(-1).int32(0).int32(1).int32(MIB).int8(0).int32(1).string('crowd');
  body.int32(1).int32(0).int64(0n).int32(MIB);
  return request(1, 4, correlationId, body.bytes());
}

function descriptorsOf(server: Server): number {
  return readdirSync(`/proc/${server.pid}/fd`).length;
}

function setDescriptorLimit(server: Server, limit: number): void {
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${limit}:`]);
}
