/** Clients that ask and do not read, many at a time (hostile inputs 12 and 14): what is held for all of them is bounded. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../ts/broker/broker.ts';
import { BrokerSettings } from '../../ts/broker/settings.ts';
import { chooseSockets } from '../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../ts/net/ring-net.ts';
import { createTopics, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import { decodeBatches, encodeBatch } from '../support/record-batch.ts';
import { request, WireConnection } from '../support/wire.ts';
import { RequestWriter } from '../support/wire-fields.ts';
import { type TransportName, transports } from './server/served.ts';
import { openWatchedEngine, type WatchedEngine } from './support/watched-engine.ts';

const KIB = 1024;
const LIMIT = 1024 * KIB;
const BATCH = 300 * KIB;
const BATCHES = 12;
const GLUTTONS = 8;
const REQUESTS = 60;

let engine: WatchedEngine;
let broker: Broker;
let ring: RingNet | undefined;
let address: string;

async function open(transport: TransportName): Promise<void> {
  engine = openWatchedEngine();
  ring = chooseSockets(transport, engine, 100).ring;
  const settings = new BrokerSettings({ 'fetch.memory.bytes': LIMIT });
  broker = new Broker({ engine, settings, ring, print: () => {} });
  address = `127.0.0.1:${(await broker.listen(0, '127.0.0.1')).port}`;
  using connection = await WireConnection.open(address);
  await createTopics(connection, 't', 1);
  const batch = encodeBatch([Buffer.alloc(BATCH, 'x')]);
  for (let index = 0; index < BATCHES; index += 1) await produce(connection, 't', 0, batch, 1);
}

afterEach(async () => {
  await broker.close();
  await ring?.close();
  await engine.close();
});

function greedyFetch(correlationId: number): Buffer {
  const body = new RequestWriter()
    .int32(-1)
    .int32(0)
    .int32(1)
    .int32(64 * LIMIT)
    .int8(0)
    .int32(1)
    .string('t');
  return request(
    1,
    4,
    correlationId,
    body
      .int32(1)
      .int32(0)
      .int64(0n)
      .int32(64 * LIMIT)
      .bytes(),
  );
}

/** Waits until what is held has stayed the same for a while, and returns the most there was. */
async function mostHeld(): Promise<number> {
  const { replies } = broker.context;
  let most = 0;
  let same = 0;
  for (let before = -1; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    most = Math.max(most, replies.heldBytes);
    same = replies.heldBytes === before ? same + 1 : 0;
    before = replies.heldBytes;
  }
  return most;
}

describe.each(transports)('replies that nobody reads, over %s', (transport) => {
  beforeEach(() => open(transport));

  it('hold the budget and one batch a client at most; who reads goes on; all is given back in the end', async () => {
    const gluttons: WireConnection[] = [];
    try {
      for (let index = 0; index < GLUTTONS; index += 1) {
        const glutton = await WireConnection.open(address);
        gluttons.push(glutton);
        glutton.pause();
        for (let count = 0; count < REQUESTS; count += 1) glutton.send(greedyFetch(count));
      }
      const most = await mostHeld();
      expect(most).toBeGreaterThanOrEqual(LIMIT / 2);
      expect(most).toBeLessThan(LIMIT + (GLUTTONS + 1) * (BATCH + KIB));

      using polite = await WireConnection.open(address);
      let offset = 0;
      for (let rounds = 0; offset < BATCHES && rounds < BATCHES; rounds += 1) {
        const { batches } = await fetchPartition(polite, 't', 0, offset);
        offset = (decodeBatches(batches).at(-1)?.offset ?? offset - 1) + 1;
      }
      expect(offset).toBe(BATCHES);
    } finally {
      for (const glutton of gluttons) glutton[Symbol.dispose]();
    }
    await mostHeld();
    expect(broker.context.replies.heldBytes).toBe(0);
    // What went to the ring is released by it, where this test cannot look.
    if (transport === 'node') expect([...engine.leases]).toEqual([]);
  });
});
