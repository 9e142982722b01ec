/** Transactions of KIP-890: what is written takes part, every transaction has an epoch, nothing of the last comes late. */
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../ts/broker/protocol/error-codes.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { offsetFetchApi } from '../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { apiVersionsApi } from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { ImplicitProducer } from '../support/implicit-producer.ts';

/** First offsets of the batches a reader of committed data is given, and of aborted transactions. */
async function committed(harness: Harness, partition = 0): Promise<{ offsets: number[]; aborted: number[] }> {
  const partitions = [{ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  const topics = [{ topic: 't', partitions }];
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, sessionEpoch: -1, isolationLevel: 1, topics };
  const row = (await harness.ask(fetchApi, 11, request)).responses[0]?.partitions[0];
  const bytes = Buffer.from(row?.records as Uint8Array);
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8))
    offsets.push(Number(bytes.readBigInt64BE(at)));
  return { offsets, aborted: (row?.abortedTransactions ?? []).map((one) => one.firstOffset) };
}

async function offsetOf(harness: Harness, groupId: string): Promise<[number, number]> {
  const topics = [{ name: 't', partitionIndexes: [0] }];
  const reply = await harness.ask(offsetFetchApi, 7, { groupId, topics, requireStable: true });
  const row = reply.topics[0]?.partitions[0];
  return [row?.committedOffset ?? -2, row?.errorCode ?? -2];
}

async function opened(partitions = 1): Promise<{ harness: Harness; producer: ImplicitProducer }> {
  const harness = openHarness();
  await harness.topic('t', partitions);
  const producer = new ImplicitProducer(harness, 'x');
  expect(await producer.init()).toBe(0);
  return { harness, producer };
}

