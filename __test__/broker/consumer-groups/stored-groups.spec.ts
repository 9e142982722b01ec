/** Newer groups across the end of the process: members go on where they were, and nobody is told what could be lost. */
import { describe, expect, it } from 'vitest';
import { decodeConsumerMember } from '../../../ts/broker/consumer-groups/consumer-group-record.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { consumerGroupHeartbeatApi } from '../../../ts/broker/protocol/gen/68-consumer-group-heartbeat.gen.ts';
import { consumerGroupDescribeApi } from '../../../ts/broker/protocol/gen/69-consumer-group-describe.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { consumerGroupPrefix, parseConsumerGroupKey } from '../../../ts/log/state-keys.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const GROUP = 'g';

/** A member as its client remembers it. */
class Client {
  readonly #id: string;
  epoch = 0;
  owned: { topicId: string; partitions: number[] }[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  /** One heartbeat; the error. */
  async beat(harness: Harness, more: object = {}): Promise<number> {
    const isJoin = this.epoch === 0;
    const reply = await harness.ask(consumerGroupHeartbeatApi, 1, {
      groupId: GROUP,
      memberId: this.#id,
      memberEpoch: this.epoch,
      rebalanceTimeoutMs: isJoin ? 60_000 : -1,
      subscribedTopicNames: isJoin ? ['t'] : null,
      topicPartitions: isJoin ? [] : this.owned,
      ...more,
    });
    if (reply.errorCode !== 0) return reply.errorCode;
    this.epoch = reply.memberEpoch;
    if (reply.assignment !== null) this.owned = reply.assignment.topicPartitions;
    return 0;
  }

  get partitions(): number[] {
    return this.owned.flatMap(({ partitions }) => partitions);
  }
}

/** Cuts the power under a broker and opens another one on the same disk. */
async function cutAndReopen(harness: Harness): Promise<Harness> {
  const { disk } = harness.engine;
  harness.engine.cutPower();
  await harness.broker.close();
  return openHarness({}, { sim: disk });
}

async function described(harness: Harness) {
  const reply = await harness.ask(consumerGroupDescribeApi, 1, { groupIds: [GROUP] });
  const [group] = reply.groups;
  return { state: group?.groupState, epoch: group?.groupEpoch, members: group?.members.map((one) => one.memberEpoch) };
}

function storedKeys(harness: Harness): (string | undefined)[] {
  return harness.engine.scanState(consumerGroupPrefix()).map(([key]) => parseConsumerGroupKey(key)?.member ?? '');
}

async function two(harness: Harness): Promise<[Client, Client]> {
  await harness.topic('t', 4);
  const [a, b] = [new Client('a'), new Client('b')];
  await a.beat(harness);
  await b.beat(harness);
  for (let round = 0; round < 3; round += 1) for (const one of [a, b]) await one.beat(harness);
  return [a, b];
}

describe('a group of the newer protocol, stored', () => {
  it('is the same after a power cut: members go on in their epoch with what they have (rule 45)', async () => {
    const before = openHarness();
    const [a, b] = await two(before);
    expect([...a.partitions, ...b.partitions].sort()).toEqual([0, 1, 2, 3]);
    const seen = await described(before);
    const after = await cutAndReopen(before);
    await using _ = after;
    expect(await described(after)).toEqual(seen);
    const had = [a.partitions, b.partitions];
    expect([await a.beat(after), await b.beat(after)]).toEqual([0, 0]);
    expect([a.partitions, b.partitions]).toEqual(had);
    expect(await described(after)).toEqual(seen);
  });

  it('gives a partition to nobody else while its owner may still have it, also across a power cut', async () => {
    const before = openHarness();
    await before.topic('t', 4);
    const [a, b] = [new Client('a'), new Client('b')];
    await a.beat(before);
    await b.beat(before);
    // `a` has all four and has not been told yet that two of them are to go.
    const after = await cutAndReopen(before);
    await using _ = after;
    expect(await b.beat(after)).toBe(0);
    expect([a.partitions.length, b.partitions]).toEqual([4, []]);
    for (let round = 0; round < 3; round += 1) for (const one of [a, b]) await one.beat(after);
    expect([...a.partitions, ...b.partitions].sort()).toEqual([0, 1, 2, 3]);
  });

  it('takes late commits of a member after a power cut as before it, and no others (KIP-1251)', async () => {
    const before = openHarness();
    await before.topic('t', 4);
    const [a, b] = [new Client('a'), new Client('b')];
    await a.beat(before);
    const first = a.epoch;
    const all = a.partitions;
    await b.beat(before);
    for (let round = 0; round < 3; round += 1) for (const one of [a, b]) await one.beat(before);
    const after = await cutAndReopen(before);
    await using _ = after;
    const commit = async (epoch: number, partitions: readonly number[]): Promise<number[]> => {
      const rows = partitions.map((partitionIndex) => ({ partitionIndex, committedOffset: 0, committedMetadata: '' }));
      const request = { groupId: GROUP, memberId: 'a', generationIdOrMemberEpoch: epoch };
      const reply = await after.ask(offsetCommitApi, 9, { ...request, topics: [{ name: 't', partitions: rows }] });
      return reply.topics.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode));
    };
    expect([first < a.epoch, a.partitions.length, all.length]).toEqual([true, 2, 4]);
    expect(await commit(first, a.partitions)).toEqual([0, 0]);
    expect(await commit(first - 1, a.partitions), 'STALE_MEMBER_EPOCH').toEqual([113, 113]);
    expect(await commit(first, all), 'two of them are not its own any more').toEqual([113, 113, 113, 113]);
    expect(await commit(first, [...a.partitions, 9]), 'a partition that is not there says nothing').toEqual([0, 0, 3]);
  });

