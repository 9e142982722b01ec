/** OffsetCommit, OffsetFetch and FindCoordinator: positions of groups (rule 42). */
import { describe, expect, it } from 'vitest';
import { type GroupUse, OffsetExpiry } from '../../../ts/broker/groups/offset-expiry.ts';
import { CommittedOffsets } from '../../../ts/broker/groups/offsets.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { joinGroupApi } from '../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { Code, Level } from '../../../ts/io/native-types.ts';
import { type Harness, openHarness } from '../support/harness.ts';

interface Position {
  partitionIndex: number;
  committedOffset: number;
  committedLeaderEpoch?: number;
  committedMetadata?: string | null;
}

function commit(harness: Harness, groupId: string, partitions: Position[], name = 't') {
  const request = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name, partitions }] };
  return harness.ask(offsetCommitApi, 8, request);
}

async function fetched(harness: Harness, groupId: string, partitionIndexes: number[]) {
  const reply = await harness.ask(offsetFetchApi, 7, { groupId, topics: [{ name: 't', partitionIndexes }] });
  return reply.topics[0]?.partitions;
}

describe('committed offsets', () => {
  it('are acknowledged when they are durable, and read back with epoch and metadata', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const mine = { partitionIndex: 1, committedOffset: 42, committedLeaderEpoch: 3, committedMetadata: 'note' };
    const frames = harness.engine.levels.length;
    const reply = await commit(harness, 'g', [{ partitionIndex: 0, committedOffset: 7 }, mine]);
    expect(reply.topics[0]?.partitions.map((row) => row.errorCode)).toEqual([0, 0]);
    expect(harness.engine.levels.slice(frames)).toEqual([Level.durable]);
    expect(await fetched(harness, 'g', [1])).toMatchObject([
      { committedOffset: 42, committedLeaderEpoch: 3, metadata: 'note', errorCode: 0 },
    ]);
  });

  it('that were never made are -1 without an error, for unknown groups, topics and partitions (rule 42)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const none = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 };
    expect(await fetched(harness, 'nobody', [0])).toMatchObject([none]);
    await commit(harness, 'g', [{ partitionIndex: 0, committedOffset: 7 }]);
    expect(await fetched(harness, 'g', [9])).toMatchObject([none]);
  });

  it('are all told when no topics are named, for several groups at once from version 8', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    await commit(harness, 'g', [
      { partitionIndex: 0, committedOffset: 7 },
      { partitionIndex: 1, committedOffset: 8 },
    ]);
    const reply = await harness.ask(offsetFetchApi, 8, {
      groups: [
        { groupId: 'g', topics: null },
        { groupId: 'other', topics: [{ name: 't', partitionIndexes: [0] }] },
      ],
    });
    expect(reply.groups.map((group) => [group.groupId, group.errorCode])).toEqual([
      ['g', 0],
      ['other', 0],
    ]);
    expect(reply.groups[0]?.topics[0]?.partitions.map((row) => row.committedOffset)).toEqual([7, 8]);
    expect(reply.groups[1]?.topics[0]?.partitions[0]?.committedOffset).toBe(-1);
    const before8 = await harness.ask(offsetFetchApi, 2, { groupId: 'g', topics: null });
    expect(before8.topics[0]?.partitions.map((row) => row.committedOffset)).toEqual([7, 8]);
  });

  it('of a partition that is refused do not hold back the others', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const long = { partitionIndex: 0, committedOffset: 1, committedMetadata: 'x'.repeat(4097) };
    expect((await commit(harness, 'g', [long])).topics[0]?.partitions[0]?.errorCode).toBe(12);
    const reply = await commit(harness, 'g', [
      { partitionIndex: 5, committedOffset: 1 },
      { partitionIndex: 0, committedOffset: 2, committedMetadata: 'x'.repeat(4096) },
    ]);
    expect(reply.topics[0]?.partitions.map((row) => row.errorCode)).toEqual([3, 0]);
    expect((await fetched(harness, 'g', [0]))?.[0]?.committedOffset).toBe(2);
  });

  it('from outside are refused while the group has members (rule 42)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const protocols = [{ name: 'range', metadata: new Uint8Array(2) }];
    const join = { groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols };
    await harness.ask(joinGroupApi, 3, join);
    const reply = await commit(harness, 'g', [{ partitionIndex: 0, committedOffset: 7 }]);
    expect(reply.topics[0]?.partitions[0]?.errorCode).toBe(25);
    expect((await fetched(harness, 'g', [0]))?.[0]?.committedOffset).toBe(-1);
  });

  it('with a generation of a group this node does not know are ILLEGAL_GENERATION', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const partitions = [{ partitionIndex: 0, committedOffset: 7 }];
    const request = { groupId: 'g', generationIdOrMemberEpoch: 4, memberId: 'm', topics: [{ name: 't', partitions }] };
    const reply = await harness.ask(offsetCommitApi, 8, request);
    expect(reply.topics[0]?.partitions[0]?.errorCode).toBe(22);
  });

  it('that could not be stored are told as such, and are not visible', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    harness.engine.refuseNext.push(Code.poisoned);
    const reply = await commit(harness, 'g', [{ partitionIndex: 0, committedOffset: 7 }]);
    expect(reply.topics[0]?.partitions[0]?.errorCode).toBe(15);
    expect((await fetched(harness, 'g', [0]))?.[0]?.committedOffset).toBe(-1);
  });

  it('of groups with awkward names are kept apart after a new start', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const names = ['a/t/0', 'a', 'a%2Ft%2F0', '', 'ü/%'];
    for (const [at, name] of names.entries()) await commit(harness, name, [{ partitionIndex: 0, committedOffset: at }]);
    const again = new CommittedOffsets(harness.engine);
    expect(names.map((name) => again.get(name, 't', 0)?.offset)).toEqual([0, 1, 2, 3, 4]);
  });

  describe('expire (rule 43)', () => {
    const MINUTE = 60_000;

    async function setUp(uses: Record<string, GroupUse>, version = 8, retentionTimeMs = -1n) {
      const harness = openHarness();
      await harness.topic('t');
      for (const groupId of Object.keys(uses)) {
        const partitions = [{ partitionIndex: 0, committedOffset: 1 }];
        const more = version < 5 ? { retentionTimeMs } : {};
        const topics = [{ name: 't', partitions }];
        await harness.ask(offsetCommitApi, version, { groupId, generationIdOrMemberEpoch: -1, topics, ...more });
      }
      const { offsets } = harness.broker.context;
      const emptied: string[] = [];
      const useOf = (group: string) => uses[group] as GroupUse;
      const expiry = new OffsetExpiry(offsets, useOf, 10 * MINUTE, (group) => emptied.push(group));
      const start = Date.now();
      const groupsAfter = async (minutes: number) => {
        expiry.check(start + minutes * MINUTE);
        await harness.engine.flush();
        return [...offsets.groups()].sort();
      };
      return { groupsAfter, emptied, start, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() };
    }

    it('of a group without members when it has been empty for the retention time, of a standalone one from its commit', async () => {
      await using scene = await setUp({
        empty: { kind: 'empty', sinceMs: Date.now() + 5 * MINUTE },
        standalone: { kind: 'standalone' },
      });
      expect(await scene.groupsAfter(9)).toEqual(['empty', 'standalone']);
      expect(await scene.groupsAfter(11)).toEqual(['empty']);
      expect(await scene.groupsAfter(14)).toEqual(['empty']);
      expect(await scene.groupsAfter(16)).toEqual([]);
      expect(scene.emptied).toEqual(['standalone', 'empty']);
    });

    it('of a group with members only for topics it is known not to read', async () => {
      await using scene = await setUp({
        reads: { kind: 'members', topics: new Set(['t']) },
        left: { kind: 'members', topics: new Set(['other']) },
        opaque: { kind: 'members', topics: undefined },
      });
      expect(await scene.groupsAfter(9)).toEqual(['left', 'opaque', 'reads']);
      expect(await scene.groupsAfter(1_000_000)).toEqual(['opaque', 'reads']);
    });

    it('at the time a commit of version 2 to 4 names, whatever the broker says', async () => {
      await using short = await setUp({ short: { kind: 'empty', sinceMs: 0 } }, 3, 60_000n);
      expect(await short.groupsAfter(0.9)).toEqual(['short']);
      expect(await short.groupsAfter(1.1)).toEqual([]);
      await using ever = await setUp({ ever: { kind: 'standalone' } }, 3, 2n ** 63n - 1n);
      expect(await ever.groupsAfter(9)).toEqual(['ever']);
      expect(await ever.groupsAfter(11)).toEqual([]);
    });
  });
});

describe('find coordinator', () => {
  it('leads every group to this node, one key or several', async () => {
    await using harness = openHarness();
    const one = await harness.ask(findCoordinatorApi, 2, { key: 'g', keyType: 0 });
    expect(one).toMatchObject({ errorCode: 0, nodeId: 1, host: '127.0.0.1', port: 9092 });
    const several = await harness.ask(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: ['g', 'h'] });
    expect(several.coordinators.map((row) => [row.key, row.nodeId])).toEqual([
      ['g', 1],
      ['h', 1],
    ]);
  });

  it('refuses types it does not know with a text that says so', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(findCoordinatorApi, 3, { key: 'share', keyType: 2 });
    expect(reply).toMatchObject({ errorCode: 42, errorMessage: 'coordinators of type 2 are not supported' });
  });
});
