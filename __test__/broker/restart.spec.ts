/** What a broker has acknowledged is there after the power was cut: records, topics, settings, offsets, producer ids. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetCommitApi } from '../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { joinGroupApi } from '../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../../ts/broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { deleteTopicsApi } from '../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { deleteRecordsApi } from '../../ts/broker/protocol/gen/21-delete-records.gen.ts';
import { initProducerIdApi } from '../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { offsetForLeaderEpochApi } from '../../ts/broker/protocol/gen/23-offset-for-leader-epoch.gen.ts';
import { createPartitionsApi } from '../../ts/broker/protocol/gen/37-create-partitions.gen.ts';
import { incrementalAlterConfigsApi } from '../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { groupPrefix } from '../../ts/log/state-keys.ts';
import { decodeBatches, encodeBatch } from '../support/record-batch.ts';
import { type Harness, openHarness } from './support/harness.ts';

/** Cuts the power under a broker and opens another one on the same disk. */
async function cutAndReopen(harness: Harness): Promise<Harness> {
  const { disk } = harness.engine;
  harness.engine.cutPower();
  await harness.broker.close();
  return openHarness({}, { sim: disk });
}

async function produce(
  harness: Harness,
  values: string[],
  fields = {},
): Promise<[number | undefined, number | undefined]> {
  const records = encodeBatch(
    values.map((value) => Buffer.from(value)),
    fields,
  );
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
  const reply = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
  const row = reply.responses[0]?.partitionResponses[0];
  return [row?.errorCode, row?.baseOffset];
}

async function readAll(harness: Harness): Promise<string[]> {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  const request = { maxBytes: 1_000_000, sessionEpoch: -1, topics: [{ topic: 't', partitions }] };
  const reply = await harness.ask(fetchApi, 11, request);
  return decodeBatches(Buffer.from(reply.responses[0]?.partitions[0]?.records as Uint8Array)).map((r) =>
    r.value.toString(),
  );
}

