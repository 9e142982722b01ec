/** Fetch in incremental sessions: what is told and what is left out (rule 32). */
import { describe, expect, it } from 'vitest';
import type { Sparse } from '../../../ts/broker/protocol/api.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { type FetchRequest, fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { deleteRecordsApi } from '../../../ts/broker/protocol/gen/21-delete-records.gen.ts';
import { decodeBatches, encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

/** Partition to offset. */
type Wishes = Record<number, number>;

function request(session: [id: number, epoch: number], topic = '', wishes: Wishes = {}): Sparse<FetchRequest> {
  const partitions = Object.entries(wishes).map(([partition, fetchOffset]) => ({
    partition: Number(partition),
    fetchOffset,
    partitionMaxBytes: 100_000,
    currentLeaderEpoch: -1,
  }));
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    sessionId: session[0],
    sessionEpoch: session[1],
    topics: partitions.length === 0 ? [] : [{ topic, partitions }],
  };
}

async function fetch(harness: Harness, asked: Sparse<FetchRequest>) {
  const reply = await harness.ask(fetchApi, 11, asked);
  const told = reply.responses.flatMap((topic) =>
    topic.partitions.map((row) => ({
      partition: row.partitionIndex,
      error: row.errorCode,
      high: row.highWatermark,
      values: decodeBatches(Buffer.from(row.records as Uint8Array)).map((record) => record.value.toString()),
    })),
  );
  return { error: reply.errorCode, id: reply.sessionId, told };
}

async function produce(harness: Harness, partition: number, value: string): Promise<void> {
  const records = encodeBatch([Buffer.from(value)]);
  const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }];
  await harness.ask(produceApi, 9, { acks: -1, topicData });
}

describe('fetch sessions', () => {
  it('tell everything first, then only partitions with records or moved marks', async () => {
    await using harness = openHarness();
    await harness.topic('t', 3);
    const { id, told } = await fetch(harness, request([0, 0], 't', { 0: 0, 1: 0, 2: 0 }));
    expect(id).toBeGreaterThan(0);
    expect(told.map((row) => row.partition)).toEqual([0, 1, 2]);
    expect(await fetch(harness, request([id, 1]))).toEqual({ error: 0, id, told: [] });
    await produce(harness, 1, 'a');
    const news = await fetch(harness, request([id, 2]));
    expect(news.told).toEqual([{ partition: 1, error: 0, high: 1, values: ['a'] }]);
    expect((await fetch(harness, request([id, 3], 't', { 1: 1 }))).told).toEqual([]);
  });

  it('tell a start that moved, and an error every time, and the partition when the error is over', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    for (const value of ['a', 'b']) await produce(harness, 0, value);
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 2 }));
    await harness.ask(deleteRecordsApi, 2, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 1 }] }],
    });
    expect((await fetch(harness, request([id, 1]))).told).toHaveLength(1);
    const errors = [
      await fetch(harness, request([id, 2], 't', { 0: 77 })),
      await fetch(harness, request([id, 3])),
      await fetch(harness, request([id, 4], 't', { 0: 2 })),
      await fetch(harness, request([id, 5])),
    ];
    expect(errors.map(({ told }) => told.map((row) => row.error))).toEqual([[1], [1], [0], []]);
  });

  it('add partitions, forget others, and end when none is left', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 0 }));
    const both = await fetch(harness, request([id, 1], 't', { 1: 0 }));
    expect(both.told.map((row) => row.partition)).toEqual([1]);
    await produce(harness, 0, 'a');
    const forget = (partitions: number[]) => ({ forgottenTopicsData: [{ topic: 't', partitions }] });
    expect((await fetch(harness, { ...request([id, 2]), ...forget([0]) })).told).toEqual([]);
    expect(await fetch(harness, { ...request([id, 3]), ...forget([1]) })).toEqual({ error: 0, id: 0, told: [] });
    expect(harness.broker.context.fetchSessions.size).toBe(0);
    expect(harness.broker.context.fetchSessions.bytes).toBe(0);
  });

  it('refuse an unknown id, another epoch, and names where ids began', async () => {
    await using harness = openHarness();
    const topicId = await harness.topic('t');
    expect(await fetch(harness, request([7, 1]))).toEqual({ error: 70, id: 0, told: [] });
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 0 }));
    expect((await fetch(harness, request([id, 2]))).error).toBe(71);
    const byId = { ...request([0, 0], '', { 0: 0 }) };
    const topics = byId.topics?.map((topic) => ({ ...topic, topicId })) ?? [];
    const { sessionId } = await harness.ask(fetchApi, 13, { ...byId, topics });
    expect((await fetch(harness, request([sessionId, 1]))).error).toBe(106);
  });

  it('end with epoch -1, and with a full fetch that names them', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 0 }));
    const again = await fetch(harness, request([id, 0], 't', { 0: 0 }));
    expect((await fetch(harness, request([id, 1]))).error).toBe(70);
    expect(await fetch(harness, request([again.id, -1]))).toEqual({ error: 0, id: 0, told: [] });
    expect(harness.broker.context.fetchSessions.size).toBe(0);
  });

  it('wait for data of all their partitions, also of those the request does not name', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 0, 1: 0 }));
    const call = harness.send(fetchApi, 11, { ...request([id, 1]), maxWaitMs: 60_000 });
    await produce(harness, 1, 'late');
    const reply = await call.reply();
    expect(reply.responses.flatMap((topic) => topic.partitions.map((row) => row.partitionIndex))).toEqual([1]);
  });

  it('answer a request that a later one has overtaken with an error, and hold no lease for it', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const { id } = await fetch(harness, request([0, 0], 't', { 0: 0 }));
    const first = harness.send(fetchApi, 11, { ...request([id, 1]), maxWaitMs: 60_000 });
    const second = harness.send(fetchApi, 11, { ...request([id, 2]), maxWaitMs: 60_000 });
    await produce(harness, 0, 'a');
    expect(await first.reply()).toMatchObject({ errorCode: 71, sessionId: id, responses: [] });
    expect((await second.reply()).responses).toHaveLength(1);
    expect(harness.engine.leases.size).toBe(0);
  });

  it('read on where others had their turn, when one reply does not hold them all', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    for (const partition of [0, 1]) await produce(harness, partition, 'x'.repeat(500));
    const { id, told } = await fetch(harness, { ...request([0, 0], 't', { 0: 0, 1: 0 }), maxBytes: 10 });
    expect(told.map((row) => row.values.length)).toEqual([1, 0]);
    const next = await fetch(harness, { ...request([id, 1]), maxBytes: 10 });
    expect(next.told.map((row) => [row.partition, row.values.length])).toEqual([[1, 1]]);
  });
});
