/** DescribeGroups, ListGroups, DeleteGroups and OffsetDelete: what administrators see of groups, and what they may remove. */
import { describe, expect, it, vi } from 'vitest';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { joinGroupApi } from '../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { leaveGroupApi } from '../../../ts/broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { describeGroupsApi } from '../../../ts/broker/protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../../../ts/broker/protocol/gen/16-list-groups.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { deleteGroupsApi } from '../../../ts/broker/protocol/gen/42-delete-groups.gen.ts';
import { offsetDeleteApi } from '../../../ts/broker/protocol/gen/47-offset-delete.gen.ts';
import { encodeConsumerProtocolSubscription } from '../../../ts/broker/protocol/gen/consumer-protocol-subscription.gen.ts';
import { Writer } from '../../../ts/broker/protocol/writer.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { groupPrefix, offsetPrefix } from '../../../ts/log/state-keys.ts';
import { type Harness, openHarness } from '../support/harness.ts';

function subscription(topics: string[], version = 1): Uint8Array {
  const writer = new Writer();
  writer.int16(version);
  encodeConsumerProtocolSubscription(writer, Math.min(version, 3), { topics, userData: null });
  return Uint8Array.from(writer.bytes());
}

/** A group of one member that has its assignment. */
async function stableGroup(harness: Harness, groupId: string, topics: string[], protocolType = 'consumer') {
  const protocols = [{ name: 'range', metadata: subscription(topics) }];
  const join = { groupId, sessionTimeoutMs: 10_000, protocolType, protocols };
  const { memberId, generationId } = await harness.ask(joinGroupApi, 3, join);
  const claim = { groupId, memberId, generationId };
  await harness.ask(syncGroupApi, 3, { ...claim, assignments: [{ memberId, assignment: Uint8Array.of(5) }] });
  return claim;
}

async function commit(
  harness: Harness,
  groupId: string,
  topic: string,
  claim?: { memberId: string; generationId: number },
): Promise<void> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 3 }] }];
  const { memberId = '', generationId: generationIdOrMemberEpoch = -1 } = claim ?? {};
  const request = { groupId, memberId, generationIdOrMemberEpoch, topics };
  const reply = await harness.ask(offsetCommitApi, 7, request);
  expect(reply.topics[0]?.partitions[0]?.errorCode).toBe(0);
}

describe('describe groups', () => {
  it('tells protocol, members and assignments of a stable group', async () => {
    await using harness = openHarness();
    const { memberId } = await stableGroup(harness, 'g', ['t']);
    const { groups } = await harness.ask(describeGroupsApi, 5, { groups: ['g'], includeAuthorizedOperations: true });
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      authorizedOperations: 3400,
      members: [{ memberId, clientId: 'test', clientHost: '/127.0.0.1', groupInstanceId: null }],
    });
    expect([...(groups[0]?.members[0]?.memberAssignment ?? [])]).toEqual([5]);
    expect(Buffer.from(groups[0]?.members[0]?.memberMetadata ?? [])).toEqual(Buffer.from(subscription(['t'])));
  });

  it('tells no protocol and no assignment while they are not settled', async () => {
    await using harness = openHarness();
    const protocols = [{ name: 'range', metadata: Uint8Array.of(1) }];
    await harness.ask(joinGroupApi, 3, { groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'connect', protocols });
    const { groups } = await harness.ask(describeGroupsApi, 2, { groups: ['g'] });
    expect(groups[0]).toMatchObject({ groupState: 'CompletingRebalance', protocolType: 'connect', protocolData: '' });
    expect(groups[0]?.members[0]?.memberMetadata).toHaveLength(0);
  });

  it('of an unknown group are Dead without an error, of a standalone consumer Empty (rule 44)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await commit(harness, 'standalone', 't');
    const { groups } = await harness.ask(describeGroupsApi, 5, { groups: ['nobody', 'standalone'] });
    expect(groups.map((row) => [row.errorCode, row.groupState, row.members.length, row.authorizedOperations])).toEqual([
      [0, 'Dead', 0, -(2 ** 31)],
      [0, 'Empty', 0, -(2 ** 31)],
    ]);
  });
});

describe('list groups', () => {
  it('finds groups with members and with offsets, filtered by state and type whatever the case', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await stableGroup(harness, 'stable', ['t']);
    const gone = await stableGroup(harness, 'left', ['t']);
    await commit(harness, 'left', 't', gone);
    await harness.ask(leaveGroupApi, 1, gone);
    await commit(harness, 'standalone', 't');
    const names = async (filter: { statesFilter?: string[]; typesFilter?: string[] }) =>
      (await harness.ask(listGroupsApi, 5, filter)).groups.map((row) => row.groupId).sort();
    expect(await names({})).toEqual(['left', 'stable', 'standalone']);
    expect(await names({ statesFilter: ['stable'] })).toEqual(['stable']);
    expect(await names({ statesFilter: ['Empty', 'Dead'] })).toEqual(['left', 'standalone']);
    expect(await names({ typesFilter: ['Classic'] })).toEqual(['left', 'stable', 'standalone']);
    expect(await names({ typesFilter: ['share'] })).toEqual([]);
    const { groups } = await harness.ask(listGroupsApi, 0, {});
    expect(groups.find((row) => row.groupId === 'left')?.protocolType).toBe('consumer');
    expect(groups.find((row) => row.groupId === 'standalone')?.protocolType).toBe('');
  });
});

