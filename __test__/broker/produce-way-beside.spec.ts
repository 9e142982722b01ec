/** The short way of Produce and what goes on beside it in the broker: a waiting fetch, a failing disk, want of room, the end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../ts/broker/broker.ts';
import { ErrorCode } from '../../ts/broker/protocol/error-codes.ts';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { BrokerSettings } from '../../ts/broker/settings.ts';
import { type NodeEngine, openEngine } from '../../ts/io/engine.ts';
import { chooseSockets } from '../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../ts/net/ring-net.ts';
import { createTopics } from '../support/calls.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { WireConnection } from '../support/wire.ts';
import { framedRequest, RawClient } from './server/raw-client.ts';

let opened = 0;
let engine: NodeEngine;
let ring: RingNet;
let broker: Broker;
let client: RawClient;
let port: number;

beforeEach(async () => {
  opened += 1;
  engine = openEngine('/sim', { sim: { seed: opened, id: `produce-way-${process.pid}-${opened}` } });
  ring = chooseSockets('ring', engine, 100).ring as RingNet;
  broker = new Broker({ engine, settings: new BrokerSettings({}), ring, print: () => {} });
  port = (await broker.listen(0, '127.0.0.1')).port;
  using connection = await WireConnection.open(`127.0.0.1:${port}`);
  await createTopics(connection, 't', 1);
  client = await RawClient.open(port);
  expect(await errorOf(await produce())).toBe(ErrorCode.NONE);
});
afterEach(async () => {
  client.destroy();
  await broker.close();
  await ring.close();
  await engine.close();
});

function request(correlation = 1): Buffer {
  const partitionData = [{ index: 0, records: encodeBatch([Buffer.from('value')]) }];
  return framedRequest(produceApi, 9, correlation, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 't', partitionData }],
  });
}

async function produce(): Promise<Buffer | null> {
  client.send(request());
  return client.frame();
}

function errorOf(reply: Buffer | null): number | undefined {
  if (reply === null) return undefined;
  return produceApi.decodeResponse(new Reader(reply, 5), 9).responses[0]?.partitionResponses[0]?.errorCode;
}

describe('a request on the short way', () => {
  it('wakes a fetch that waits for data', async () => {
    const reader = await RawClient.open(port);
    const partitions = [{ partition: 0, fetchOffset: 1, partitionMaxBytes: 1024, currentLeaderEpoch: -1 }];
    const wish = { maxBytes: 1024, minBytes: 1, maxWaitMs: 60_000, topics: [{ topic: 't', partitions }] };
    reader.send(framedRequest(fetchApi, 11, 1, wish));
    await expect.poll(() => broker.context.purgatory.size, { timeout: 30_000 }).toBe(1);
    const before = ring.counters().placed;
    expect(errorOf(await produce())).toBe(ErrorCode.NONE);
    expect(ring.counters().placed).toBe(before + 1);
    const reply = (await reader.frame()) as Buffer;
    const { responses } = fetchApi.decodeResponse(new Reader(reply, 4), 11);
    expect(responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(0);
    reader.destroy();
  });

  it('is not acknowledged when the disk fails under it', async () => {
    const before = ring.counters().placed;
    engine.failDisk();
    expect(errorOf(await produce())).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(ring.counters().placed).toBe(before + 1);
    // Whoever comes later is refused on the usual way.
    expect(errorOf(await produce())).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    expect(ring.counters().placed).toBe(before + 1);
  });

  it('takes the usual way while somebody waits for room', async () => {
    const before = ring.counters().placed;
    expect(errorOf(await produce())).toBe(ErrorCode.NONE);
    broker.context.appends.onWait?.();
    expect(errorOf(await produce())).toBe(ErrorCode.NONE);
    expect(ring.counters().placed).toBe(before + 1);
    expect(errorOf(await produce())).toBe(ErrorCode.NONE);
    expect(ring.counters().placed).toBe(before + 2);
  });

  it('is answered in its order, or not at all, when the broker closes under it', async () => {
    client.send(Buffer.concat(Array.from({ length: 40 }, (_, at) => request(at))));
    const first = await client.frame();
    const closed = broker.close();
    const seen = [first?.readInt32BE(0)];
    for (let reply = await client.frame(); reply !== null; reply = await client.frame()) {
      expect(errorOf(reply)).toBe(ErrorCode.NONE);
      seen.push(reply.readInt32BE(0));
    }
    await closed;
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, at) => at));
  });
});
