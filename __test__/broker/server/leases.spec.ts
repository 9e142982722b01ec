/** Leases of replies that are never sent are released, over either kind of sockets. */

import { afterEach, describe, expect, test } from 'vitest';
import { Broker } from '../../../ts/broker/broker.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { BrokerSettings } from '../../../ts/broker/settings.ts';
import { chooseSockets } from '../../../ts/net/choose-sockets.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { openWatchedEngine, type WatchedEngine } from '../support/watched-engine.ts';
import { framedRequest, RawClient } from './raw-client.ts';
import { transports } from './served.ts';

const records = encodeBatch([Buffer.alloc(100_000, 'r')]);

function fetch(correlationId: number, partition: number): Buffer {
  const partitions = [{ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20, currentLeaderEpoch: -1 }];
  const wish = { maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 60_000, topics: [{ topic: 't', partitions }] };
  return framedRequest(fetchApi, 11, correlationId, wish);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each(transports)('over %s', (transport) => {
  let close: () => Promise<void>;
  afterEach(() => close());

  /** A broker with a topic of two partitions, of which the second has a record. */
  async function open(): Promise<{ engine: WatchedEngine; client: RawClient }> {
    const engine = openWatchedEngine();
    const { ring } = chooseSockets(transport, engine, 100);
    const broker = new Broker({ engine, settings: new BrokerSettings({}), print: () => {}, ring });
    const { port } = await broker.listen(0, '127.0.0.1');
    const client = await RawClient.open(port);
    close = async () => {
      client.destroy();
      await broker.close();
      await ring?.close();
      await engine.close();
    };
    const topics = [{ name: 't', numPartitions: 2, replicationFactor: 1 }];
    client.send(framedRequest(createTopicsApi, 7, 1, { topics }));
    await client.frame();
    const topicData = [{ name: 't', partitionData: [{ index: 1, records }] }];
    client.send(framedRequest(produceApi, 9, 2, { acks: -1, timeoutMs: 1000, topicData }));
    await client.frame();
    return { engine, client };
  }

  test('a reply that waits for an older one is sent behind it, byte for byte', async () => {
    const { client } = await open();
    client.send(Buffer.concat([fetch(3, 0), fetch(4, 1), fetch(5, 1)]));
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
    const producer = await RawClient.open(client.socket.remotePort as number);
    producer.send(framedRequest(produceApi, 9, 6, { acks: -1, timeoutMs: 1000, topicData }));
    for (const correlationId of [3, 4, 5]) {
      const reply = (await client.frame()) as Buffer;
      expect(reply.readInt32BE(0)).toBe(correlationId);
      const row = fetchApi.decodeResponse(new Reader(reply, 4), 11).responses[0]?.partitions[0];
      const sent = Buffer.from(row?.records as Uint8Array);
      expect(sent.subarray(61).equals(records.subarray(61))).toBe(true);
    }
    producer.destroy();
  });

  test('a reply that waits for an older one is let go of with its connection', async () => {
    const { engine, client } = await open();
    client.send(Buffer.concat([fetch(3, 0), fetch(4, 1)]));
    // Copied at once, or held as a lease until the older one has been answered.
    if (transport === 'ring') await until(() => engine.leases.size === 1);
    client.reset();
    await until(() => engine.leases.size === 0);
    expect(engine.leases.size).toBe(0);
  });
});
