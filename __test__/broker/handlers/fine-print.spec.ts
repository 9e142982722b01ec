/** Clauses of the rules that are easily passed over: each is a promise of its own. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { joinGroupApi } from '../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { offsetForLeaderEpochApi } from '../../../ts/broker/protocol/gen/23-offset-for-leader-epoch.gen.ts';
import { consumerGroupDescribeApi } from '../../../ts/broker/protocol/gen/69-consumer-group-describe.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { TransactionalProducer } from '../support/transactional-producer.ts';

const bytes = (...values: string[]) => values.map((value) => Buffer.from(value));

async function produce(harness: Harness, name: string, records: Buffer) {
  const topicData = [{ name, partitionData: [{ index: 0, records }] }];
  const { responses } = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
  return responses[0]?.partitionResponses[0];
}

async function fetch(harness: Harness, topic: string, isolationLevel = 0) {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, sessionEpoch: -1, isolationLevel };
  const { responses } = await harness.ask(fetchApi, 12, { ...request, topics: [{ topic, partitions }] });
  return responses[0]?.partitions[0];
}

const stored = (row: Awaited<ReturnType<typeof fetch>>) => Buffer.from(row?.records as Uint8Array);

async function list(harness: Harness, timestamp: bigint, isolationLevel = 0) {
  const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch: -1 }];
  const request = { replicaId: -1, isolationLevel, topics: [{ name: 't', partitions }] };
  return (await harness.ask(listOffsetsApi, 9, request)).topics[0]?.partitions[0];
}

const joining = (groupId: string, memberId = '') => ({
  groupId,
  memberId,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Uint8Array.of(1) }],
});

describe('what is produced', () => {
  it('is one batch a partition: two are refused and none of them is stored (rule 5)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const two = Buffer.concat([encodeBatch(bytes('a')), encodeBatch(bytes('b'))]);
    expect((await produce(harness, 't', two))?.errorCode).toBe(87);
    expect((await fetch(harness, 't'))?.highWatermark).toBe(0);
  });

  it('is refused for good when it contradicts itself, and as corrupt when it was changed on its way (rule 6)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const miscounted = encodeBatch(bytes('a'), { count: 2, lastOffsetDelta: 1 });
    expect((await produce(harness, 't', miscounted))?.errorCode).toBe(87);
    const changed = encodeBatch(bytes('a'));
    changed.writeUInt8(changed.readUInt8(changed.length - 2) ^ 1, changed.length - 2);
    expect((await produce(harness, 't', changed))?.errorCode).toBe(2);
    expect((await fetch(harness, 't'))?.highWatermark).toBe(0);
  });

  it('has the time of the broker where the topic says so, in batch and answer; else the answer has none (rule 9)', async () => {
    await using harness = openHarness();
    await harness.topic('own');
    await harness.topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' });
    const batch = encodeBatch(bytes('a'), { timestamp: 1_000 });
    expect((await produce(harness, 'own', batch))?.logAppendTimeMs).toBe(-1);
    const appended = (await produce(harness, 'stamped', batch))?.logAppendTimeMs ?? -1;
    expect(appended).toBeGreaterThan(1_000);
    const [own, stamped] = [stored(await fetch(harness, 'own')), stored(await fetch(harness, 'stamped'))];
    const told = (one: Buffer) => [one.readInt16BE(21) & 8, Number(one.readBigInt64BE(35))];
    expect([told(own), told(stamped)]).toEqual([
      [0, 1_000],
      [8, appended],
    ]);
  });

  it('stays as it came, whatever compression.type the topic has; that is told as it was given (rule 12)', async () => {
    await using harness = openHarness();
    const configs = [{ name: 'compression.type', value: 'gzip' }];
    const { topics } = await harness.ask(createTopicsApi, 7, {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, configs }],
    });
    const told = topics[0]?.configs?.find(({ name }) => name === 'compression.type');
    expect([told?.value, told?.configSource]).toEqual(['gzip', 1]);
    const batch = encodeBatch(bytes('a'.repeat(500)));
    await produce(harness, 't', batch);
    // From the checksum on: before it are offset and leader epoch, which are the broker's.
    expect(stored(await fetch(harness, 't')).subarray(16)).toEqual(batch.subarray(16));
  });
});

describe('offsets and epochs', () => {
  it('of an empty partition are 0 for readers of committed data, too (rule 21)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await fetch(harness, 't', 1)).toMatchObject({ highWatermark: 0, lastStableOffset: 0, errorCode: 0 });
    expect((await list(harness, -1n, 1))?.offset).toBe(0);
  });

  it('by the largest time and by time are those of a record within its batch (rules 35, 36)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const timestamp = Date.now() - 100_000;
    await produce(harness, 't', encodeBatch(bytes('a', 'b', 'c', 'd'), { timestamp, later: [0, 5_000, 9_000, 7_000] }));
    await produce(harness, 't', encodeBatch(bytes('e'), { timestamp: timestamp + 8_000 }));
    expect(await list(harness, -3n)).toMatchObject({ offset: 2, timestamp: timestamp + 9_000 });
    expect(await list(harness, BigInt(timestamp + 4_000))).toMatchObject({ offset: 1, timestamp: timestamp + 5_000 });
    expect(await list(harness, BigInt(timestamp + 7_500))).toMatchObject({ offset: 2, timestamp: timestamp + 9_000 });
  });

  it('end for readers of committed data where the oldest open transaction begins, by time as well (rules 35, 36)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', encodeBatch(bytes('a'), { timestamp: 1_000 }));
    const producer = new TransactionalProducer(harness, 'x');
    await producer.init();
    await producer.add('t', 0);
    await producer.produce('t', 0, 'b');
    expect([(await list(harness, -1n))?.offset, (await list(harness, -1n, 1))?.offset]).toEqual([2, 1]);
    expect([(await list(harness, 2_000n))?.offset, (await list(harness, 2_000n, 1))?.offset]).toEqual([1, -1]);
    expect(await producer.end(true)).toBe(0);
    expect((await list(harness, 2_000n, 1))?.offset).toBe(1);
  });

  it('are of one epoch, whoever is asked: Metadata, batches, ListOffsets, OffsetForLeaderEpoch (rule 33)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await produce(harness, 't', encodeBatch(bytes('a'), { timestamp: 1_000 }));
    const { topics } = await harness.ask(metadataApi, 9, { topics: [{ name: 't' }] });
    const epoch = topics[0]?.partitions[0]?.leaderEpoch ?? -1;
    const asked = [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: epoch }];
    const ends = await harness.ask(offsetForLeaderEpochApi, 4, { topics: [{ topic: 't', partitions: asked }] });
    expect(epoch).toBeGreaterThan(0);
    expect([
      stored(await fetch(harness, 't')).readInt32BE(12),
      (await list(harness, -1n))?.leaderEpoch,
      (await list(harness, 1_000n))?.leaderEpoch,
      ends.topics[0]?.partitions[0]?.leaderEpoch,
    ]).toEqual([epoch, epoch, epoch, epoch]);
  });
});

describe('groups', () => {
  it('take metadata of 4096 bytes and no more, and refuse that of one partition alone (rule 42)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const partitions = [4096, 4097].map((length, partitionIndex) => ({
      partitionIndex,
      committedOffset: 1,
      committedMetadata: 'm'.repeat(length),
    }));
    const reply = await harness.ask(offsetCommitApi, 8, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      topics: [{ name: 't', partitions }],
    });
    expect(reply.topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([0, 12]);
  });

  it('have stable offsets again when the transaction ends, also while they rebalance (rule 23)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const producer = new TransactionalProducer(harness, 'x');
    await producer.init();
    await producer.addGroup('g');
    expect(await producer.commitOffset('g', 't', 0, 5)).toBe(0);
    // Nobody syncs: the group stays in its rebalance.
    expect((await harness.ask(joinGroupApi, 3, joining('g'))).errorCode).toBe(0);
    const topics = [{ name: 't', partitionIndexes: [0] }];
    const committed = async () => {
      const reply = await harness.ask(offsetFetchApi, 7, { groupId: 'g', topics, requireStable: true });
      const row = reply.topics[0]?.partitions[0];
      return [row?.committedOffset, row?.errorCode];
    };
    expect(await committed()).toEqual([-1, 88]);
    expect(await producer.end(true)).toBe(0);
    expect(await committed()).toEqual([5, 0]);
  });

  it('of the classic protocol are not there for ConsumerGroupDescribe, so that clients ask the other way (rule 44)', async () => {
    await using harness = openHarness();
    await harness.ask(joinGroupApi, 3, joining('g'));
    const { groups } = await harness.ask(consumerGroupDescribeApi, 1, { groupIds: ['g'] });
    expect(groups[0]?.errorCode).toBe(69);
  });

  it('ask no id of a static member, nor of who is too old to know of that (rule 37)', async () => {
    await using harness = openHarness();
    expect((await harness.ask(joinGroupApi, 9, joining('dynamic'))).errorCode).toBe(79);
    const fixed = { ...joining('static'), groupInstanceId: 'one' };
    expect((await harness.ask(joinGroupApi, 9, fixed)).errorCode).toBe(0);
    expect((await harness.ask(joinGroupApi, 3, joining('older'))).errorCode).toBe(0);
  });
});

it('EndTxn is told from version 0 and AddPartitionsToTxn up to 3, Produce from 0 and JoinGroup from 0 (rule 24)', async () => {
  await using harness = openHarness();
  const rangeOf = (key: number) => harness.broker.table.ranges().find(({ apiKey }) => apiKey === key);
  expect(rangeOf(26)).toMatchObject({ minVersion: 0, maxVersion: 5 });
  expect(rangeOf(24)).toMatchObject({ minVersion: 0, maxVersion: 3 });
  expect([rangeOf(0)?.minVersion, rangeOf(11)?.minVersion]).toEqual([0, 0]);
});

it('a fetch that waits by the id of a topic is told that the id is gone when the topic is (rule 54)', async () => {
  await using harness = openHarness();
  const topicId = await harness.topic('t');
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  const request = { maxWaitMs: 60_000, minBytes: 1, maxBytes: 1_000_000, sessionEpoch: -1 };
  const waiting = harness.send(fetchApi, 13, { ...request, topics: [{ topicId, partitions }] });
  await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
  expect((await waiting.reply()).responses[0]?.partitions[0]?.errorCode).toBe(100);
});