describe('transactions of the newer protocol', () => {
  it('are told as a feature, and their versions with it (KIP-890)', async () => {
    await using harness = openHarness();
    const asked = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };
    const told = await harness.ask(apiVersionsApi, 4, asked);
    const feature = told.finalizedFeatures.find(({ name }) => name === 'transaction.version');
    expect(feature).toMatchObject({ maxVersionLevel: 2 });
    const most = new Map(told.apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]));
    expect([most.get(0), most.get(26), most.get(28)]).toEqual([13, 5, 5]);
  });

  it('begin with what is written, in all partitions of a request, and end in the next epoch', async () => {
    const { harness, producer } = await opened(3);
    await using _ = harness;
    expect(await producer.produce('t', 'a', 0, 2)).toEqual([0, 0]);
    expect(await producer.produce('t', 'b', 0, 1)).toEqual([0, 0]);
    expect(await committed(harness)).toEqual({ offsets: [], aborted: [] });
    const before = producer.epoch;
    expect(await producer.end(true)).toBe(0);
    expect(producer.epoch).toBe(before + 1);
    expect(await committed(harness)).toEqual({ offsets: [0, 1, 2], aborted: [] });
    expect(await committed(harness, 1)).toEqual({ offsets: [0, 1], aborted: [] });
    expect(await producer.produce('t', 'c', 0)).toEqual([0]);
    expect(await producer.end(false)).toBe(0);
    expect(await committed(harness)).toEqual({ offsets: [0, 1, 2, 3, 4], aborted: [3] });
  });

  it('refuse what comes late from the transaction before (rule 18)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.produce('t', 'a', 0);
    const late = new ImplicitProducer(harness, 'x');
    Object.assign(late, { producerId: producer.producerId, epoch: producer.epoch });
    late.sequences.set('t/0', 1);
    await producer.end(true);
    expect(await late.produce('t', 'late', 0)).toEqual([ErrorCode.INVALID_PRODUCER_EPOCH]);
    expect(await producer.produce('t', 'b', 0)).toEqual([0]);
    expect(await late.produce('t', 'late', 0)).toEqual([ErrorCode.INVALID_PRODUCER_EPOCH]);
    expect(await late.end(false)).toBe(ErrorCode.PRODUCER_FENCED);
    expect(await producer.end(true)).toBe(0);
    expect((await committed(harness)).offsets).toEqual([0, 1, 2, 3]);
  });

  it('answer the same end again when its answer was lost, with the epoch it led to', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.produce('t', 'a', 0);
    expect(await producer.end(true, true)).toBe(0);
    expect(await producer.end(false, true), 'another end').toBe(ErrorCode.INVALID_TXN_STATE);
    expect(await producer.end(true)).toBe(0);
    expect(producer.epoch).toBe(1);
    expect((await committed(harness)).offsets).toEqual([0, 1]);
  });

  it('may be aborted before anything was written, which bumps the epoch, but not committed', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    expect(await producer.end(true)).toBe(ErrorCode.INVALID_TXN_STATE);
    expect(await producer.end(false)).toBe(0);
    expect(await producer.end(false)).toBe(0);
    expect(producer.epoch).toBe(2);
    expect(await producer.produce('t', 'a', 0)).toEqual([0]);
  });

  it('commit offsets without naming their group before', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    expect(await producer.commitOffset('g', 't', 0, 5)).toBe(0);
    expect(await offsetOf(harness, 'g')).toEqual([-1, ErrorCode.UNSTABLE_OFFSET_COMMIT]);
    expect(await producer.end(true)).toBe(0);
    expect(await offsetOf(harness, 'g')).toEqual([5, 0]);
  });

  it('take requests in turn that come before the first is enlisted', async () => {
    const { harness, producer } = await opened(3);
    await using _ = harness;
    const first = producer.produce('t', 'a', 0);
    const other = producer.produce('t', 'b', 1);
    const offsets = producer.commitOffset('g', 't', 0, 9);
    expect(await Promise.all([first, other])).toEqual([[0], [0]]);
    expect(await offsets).toBe(0);
    expect(await producer.end(true)).toBe(0);
    expect((await committed(harness, 1)).offsets).toEqual([0, 1]);
    expect(await offsetOf(harness, 'g')).toEqual([9, 0]);
  });

  it('keep the order of what one producer has under way, whichever of it has to be enlisted', async () => {
    const { harness, producer } = await opened(2);
    await using _ = harness;
    const send = (...partitions: [index: number, baseSequence: number][]) => {
      const { producerId, epoch: producerEpoch, id: transactionalId } = producer;
      const partitionData = partitions.map(([index, baseSequence]) => {
        const fields = { producerId, producerEpoch, baseSequence, transactional: true };
        return { index, records: encodeBatch([Buffer.from('v')], fields) };
      });
      const topicData = [{ name: 't', partitionData }];
      return harness.send(produceApi, 12, { transactionalId, acks: -1, timeoutMs: 1000, topicData });
    };
    const calls = [send([0, 0]), send([0, 1]), send([0, 2], [1, 0]), send([0, 3]), send([1, 1], [0, 4])];
    const errors = await Promise.all(
      calls.map(async (call) => (await call.reply()).responses[0]?.partitionResponses.map((row) => row.errorCode)),
    );
    expect(errors).toEqual([[0], [0], [0, 0], [0], [0, 0]]);
  });

  it('append nothing that could not be enlisted', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    harness.engine.refuseNext.push(Code.unknownPartition, Code.busy);
    const writing = producer.produce('t', 'a', 0);
    expect(await writing).toEqual([0]);
    expect(harness.engine.refuseNext).toEqual([]);
    const stranger = new ImplicitProducer(harness, 'nobody');
    stranger.producerId = 4711;
    stranger.epoch = 0;
    expect(await stranger.produce('t', 'a', 0)).toEqual([ErrorCode.INVALID_PRODUCER_ID_MAPPING]);
    expect(await producer.end(true)).toBe(0);
    expect((await committed(harness)).offsets).toEqual([0, 1]);
  });

  it('go on after a power cut, and answer an end again whose answer it took', async () => {
    const { harness: before, producer } = await opened();
    await producer.produce('t', 'a', 0);
    await producer.end(true);
    await producer.produce('t', 'b', 0);
    expect(await producer.end(true, true)).toBe(0);
    before.engine.cutPower();
    await before.broker.close();
    const after = openHarness({}, { sim: before.engine.disk });
    await using _ = after;
    producer.harness = after;
    expect(await producer.end(true)).toBe(0);
    expect(producer.epoch).toBe(2);
    expect(await producer.produce('t', 'c', 0)).toEqual([0]);
    expect(await producer.end(false)).toBe(0);
    expect(await committed(after)).toEqual({ offsets: [0, 1, 2, 3, 4, 5], aborted: [4] });
  });

  it('write to topics by id from version 13 on', async () => {
    await using harness = openHarness();
    const topicId = await harness.topic('t');
    const ask = async (id: string) => {
      const topicData = [{ topicId: id, partitionData: [{ index: 0, records: encodeBatch([Buffer.from('v')]) }] }];
      const reply = await harness.ask(produceApi, 13, { acks: -1, timeoutMs: 1000, topicData });
      const [topic] = reply.responses;
      return [topic?.topicId, topic?.partitionResponses[0]?.errorCode];
    };
    expect(await ask(topicId)).toEqual([topicId, 0]);
    expect(await ask('1'.repeat(32))).toEqual(['1'.repeat(32), ErrorCode.UNKNOWN_TOPIC_ID]);
  });
});
