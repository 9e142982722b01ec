/** Fetch: whole batches, long poll, limits, errors by rule. */
import { describe, expect, it } from 'vitest';
import type { Sparse } from '../../../ts/broker/protocol/api.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { type FetchRequest, fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { decodeBatches, encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

interface Wish {
  offset?: number;
  partition?: number;
  maxBytes?: number;
  epoch?: number;
}

/** A fetch of `topic`, by name before version 13. */
function fetch(topic: string, wishes: Wish[], more: Sparse<FetchRequest> = {}): Sparse<FetchRequest> {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        partitions: wishes.map(({ offset = 0, partition = 0, maxBytes = 100_000, epoch = -1 }) => ({
          partition,
          fetchOffset: offset,
          partitionMaxBytes: maxBytes,
          currentLeaderEpoch: epoch,
        })),
      },
    ],
    ...more,
  };
}

async function produce(harness: Harness, topic: string, values: string[], partition = 0): Promise<number> {
  const records = encodeBatch(values.map((value) => Buffer.from(value)));
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
  const reply = await harness.ask(produceApi, 9, { acks: -1, topicData });
  expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(0);
  return records.length;
}

const valuesOf = (records: unknown) => decodeBatches(Buffer.from(records as Uint8Array)).map((r) => r.value.toString());
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('fetch', () => {
  it('returns the batches from the one that holds the offset (rule 27)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', ['a', 'b']);
    await produce(harness, 't', ['c', 'd', 'e']);
    const reply = await harness.ask(fetchApi, 11, fetch('t', [{ offset: 3 }]));
    const row = reply.responses[0]?.partitions[0];
    expect(valuesOf(row?.records)).toEqual(['c', 'd', 'e']);
    expect(row).toMatchObject({ errorCode: 0, highWatermark: 5, lastStableOffset: 5, logStartOffset: 0 });
    expect(row?.preferredReadReplica).toBe(-1);
  });

  it('yields one whole batch of the first partition that has any, above every limit (rule 26)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 3);
    await produce(harness, 't', ['b'.repeat(500)], 1);
    await produce(harness, 't', ['c'.repeat(500)], 2);
    const wishes = [0, 1, 2].map((partition) => ({ partition, maxBytes: 10 }));
    const reply = await harness.ask(fetchApi, 11, fetch('t', wishes, { maxBytes: 20 }));
    const sizes = reply.responses[0]?.partitions.map((row) => valuesOf(row.records).length);
    expect(sizes).toEqual([0, 1, 0]);
  });

  it('holds the limit of the response over all partitions, and fills what is left with whole batches (rule 26)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 3);
    let size = 0;
    for (const partition of [0, 1, 2]) {
      size = await produce(harness, 't', ['x'.repeat(100)], partition);
      await produce(harness, 't', ['y'.repeat(100)], partition);
    }
    const wishes = [0, 1, 2].map((partition) => ({ partition }));
    const reply = await harness.ask(fetchApi, 11, fetch('t', wishes, { maxBytes: size * 3 + 10 }));
    expect(reply.responses[0]?.partitions.map((row) => valuesOf(row.records).length)).toEqual([2, 1, 0]);
  });

  it('waits for data and answers when it comes, not before and not later (rule 28)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const call = harness.send(fetchApi, 11, fetch('t', [{}, { partition: 1 }], { maxWaitMs: 10_000 }));
    await turn();
    expect(call.ended).toBe(false);
    await produce(harness, 't', ['late'], 1);
    const reply = await call.reply();
    expect(reply.responses[0]?.partitions.map((row) => valuesOf(row.records))).toEqual([[], ['late']]);
    expect(harness.broker.context.purgatory.size).toBe(0);
  });

  it('goes on waiting while fewer than min_bytes are there (rule 28)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const call = harness.send(fetchApi, 11, fetch('t', [{}], { maxWaitMs: 10_000, minBytes: 150 }));
    await produce(harness, 't', ['a']);
    await turn();
    expect(call.ended).toBe(false);
    for (let count = 0; count < 3; count++) await produce(harness, 't', ['b']);
    expect(valuesOf((await call.reply()).responses[0]?.partitions[0]?.records).length).toBeGreaterThanOrEqual(2);
  });

  it('answers at the deadline with what there is (rule 28)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', ['a']);
    const started = performance.now();
    const reply = await harness.ask(fetchApi, 11, fetch('t', [{}], { maxWaitMs: 60, minBytes: 10_000 }));
    expect(performance.now() - started).toBeGreaterThanOrEqual(59);
    expect(valuesOf(reply.responses[0]?.partitions[0]?.records)).toEqual(['a']);
  });

  it('with the memory for replies spent gives one batch, and at the end still waits (rules 26, 28)', async () => {
    await using harness = openHarness({ 'fetch.memory.bytes': 0 });
    await harness.topic('t', 2);
    for (const value of ['a', 'b']) await produce(harness, 't', [value]);
    await produce(harness, 't', ['c'], 1);
    const reply = await harness.ask(fetchApi, 11, fetch('t', [{}, { partition: 1 }]));
    const [first, second] = reply.responses[0]?.partitions ?? [];
    expect([valuesOf(first?.records), valuesOf(second?.records)]).toEqual([['a'], []]);
    const call = harness.send(fetchApi, 11, fetch('t', [{ offset: 2 }], { maxWaitMs: 60_000 }));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(call.ended).toBe(false);
    await produce(harness, 't', ['d']);
    expect(valuesOf((await call.reply()).responses[0]?.partitions[0]?.records)).toEqual(['d']);
  });

  it('answers at once with min_bytes 0, with nothing asked for, and on any partition error (rule 28)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const long = { maxWaitMs: 60_000 };
    await harness.ask(fetchApi, 11, fetch('t', [{}], { ...long, minBytes: 0 }));
    await harness.ask(fetchApi, 11, fetch('t', [], long));
    await harness.ask(fetchApi, 11, fetch('t', [{}, { partition: 9 }], long));
    await harness.ask(fetchApi, 11, fetch('t', [{}, { offset: 77 }], long));
    expect(harness.broker.context.purgatory.size).toBe(0);
  });

  it('sends empty records, never null, with an error too; marks are -1 then (rules 29, 30)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const empty = await harness.ask(fetchApi, 11, fetch('t', [{}]));
    expect(empty.responses[0]?.partitions[0]).toMatchObject({ highWatermark: 0, records: Buffer.alloc(0) });
    const reply = await harness.ask(fetchApi, 11, fetch('t', [{ partition: 5 }, { offset: 9 }]));
    for (const row of reply.responses[0]?.partitions ?? []) {
      expect(row.records).toHaveLength(0);
      expect(row).toMatchObject({
        highWatermark: -1,
        lastStableOffset: -1,
        logStartOffset: -1,
        abortedTransactions: null,
      });
    }
    expect(reply.responses[0]?.partitions.map((row) => row.errorCode)).toEqual([3, 1]);
  });

  it('is out of range below the start and beyond the end, and empty at the end (rule 31)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', ['a', 'b']);
    const errorAt = async (offset: number) => {
      const reply = await harness.ask(fetchApi, 11, fetch('t', [{ offset }]));
      return reply.responses[0]?.partitions[0]?.errorCode;
    };
    expect([await errorAt(-1), await errorAt(2), await errorAt(3)]).toEqual([1, 0, 1]);
  });

  it('checks the leader epoch the client believes in (rule 33)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const { leaderEpoch } = harness.broker.context.node;
    const errorFor = async (epoch: number) => {
      const reply = await harness.ask(fetchApi, 11, fetch('t', [{ epoch }]));
      return reply.responses[0]?.partitions[0]?.errorCode;
    };
    const wishes = [await errorFor(leaderEpoch), await errorFor(leaderEpoch - 1), await errorFor(leaderEpoch + 1)];
    expect(wishes).toEqual([0, 74, 75]);
  });

  it('lists aborted transactions for read_committed only: an empty list, null otherwise (rule 22)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const listed = async (isolationLevel: number) => {
      const reply = await harness.ask(fetchApi, 11, fetch('t', [{}], { isolationLevel }));
      return reply.responses[0]?.partitions[0]?.abortedTransactions;
    };
    expect([await listed(0), await listed(1)]).toEqual([null, []]);
  });

  it('finds topics by id from version 13, and says so when an id is gone (rule 54)', async () => {
    await using harness = openHarness();
    const topicId = await harness.topic('t');
    await produce(harness, 't', ['a']);
    const byId = { ...fetch('', [{}]) };
    const topics = byId.topics?.map((topic) => ({ ...topic, topicId }));
    const reply = await harness.ask(fetchApi, 17, { ...byId, topics: topics ?? [] });
    expect(reply.responses[0]).toMatchObject({ topicId });
    expect(valuesOf(reply.responses[0]?.partitions[0]?.records)).toEqual(['a']);
    await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    await harness.topic('t');
    const after = await harness.ask(fetchApi, 17, { ...byId, topics: topics ?? [] });
    expect(after.responses[0]?.partitions[0]?.errorCode).toBe(100);
  });

  it('wakes a waiting fetch when its topic is deleted', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const call = harness.send(fetchApi, 11, fetch('t', [{}], { maxWaitMs: 60_000 }));
    await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    expect((await call.reply()).responses[0]?.partitions[0]?.errorCode).toBe(3);
  });

  it('drops the wait of a client that is gone', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const call = harness.send(fetchApi, 11, fetch('t', [{}], { maxWaitMs: 60_000 }));
    expect(harness.broker.context.purgatory.size).toBe(1);
    call.abort();
    expect(harness.broker.context.purgatory.size).toBe(0);
    expect(await call.outcome).toEqual({ kind: 'nothing' });
  });

  it('never sends bytes the engine did not fill: a failed read becomes an error', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', ['secret']);
    harness.engine.failReads.push(Code.damaged);
    const reply = await harness.ask(fetchApi, 11, fetch('t', [{}]));
    expect(reply.responses[0]?.partitions[0]).toMatchObject({ errorCode: 56, records: Buffer.alloc(0) });
  });

  it('reads what has been settled into files like what is in memory, exact to the byte', async () => {
    await using harness = openHarness({}, { memoryBytes: '8mb', journalFileBytes: '1mb', settleBytes: '256kb' });
    await harness.topic('t', 2);
    const sent: string[] = [];
    for (let count = 0; count < 200; count++) {
      const value = `${count}:${'x'.repeat(60_000)}`;
      sent.push(value);
      await produce(harness, 't', [value]);
    }
    await produce(harness, 't', ['other'], 1);
    expect(harness.engine.counters().settles).toBeGreaterThan(0);
    const read: string[] = [];
    while (read.length < sent.length) {
      const wishes = [{ offset: read.length, maxBytes: 1_000_000 }, { partition: 1 }];
      const reply = await harness.ask(fetchApi, 11, fetch('t', wishes));
      const [first, second] = reply.responses[0]?.partitions ?? [];
      expect([first?.errorCode, second?.errorCode, first?.highWatermark]).toEqual([0, 0, 200]);
      read.push(...valuesOf(first?.records));
    }
    expect(read).toEqual(sent);
    expect(harness.engine.counters().bytesRead).toBeGreaterThan(0);
  });

  it('holds no lease when it has answered, whatever the limits left out', async () => {
    await using harness = openHarness();
    await harness.topic('t', 3);
    for (const partition of [0, 1, 2]) await produce(harness, 't', ['x'.repeat(500)], partition);
    const wishes = [0, 1, 2].map((partition) => ({ partition, maxBytes: 10 }));
    const limited = await harness.ask(fetchApi, 11, fetch('t', wishes));
    expect(limited.responses[0]?.partitions.map((row) => valuesOf(row.records).length)).toEqual([1, 0, 0]);
    await harness.ask(fetchApi, 11, fetch('t', wishes, { maxBytes: 600 }));
    await harness.ask(fetchApi, 11, fetch('t', wishes, { minBytes: 600 }));
    expect(harness.engine.leases.size).toBe(0);
  });

  it('releases what was read from files for a client that has gone meanwhile', async () => {
    await using harness = openHarness({}, { memoryBytes: '8mb', journalFileBytes: '1mb', settleBytes: '256kb' });
    await harness.topic('t');
    for (let count = 0; count < 200; count++) await produce(harness, 't', ['x'.repeat(60_000)]);
    const call = harness.send(fetchApi, 11, fetch('t', [{}]));
    expect(call.ended).toBe(false);
    call.abort();
    await call.outcome;
    expect(harness.engine.counters().bytesRead).toBeGreaterThan(0);
    expect(harness.engine.leases.size).toBe(0);
  });

  it('lets everybody who waits go when the broker closes', async () => {
    const harness = openHarness();
    await harness.topic('t');
    const call = harness.send(fetchApi, 11, fetch('t', [{}], { maxWaitMs: 60_000 }));
    await harness.broker.close();
    expect((await call.reply()).responses[0]?.partitions[0]?.errorCode).toBe(0);
  });
});