describe('after a power cut', () => {
  it('records with acks=all are there, at the same offsets', async () => {
    const before = openHarness();
    await before.topic('t');
    expect(await produce(before, ['a', 'b'])).toEqual([0, 0]);
    expect(await produce(before, ['c'])).toEqual([0, 2]);
    await using after = await cutAndReopen(before);
    expect(await readAll(after)).toEqual(['a', 'b', 'c']);
    expect(await produce(after, ['d'])).toEqual([0, 3]);
  });

  it('topics keep id, partitions and settings, and deleted ones stay deleted', async () => {
    const before = openHarness();
    const id = await before.topic('t', 3, { 'retention.ms': '77' });
    await before.topic('gone');
    await before.ask(deleteTopicsApi, 5, { topicNames: ['gone'] });
    await using after = await cutAndReopen(before);
    const reply = await after.ask(metadataApi, 12, { topics: null });
    expect(reply.topics.map((topic) => [topic.name, topic.topicId, topic.partitions.length])).toEqual([['t', id, 3]]);
    expect(after.broker.context.catalogue.get('t')?.config.get('retention.ms')).toBe('77');
    // Partition ids are never used twice: a new topic must not see the data of the deleted one.
    await after.topic('gone');
    const partitions = [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: -1 }];
    const ends = await after.ask(listOffsetsApi, 7, { topics: [{ name: 'gone', partitions }] });
    expect(ends.topics[0]?.partitions[0]).toMatchObject({ errorCode: 0, offset: 0 });
  });

  it('added partitions, altered settings and deleted records stay what they were made', async () => {
    const before = openHarness();
    const id = await before.topic('t', 1);
    await produce(before, ['a', 'b']);
    await before.ask(createPartitionsApi, 3, { topics: [{ name: 't', count: 3, assignments: null }] });
    const configs = [{ name: 'retention.ms', configOperation: 0, value: '99' }];
    const resources = [{ resourceType: 2, resourceName: 't', configs }];
    await before.ask(incrementalAlterConfigsApi, 1, { resources });
    const partitions = [{ partitionIndex: 0, offset: 1 }];
    await before.ask(deleteRecordsApi, 2, { topics: [{ name: 't', partitions }] });
    await using after = await cutAndReopen(before);
    const topic = after.broker.context.catalogue.get('t');
    expect([topic?.id, topic?.partitions.length, topic?.config.get('retention.ms')]).toEqual([id, 3, '99']);
    const again = await after.ask(deleteRecordsApi, 2, { topics: [{ name: 't', partitions }] });
    expect(again.topics[0]?.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 1 });
    await after.topic('other');
    const ids = [...after.broker.context.catalogue.all()].flatMap((known) => known.partitions);
    expect(new Set(ids).size).toBe(4);
  });

  it('committed offsets are there', async () => {
    const before = openHarness();
    await before.topic('t');
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'm' }];
    await before.ask(offsetCommitApi, 8, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      topics: [{ name: 't', partitions }],
    });
    await using after = await cutAndReopen(before);
    const reply = await after.ask(offsetFetchApi, 7, { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] });
    expect(reply.topics[0]?.partitions[0]).toMatchObject({ committedOffset: 5, metadata: 'm', errorCode: 0 });
  });

  it('a producer id is never given again, and its duplicates are still known (rule 15)', async () => {
    const before = openHarness();
    await before.topic('t');
    const first = await before.ask(initProducerIdApi, 4, { transactionalId: null });
    const fields = { producerId: first.producerId, producerEpoch: 0, baseSequence: 0 };
    expect(await produce(before, ['once'], fields)).toEqual([0, 0]);
    await using after = await cutAndReopen(before);
    expect(await produce(after, ['once'], fields)).toEqual([0, 0]);
    expect(await produce(after, ['next'], { ...fields, baseSequence: 1 })).toEqual([0, 1]);
    expect(await produce(after, ['gap'], { ...fields, baseSequence: 7 })).toEqual([45, -1]);
    expect(await readAll(after)).toEqual(['once', 'next']);
    const second = await after.ask(initProducerIdApi, 4, { transactionalId: null });
    expect(second.producerId).toBeGreaterThan(first.producerId);
  });

  it('the leader epoch has grown, a client with the old one is fenced and finds where it ended (rules 33, 34)', async () => {
    const before = openHarness();
    await before.topic('t');
    await produce(before, ['a', 'b']);
    const old = before.broker.context.node.leaderEpoch;
    await using after = await cutAndReopen(before);
    const current = after.broker.context.node.leaderEpoch;
    expect(current).toBeGreaterThan(old);
    await produce(after, ['c']);
    const asked = async (currentLeaderEpoch: number) => {
      const partitions = [{ partition: 0, currentLeaderEpoch, leaderEpoch: old }];
      const reply = await after.ask(offsetForLeaderEpochApi, 4, { topics: [{ topic: 't', partitions }] });
      return reply.topics[0]?.partitions[0];
    };
    expect((await asked(old))?.errorCode).toBe(74);
    expect(await asked(current)).toMatchObject({ errorCode: 0, leaderEpoch: old, endOffset: 2 });
  });

  it('a group goes on: same generation, same assignment, static members with their ids, and nothing of an unused one', async () => {
    const before = openHarness();
    const protocols = [{ name: 'range', metadata: Uint8Array.of(0, 1, 0) }];
    const join = { groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols };
    const joined = await before.ask(joinGroupApi, 5, { ...join, groupInstanceId: 'static' });
    const { memberId, generationId } = joined;
    const claim = { groupId: 'g', generationId, memberId, groupInstanceId: 'static' };
    await before.ask(syncGroupApi, 3, { ...claim, assignments: [{ memberId, assignment: Uint8Array.of(7, 8) }] });
    const other = await before.ask(joinGroupApi, 3, { ...join, groupId: 'gone' });
    const left = { groupId: 'gone', generationId: other.generationId, memberId: other.memberId };
    await before.ask(syncGroupApi, 3, { ...left, assignments: [] });
    await before.ask(leaveGroupApi, 1, left);
    await before.engine.flush();

    await using after = await cutAndReopen(before);
    expect((await after.ask(heartbeatApi, 3, claim)).errorCode).toBe(0);
    const synced = await after.ask(syncGroupApi, 3, claim);
    expect([synced.errorCode, [...synced.assignment]]).toEqual([0, [7, 8]]);
    expect((await after.ask(heartbeatApi, 3, { ...claim, memberId: 'other' })).errorCode).toBe(82);
    const group = after.broker.context.groups.get('g');
    expect(group).toMatchObject({ state: 'Stable', generation: generationId, leaderId: memberId });
    expect(after.broker.context.groups.size).toBe(1);
    expect(after.engine.scanState(groupPrefix())).toHaveLength(1);
  });

  it('how long a group has been empty is known, so that its offsets expire in time', async () => {
    const before = openHarness();
    await before.topic('t');
    const protocols = [{ name: 'range', metadata: new Uint8Array(2) }];
    const { memberId, generationId } = await before.ask(joinGroupApi, 3, {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols,
    });
    const claim = { groupId: 'g', generationId, memberId };
    await before.ask(syncGroupApi, 3, { ...claim, assignments: [] });
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }];
    await before.ask(offsetCommitApi, 7, {
      groupId: 'g',
      generationIdOrMemberEpoch: generationId,
      memberId,
      topics,
    });
    await before.ask(leaveGroupApi, 1, claim);
    const since = before.broker.context.groups.emptySinceMs('g');
    expect(since).toBeGreaterThan(0);
    await before.engine.flush();
    await using after = await cutAndReopen(before);
    expect(after.broker.context.groups.emptySinceMs('g')).toBe(since);
    expect(after.broker.context.groups.get('g')).toMatchObject({ state: 'Empty', protocolType: 'consumer' });
  });
});