  it('reads members that were stored before partitions had epochs: they have them since the epoch of the member', () => {
    const sets = { assigned: [{ topicId: 't', partitions: [0] }], revoking: [], target: [] };
    const stored = { v: 1, id: 'a', epoch: 7, state: 'stable', ...sets };
    expect(decodeConsumerMember(JSON.stringify(stored)).member.since).toEqual(new Map([['t', new Map([[0, 7]])]]));
    const paused = { ...stored, epoch: -2 };
    expect(decodeConsumerMember(JSON.stringify(paused)).member.since).toEqual(new Map([['t', new Map([[0, 0]])]]));
  });

  it('tells a member nothing that is not durable', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1);
    const a = new Client('a');
    harness.engine.refuseNext.push(Code.busy);
    expect(await a.beat(harness), 'COORDINATOR_NOT_AVAILABLE').toBe(15);
    expect(storedKeys(harness)).toEqual([]);
    expect(await a.beat(harness)).toBe(0);
    expect(storedKeys(harness)).toEqual(['', 'a']);
  });

  it('writes nothing for a heartbeat that changes nothing', async () => {
    await using harness = openHarness();
    const [a, b] = await two(harness);
    harness.engine.levels.length = 0;
    await a.beat(harness);
    await b.beat(harness);
    expect(harness.engine.levels).toEqual([]);
  });

  it('notices topics that grew while nobody served it', async () => {
    const before = openHarness();
    const [a, b] = await two(before);
    await before.broker.context.catalogue.alter(
      't',
      (topic) => ({ config: topic.config, partitions: 6 }),
      () => {},
    );
    await before.engine.flush();
    const after = await cutAndReopen(before);
    await using _ = after;
    for (let round = 0; round < 3; round += 1) for (const one of [a, b]) await one.beat(after);
    expect([...a.partitions, ...b.partitions].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('leaves no entry behind when the last member goes, unless it has offsets, whose time counts from then', async () => {
    await using harness = openHarness();
    const [a, b] = await two(harness);
    await b.beat(harness, { memberEpoch: -1 });
    expect(storedKeys(harness)).toEqual(['', 'a']);
    await a.beat(harness, { memberEpoch: -1 });
    expect(storedKeys(harness)).toEqual([]);
    const c = new Client('c');
    await c.beat(harness);
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }];
    const commit = { groupId: GROUP, memberId: 'c', generationIdOrMemberEpoch: c.epoch };
    const reply = await harness.ask(offsetCommitApi, 9, { ...commit, topics: [{ name: 't', partitions }] });
    expect(reply.topics[0]?.partitions[0]?.errorCode).toBe(0);
    await c.beat(harness, { memberEpoch: -1 });
    expect(storedKeys(harness)).toEqual(['']);
    const { consumerGroups } = harness.broker.context;
    expect(Date.now() - (consumerGroups.emptySinceMs(GROUP) ?? 0)).toBeLessThan(60_000);
    await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'], timeoutMs: 1000 });
    expect(storedKeys(harness)).toEqual([]);
  });
});
