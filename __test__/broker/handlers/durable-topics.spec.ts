/** Topics of isolation `durable`: readers on the wire see what a completed flush covers, and nothing else. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { incrementalAlterConfigsApi } from '../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { TransactionalProducer } from '../support/transactional-producer.ts';

const DURABLE = { 'min.isolation': 'durable' };
/** Nothing is flushed unless somebody asks for it: the topics themselves are durable, as every change of metadata is. */
const NEVER = { flush: 'os' } as const;

async function write(harness: Harness, topic: string): Promise<number> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: encodeBatch([Buffer.from('x')]) }] }];
  const { responses } = await harness.ask(produceApi, 9, { acks: 1, timeoutMs: 1000, topicData });
  return responses[0]?.partitionResponses[0]?.errorCode ?? -1;
}

const fetching = (topic: string, maxWaitMs: number, isolationLevel = 0) => {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  return {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel,
    sessionEpoch: -1,
    topics: [{ topic, partitions }],
  };
};

/** High watermark, last stable offset, and whether there were records. */
async function fetched(harness: Harness, topic: string, isolationLevel = 0) {
  const { responses } = await harness.ask(fetchApi, 11, fetching(topic, 0, isolationLevel));
  const row = responses[0]?.partitions[0];
  return row && [row.errorCode, row.highWatermark, row.lastStableOffset, (row.records as Uint8Array).length > 0];
}

async function latest(harness: Harness, name: string, isolationLevel = 0): Promise<number | undefined> {
  const partitions = [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: -1 }];
  const { topics } = await harness.ask(listOffsetsApi, 5, { isolationLevel, topics: [{ name, partitions }] });
  return topics[0]?.partitions[0]?.offset;
}

async function alter(harness: Harness, resourceName: string, value: string): Promise<number | undefined> {
  const configs = [{ name: 'min.isolation', configOperation: 0, value }];
  const resources = [{ resourceType: 2, resourceName, configs }];
  return (await harness.ask(incrementalAlterConfigsApi, 1, { resources })).responses[0]?.errorCode;
}

describe('a topic of isolation durable', () => {
  it.each([0, 1])(
    'shows nothing that is only written, at isolation level %i, and everything when it is flushed',
    async (level) => {
      await using harness = openHarness({}, NEVER);
      await harness.topic('plain');
      await harness.topic('safe', 1, DURABLE);
      expect([await write(harness, 'plain'), await write(harness, 'safe')]).toEqual([0, 0]);
      expect(await fetched(harness, 'plain', level)).toEqual([0, 1, 1, true]);
      expect(await fetched(harness, 'safe', level)).toEqual([0, 0, 0, false]);
      expect([await latest(harness, 'plain', level), await latest(harness, 'safe', level)]).toEqual([1, 0]);
      await harness.engine.flush();
      expect(await fetched(harness, 'safe', level)).toEqual([0, 1, 1, true]);
      expect(await latest(harness, 'safe', level)).toBe(1);
    },
  );

  it('ends for read_committed where a transaction is open, though everything is flushed', async () => {
    await using harness = openHarness({}, NEVER);
    await harness.topic('safe', 1, DURABLE);
    const producer = new TransactionalProducer(harness, 'tx');
    await producer.init();
    await producer.add('safe', 0);
    await producer.produce('safe', 0, 'open');
    await harness.engine.flush();
    expect([await latest(harness, 'safe', 0), await latest(harness, 'safe', 1)]).toEqual([1, 0]);
    expect(await fetched(harness, 'safe', 1)).toEqual([0, 1, 0, false]);
    const call = harness.send(fetchApi, 11, fetching('safe', 60_000, 1));
    await producer.end(true);
    await harness.engine.flush();
    expect((await call.reply()).responses[0]?.partitions[0]?.records).not.toHaveLength(0);
    expect(await latest(harness, 'safe', 1)).toBe(2);
  });

  it('wakes who waits when the flush has returned, not before', async () => {
    await using harness = openHarness({}, NEVER);
    await harness.topic('safe', 1, DURABLE);
    const call = harness.send(fetchApi, 11, fetching('safe', 60_000));
    await write(harness, 'safe');
    expect(call.ended).toBe(false);
    await harness.engine.flush();
    const { responses } = await call.reply();
    expect(responses[0]?.partitions[0]?.records).not.toHaveLength(0);
  });

  it('becomes one, and stops being one, while readers wait', async () => {
    await using harness = openHarness({}, NEVER);
    await harness.topic('t', 1, DURABLE);
    await write(harness, 't');
    const call = harness.send(fetchApi, 11, fetching('t', 60_000));
    expect(await alter(harness, 't', 'read_uncommitted')).toBe(0);
    expect((await call.reply()).responses[0]?.partitions[0]?.highWatermark).toBe(1);
    expect(await alter(harness, 't', 'durable')).toBe(0);
    await write(harness, 't');
    // The change itself was flushed, and with it what was written before.
    expect(await fetched(harness, 't')).toEqual([0, 1, 1, true]);
    expect(await alter(harness, 't', 'never')).toBe(40);
  });
});
