/** ListOffsets, OffsetForLeaderEpoch and InitProducerId. */
import { describe, expect, it } from 'vitest';
import { ProducerIds } from '../../../ts/broker/metadata/producer-ids.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { initProducerIdApi } from '../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { offsetForLeaderEpochApi } from '../../../ts/broker/protocol/gen/23-offset-for-leader-epoch.gen.ts';
import { Code, Level } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

async function withRecords(): Promise<Harness> {
  const harness = openHarness();
  await harness.topic('t');
  const records = encodeBatch([Buffer.from('a'), Buffer.from('b')]);
  for (let count = 0; count < 2; count++) {
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
    await harness.ask(produceApi, 9, { acks: -1, topicData });
  }
  return harness;
}

async function list(harness: Harness, timestamp: bigint, version = 9, more: { epoch?: number; index?: number } = {}) {
  const { epoch = -1, index = 0 } = more;
  const partitions = [{ partitionIndex: index, timestamp, currentLeaderEpoch: epoch }];
  const reply = await harness.ask(listOffsetsApi, version, { replicaId: -1, topics: [{ name: 't', partitions }] });
  return reply.topics[0]?.partitions[0];
}

describe('list offsets', () => {
  it('knows the end and the start, both without a timestamp (rule 35)', async () => {
    await using harness = await withRecords();
    expect(await list(harness, -1n)).toMatchObject({ errorCode: 0, offset: 4, timestamp: -1 });
    expect(await list(harness, -2n)).toMatchObject({ errorCode: 0, offset: 0, timestamp: -1 });
    expect(await list(harness, -4n)).toMatchObject({ errorCode: 0, offset: 0 });
    expect(await list(harness, -5n)).toMatchObject({ errorCode: 0, offset: -1, leaderEpoch: -1 });
  });

  it('tells the start after records were deleted, from which offset 0 is out of range (rule 31)', async () => {
    await using harness = await withRecords();
    const partition = harness.broker.context.catalogue.get('t')?.partitions[0] ?? -1;
    harness.engine.submit([{ kind: 'deleteRecords', partition, offset: 2 }], Level.written, () => {});
    await harness.engine.flush();
    expect(await list(harness, -2n)).toMatchObject({ errorCode: 0, offset: 2 });
    expect(await list(harness, -1n)).toMatchObject({ errorCode: 0, offset: 4 });
  });

  it('takes the special times only from the versions that have them (rule 35)', async () => {
    await using harness = await withRecords();
    const errors = [await list(harness, -3n, 6), await list(harness, -4n, 7), await list(harness, -5n, 8)];
    expect(errors.map((row) => row?.errorCode)).toEqual([35, 35, 35]);
    expect((await list(harness, -9n))?.errorCode).toBe(35);
  });

  it('finds the first record at or after a time, and nothing without an error (rule 36)', async () => {
    await using harness = await withRecords();
    expect(await list(harness, 0n)).toMatchObject({ errorCode: 0, offset: 0 });
    expect(await list(harness, BigInt(Date.now() + 1_000_000))).toMatchObject({
      errorCode: 0,
      offset: -1,
      timestamp: -1,
    });
    expect(await list(harness, 2n ** 62n)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 });
  });

  it('checks partition and leader epoch (rule 33)', async () => {
    await using harness = await withRecords();
    const { leaderEpoch } = harness.broker.context.node;
    expect((await list(harness, -1n, 9, { index: 4 }))?.errorCode).toBe(3);
    expect((await list(harness, -1n, 9, { epoch: leaderEpoch - 1 }))?.errorCode).toBe(74);
    expect((await list(harness, -1n, 9, { epoch: leaderEpoch + 1 }))?.errorCode).toBe(75);
  });
});

describe('offset for leader epoch', () => {
  it('tells the end of the current epoch, of a past one, and nothing of a future one (rule 34)', async () => {
    await using harness = await withRecords();
    const { leaderEpoch } = harness.broker.context.node;
    const end = async (epoch: number, current = -1, partition = 0) => {
      const partitions = [{ partition, currentLeaderEpoch: current, leaderEpoch: epoch }];
      const reply = await harness.ask(offsetForLeaderEpochApi, 4, { topics: [{ topic: 't', partitions }] });
      const row = reply.topics[0]?.partitions[0];
      return [row?.errorCode, row?.leaderEpoch, row?.endOffset];
    };
    expect(await end(leaderEpoch)).toEqual([0, leaderEpoch, 4]);
    expect(await end(leaderEpoch + 1)).toEqual([0, -1, -1]);
    expect(await end(leaderEpoch - 1)).toEqual([0, leaderEpoch - 1, 0]);
    expect(await end(leaderEpoch, leaderEpoch - 1)).toEqual([74, -1, -1]);
    expect(await end(leaderEpoch, leaderEpoch + 1)).toEqual([75, -1, -1]);
    expect(await end(leaderEpoch, -1, 8)).toEqual([3, -1, -1]);
  });
});

describe('producer ids', () => {
  it('differ for every producer, start with epoch 0, and cost one frame a thousand', async () => {
    await using harness = openHarness();
    const asks = Array.from({ length: 1500 }, () =>
      harness.ask(initProducerIdApi, 4, { transactionalId: null, transactionTimeoutMs: 1000, producerId: -1 }),
    );
    const replies = await Promise.all(asks);
    expect(new Set(replies.map((reply) => reply.producerId)).size).toBe(1500);
    expect(replies.every((reply) => reply.errorCode === 0 && reply.producerEpoch === 0)).toBe(true);
    expect(harness.engine.levels).toEqual([Level.durable, Level.durable]);
  });

  it('never come twice, even when the process is killed right after one was given', async () => {
    await using harness = openHarness();
    const given: number[] = [];
    for (let start = 0; start < 3; start++) {
      const ids = new ProducerIds(harness.engine);
      for (let count = 0; count < 5; count++) {
        await new Promise<void>((resolve) => {
          ids.next((_, id) => {
            given.push(id);
            resolve();
          });
        });
      }
    }
    expect(new Set(given).size).toBe(15);
  });

  it('are not given while the block could not be stored', async () => {
    await using harness = openHarness();
    harness.engine.refuseNext.push(Code.poisoned);
    const failed = await harness.ask(initProducerIdApi, 4, { transactionalId: null });
    expect(failed).toMatchObject({ errorCode: 15, producerId: -1, producerEpoch: -1 });
    expect((await harness.ask(initProducerIdApi, 4, { transactionalId: null })).errorCode).toBe(0);
  });

  it('are refused for a transactional id without a name with an error no client retries', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(initProducerIdApi, 4, { transactionalId: '', transactionTimeoutMs: 1000 });
    expect(reply).toMatchObject({ errorCode: 42, producerId: -1 });
  });
});
