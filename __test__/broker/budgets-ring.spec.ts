/**
 * What a request costs over sockets in a ring, from socket to device and back: crossings, enters and copies, counted by
 * the addon (DESIGN section 5).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { type MillraceServer, serve } from '../../ts/serve.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { scratch } from '../support/scratch.ts';
import { framedRequest, RawClient } from './server/raw-client.ts';

const CONNECTIONS = 64;
const KIB = 1024;
const MIB = KIB * KIB;
const small = encodeBatch([Buffer.alloc(KIB, 's')]);
const large = encodeBatch(Array.from({ length: 256 }, () => Buffer.alloc(KIB, 'l')));

const place = scratch('budgets-ring');
let server: MillraceServer;
let clients: RawClient[] = [];

beforeAll(async () => {
  server = await serve({ dir: `${place.path}/data`, driver: 'ring', kafka: { port: 0, sockets: 'ring' } });
  clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => RawClient.open(server.kafka.port)));
  const topics = [{ name: 't', numPartitions: 4, replicationFactor: 1 }];
  await ask(0, framedRequest(createTopicsApi, 7, 1, { topics }));
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await server.close();
  place[Symbol.dispose]();
});

async function ask(at: number, request: Buffer): Promise<Buffer> {
  clients[at]?.send(request);
  return (await clients[at]?.frame()) as Buffer;
}

function produce(partition: number, records: Buffer): Buffer {
  const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }];
  return framedRequest(produceApi, 9, 7, { acks: -1, timeoutMs: 1000, topicData });
}

function fetch(maxBytes: number): Buffer {
  const partitions = [0, 1, 2, 3].map((partition) => ({
    partition,
    fetchOffset: 0,
    partitionMaxBytes: maxBytes,
    currentLeaderEpoch: -1,
  }));
  const wish = { maxBytes: 4 * maxBytes, minBytes: 1, maxWaitMs: 1000, topics: [{ topic: 't', partitions }] };
  return framedRequest(fetchApi, 11, 7, wish);
}

/** Waits until sockets and engine have come to rest: also what is told quietly has been told. */
async function quiet(): Promise<void> {
  for (let before = -1; ; ) {
    const counters = server.counters();
    const now = (counters.enters ?? 0) + (counters['sockets.enters'] ?? 0) + (counters['sockets.callbacksOut'] ?? 0);
    if (now === before) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
}

/** How much the named counters grow by `work`; sockets' are as of the last call or wake. */
async function spent<Name extends string>(names: readonly Name[], work: () => Promise<unknown>) {
  await quiet();
  const before = server.counters();
  await work();
  const after = server.counters();
  return Object.fromEntries(names.map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)])) as Record<
    Name,
    number
  >;
}

const CROSSINGS = ['callsIn', 'callbacksOut', 'commits', 'sockets.callsIn', 'sockets.callbacksOut'] as const;

describe('over sockets in a ring', () => {
  it('an idle produce is one call and two callbacks: the reply, and one each for the sockets and for the journal', async () => {
    await ask(0, produce(0, small));
    // A busy machine lets a timer of the journal come in between now and then; it does not five times over.
    let grown = await spent(CROSSINGS, () => ask(0, produce(0, small)));
    for (let again = 0; again < 5 && (grown.callbacksOut > 1 || grown['sockets.callbacksOut'] > 1); again += 1) {
      grown = await spent(CROSSINGS, () => ask(0, produce(0, small)));
    }
    // The addon has appended it when it tells of it (docs/decisions/0038-produce-short-way.md).
    expect(grown).toEqual({
      callsIn: 0,
      callbacksOut: 1,
      commits: 1,
      'sockets.callsIn': 1,
      'sockets.callbacksOut': 1,
    });
  });

  it('produces of 64 connections in one turn share them, and need few enters', async () => {
    const all = () => Promise.all(clients.map((_, at) => ask(at, produce(at % 4, small))));
    await all();
    const grown = await spent([...CROSSINGS, 'sockets.enters', 'sockets.sends'], async () => {
      await all();
      await quiet();
    });
    // The journal may write them in several goes.
    expect(grown).toMatchObject({ callsIn: 0, 'sockets.sends': CONNECTIONS });
    expect(grown.callbacksOut).toBeLessThanOrEqual(3);
    // The news of what was sent comes with a wake of its own.
    expect(grown['sockets.callsIn']).toBeLessThanOrEqual(3);
    expect(grown['sockets.callbacksOut']).toBeLessThanOrEqual(4);
    expect(grown['sockets.enters']).toBeLessThanOrEqual(8);
  });

  it('the bytes of a large request are written once by the kernel and copied once, into the commit', async () => {
    await ask(0, produce(0, large));
    const grown = await spent(['bytesCopied', 'sockets.bytesCopied', 'sockets.bytesReceived'], () =>
      ask(0, produce(0, large)),
    );
    expect(grown['sockets.bytesReceived']).toBeGreaterThan(large.length);
    // The head of the request, which came with the slot, and the reply.
    expect(grown['sockets.bytesCopied']).toBeLessThanOrEqual(17 * KIB);
    expect(grown.bytesCopied).toBeLessThan(large.length * 1.1);
  });

  it('a fetch of present data from four partitions is one question and one answer, and copies no record', async () => {
    for (const partition of [0, 1, 2, 3]) await ask(0, produce(partition, large));
    let reply: Buffer = Buffer.alloc(0);
    const names = [...CROSSINGS, 'bytesCopied', 'sockets.bytesCopied', 'sockets.sends'] as const;
    const grown = await spent(names, async () => {
      reply = await ask(1, fetch(MIB));
    });
    const { responses } = fetchApi.decodeResponse(new Reader(reply, 4), 11);
    expect(responses[0]?.partitions.every((row) => (row.records as Uint8Array).length > large.length)).toBe(true);
    expect(grown).toMatchObject({ callsIn: 1, callbacksOut: 0, bytesCopied: 0, 'sockets.callsIn': 1 });
    expect(grown['sockets.bytesCopied']).toBeLessThan(KIB);
  });

  it('no memory of requests is held when everything has been answered', async () => {
    await quiet();
    expect(server.counters()['sockets.slotsHeld']).toBe(0);
  });
});