describe('delete groups', () => {
  it('removes offsets and record of groups without members, and refuses the others (rule 44)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const gone = await stableGroup(harness, 'left', ['t']);
    await commit(harness, 'left', 't', gone);
    await harness.ask(leaveGroupApi, 1, gone);
    await commit(harness, 'standalone', 't');
    const used = await stableGroup(harness, 'used', ['t']);
    await commit(harness, 'used', 't', used);
    const { results } = await harness.ask(deleteGroupsApi, 2, {
      groupsNames: ['left', 'used', 'nobody', 'standalone'],
    });
    expect(results.map((row) => [row.groupId, row.errorCode])).toEqual([
      ['left', 0],
      ['used', 68],
      ['nobody', 69],
      ['standalone', 0],
    ]);
    await harness.engine.flush();
    expect(harness.engine.scanState(groupPrefix())).toHaveLength(1);
    expect(harness.engine.scanState(offsetPrefix())).toHaveLength(1);
    expect((await harness.ask(listGroupsApi, 4, {})).groups.map((row) => row.groupId)).toEqual(['used']);
  });

  it('that could not be stored leave the offsets as they are', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await commit(harness, 'g', 't');
    harness.engine.refuseNext.push(Code.poisoned);
    const { results } = await harness.ask(deleteGroupsApi, 1, { groupsNames: ['g'] });
    expect(results[0]?.errorCode).toBe(15);
    expect(harness.broker.context.offsets.get('g', 't', 0)?.offset).toBe(3);
  });
});

describe('offset delete', () => {
  const ask = (harness: Harness, groupId: string, topics: string[]) =>
    harness.ask(offsetDeleteApi, 0, {
      groupId,
      topics: topics.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
    });

  it('drops offsets of topics nobody in the group reads, and refuses the others', async () => {
    await using harness = openHarness();
    await harness.topic('read');
    await harness.topic('old');
    const claim = await stableGroup(harness, 'g', ['read']);
    await commit(harness, 'g', 'read', claim);
    await commit(harness, 'g', 'old', claim);
    const reply = await ask(harness, 'g', ['read', 'old', 'unknown']);
    expect(reply.errorCode).toBe(0);
    expect(reply.topics.map((topic) => topic.partitions[0]?.errorCode)).toEqual([86, 0, 3]);
    const { offsets } = harness.broker.context;
    expect([offsets.get('g', 'read', 0)?.offset, offsets.get('g', 'old', 0)]).toEqual([3, undefined]);
  });

  it('of a group without members drops any; the group itself stays until it is deleted', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const gone = await stableGroup(harness, 'g', ['t']);
    await commit(harness, 'g', 't', gone);
    await harness.ask(leaveGroupApi, 1, gone);
    expect((await ask(harness, 'g', ['t'])).topics[0]?.partitions[0]?.errorCode).toBe(0);
    expect((await ask(harness, 'g', ['t'])).errorCode).toBe(0);
    const { results } = await harness.ask(deleteGroupsApi, 1, { groupsNames: ['g'] });
    expect(results[0]?.errorCode).toBe(0);
    expect(harness.broker.context.groups.size).toBe(0);
    expect((await ask(harness, 'g', ['t'])).errorCode).toBe(69);
  });

  it('of a group without members leaves it until the next look at expired offsets, if nobody deletes it', async () => {
    await using harness = openHarness({ 'offsets.retention.check.interval.ms': 20 });
    await harness.topic('t');
    const gone = await stableGroup(harness, 'g', ['t']);
    await commit(harness, 'g', 't', gone);
    await harness.ask(leaveGroupApi, 1, gone);
    expect((await ask(harness, 'g', ['t'])).topics[0]?.partitions[0]?.errorCode).toBe(0);
    await vi.waitFor(() => expect(harness.broker.context.groups.size).toBe(0), 30_000);
    expect(harness.broker.context.keptGroups.has('g')).toBe(false);
  });

  it('a group whose last offset went with its topic is forgotten, too', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const gone = await stableGroup(harness, 'g', ['t']);
    await commit(harness, 'g', 't', gone);
    await harness.ask(leaveGroupApi, 1, gone);
    await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    await harness.engine.flush();
    expect(harness.broker.context.groups.size).toBe(0);
    expect(harness.engine.scanState(groupPrefix())).toHaveLength(0);
  });

  it('of members whose subscriptions cannot be read is refused', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const claim = await stableGroup(harness, 'worker', ['t'], 'connect');
    await commit(harness, 'worker', 't', claim);
    expect((await ask(harness, 'worker', ['t'])).errorCode).toBe(68);
    const protocols = [{ name: 'range', metadata: Uint8Array.of(0, 0, 99) }];
    const join = { groupId: 'odd', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols };
    await harness.ask(joinGroupApi, 3, join);
    expect((await ask(harness, 'odd', ['t'])).topics[0]?.partitions[0]?.errorCode).toBe(86);
  });
});
