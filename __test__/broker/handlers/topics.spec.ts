/** CreateTopics, DeleteTopics and Metadata: what exists, when it is visible, and what is refused. */
import { describe, expect, it } from 'vitest';
import type { Sparse } from '../../../ts/broker/protocol/api.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetCommitApi } from '../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { type CreateTopicsRequest, createTopicsApi } from '../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { Code, Level } from '../../../ts/io/native-types.ts';
import { type Harness, openHarness } from '../support/harness.ts';

type Topic = NonNullable<Sparse<CreateTopicsRequest>['topics']>[number];

async function create(harness: Harness, topics: Topic[], more: Sparse<CreateTopicsRequest> = {}) {
  const full = topics.map((topic) => ({ numPartitions: 1, replicationFactor: 1, ...topic }));
  return (await harness.ask(createTopicsApi, 7, { topics: full, ...more })).topics;
}

async function errorsOf(harness: Harness, topics: Topic[]): Promise<number[]> {
  return (await create(harness, topics)).map((row) => row.errorCode);
}

const namesOf = (harness: Harness) => [...harness.broker.context.catalogue.all()].map((topic) => topic.name).sort();

describe('authorized operations in metadata', () => {
  it('are everything there is when they are asked for, and the lowest number otherwise', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const asked = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true };
    const told = await harness.ask(metadataApi, 10, { topics: [{ name: 't' }], ...asked });
    expect([told.topics[0]?.topicAuthorizedOperations, told.clusterAuthorizedOperations]).toEqual([3576, 8096]);
    const silent = await harness.ask(metadataApi, 10, { topics: [{ name: 't' }] });
    expect([silent.topics[0]?.topicAuthorizedOperations, silent.clusterAuthorizedOperations]).toEqual([
      -(2 ** 31),
      -(2 ** 31),
    ]);
  });
});

describe('create topics', () => {
  it('answers when the topic is durable and usable (rule 48)', async () => {
    await using harness = openHarness();
    const [row] = await create(harness, [{ name: 't', numPartitions: 3 }]);
    expect(harness.engine.levels.at(-1)).toBe(Level.durable);
    expect(row).toMatchObject({ errorCode: 0, numPartitions: 3, replicationFactor: 1 });
    const metadata = await harness.ask(metadataApi, 12, { topics: [{ name: 't' }] });
    expect(metadata.topics[0]).toMatchObject({ errorCode: 0, topicId: row?.topicId });
    expect(metadata.topics[0]?.partitions.map((p) => [p.errorCode, p.leaderId])).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  it('takes -1 for the defaults of the broker (rule 46)', async () => {
    await using harness = openHarness({ 'num.partitions': 6 });
    const [row] = await create(harness, [{ name: 't', numPartitions: -1, replicationFactor: -1 }]);
    expect(row).toMatchObject({ errorCode: 0, numPartitions: 6, replicationFactor: 1 });
  });

  it('tells the settings in force with their source', async () => {
    await using harness = openHarness();
    const [row] = await create(harness, [{ name: 't', configs: [{ name: 'retention.ms', value: '1000' }] }]);
    const config = (name: string) => row?.configs?.find((entry) => entry.name === name);
    expect(config('retention.ms')).toMatchObject({ value: '1000', configSource: 1 });
    expect(config('max.message.bytes')).toMatchObject({ value: '1048588', configSource: 5 });
  });

  it('refuses names that Kafka refuses, and keeps twins in "." and "_" apart (rule 49)', async () => {
    await using harness = openHarness();
    const bad = ['', '.', '..', '../../x', 'a/b', 'a\nb', 'a\0b', 'ä', 'x'.repeat(250)];
    expect(
      await errorsOf(
        harness,
        bad.map((name) => ({ name })),
      ),
    ).toEqual(bad.map(() => 17));
    expect(await errorsOf(harness, [{ name: 'a.b' }, { name: 'a_b' }, { name: 'x'.repeat(249) }])).toEqual([0, 17, 0]);
    expect(await errorsOf(harness, [{ name: 'a_b' }])).toEqual([17]);
    expect(await errorsOf(harness, [{ name: 'Case' }, { name: 'case' }])).toEqual([0, 0]);
  });

  it('refuses what exists, what is named twice, and bad counts, each by its own error', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await errorsOf(harness, [{ name: 't' }])).toEqual([36]);
    expect(await errorsOf(harness, [{ name: 'u' }, { name: 'u' }, { name: 'v' }])).toEqual([42, 0]);
    expect(await errorsOf(harness, [{ name: 'w', numPartitions: 0 }])).toEqual([37]);
    expect(await errorsOf(harness, [{ name: 'w', numPartitions: 2_000_000_000 }])).toEqual([37]);
    expect(await errorsOf(harness, [{ name: 'w', replicationFactor: 0 }])).toEqual([38]);
    expect(namesOf(harness)).toEqual(['t', 'v']);
  });

  it('refuses unknown settings and bad values with INVALID_CONFIG (rule 46)', async () => {
    await using harness = openHarness();
    const wishes: [string, string | null][] = [
      ['no.such.key', '1'],
      ['retention.ms', 'soon'],
      ['retention.ms', '-2'],
      ['cleanup.policy', 'burn'],
      ['min.durability', 'maybe'],
      ['max.message.bytes', '99999999999'],
      ['retention.ms', null],
    ];
    const topics = wishes.map(([name, value], at) => ({ name: `t${at}`, configs: [{ name, value }] }));
    expect(await errorsOf(harness, topics)).toEqual(wishes.map(() => 40));
  });

  it('refuses a replication factor above 1, unless the broker is lenient; then there is 1 replica (rule 47)', async () => {
    await using strict = openHarness();
    expect(await errorsOf(strict, [{ name: 't', replicationFactor: 3 }])).toEqual([38]);
    await using lenient = openHarness({ 'replication.lenient': true });
    const [row] = await create(lenient, [{ name: 't', replicationFactor: 3 }]);
    expect(row).toMatchObject({ errorCode: 0, replicationFactor: 1 });
  });

  it('takes manual assignments to this broker (rule 46)', async () => {
    await using harness = openHarness();
    const manual = (name: string, assignments: [number, number[]][]) => ({
      name,
      numPartitions: -1,
      replicationFactor: -1,
      assignments: assignments.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
    });
    const [row] = await create(harness, [
      manual('t', [
        [0, [1]],
        [1, [1]],
      ]),
    ]);
    expect(row).toMatchObject({ errorCode: 0, numPartitions: 2 });
    expect(
      await errorsOf(harness, [
        manual('u', [[0, [2]]]),
        manual('v', [
          [0, [1]],
          [2, [1]],
        ]),
      ]),
    ).toEqual([39, 39]);
    expect(await errorsOf(harness, [{ ...manual('w', [[0, [1]]]), numPartitions: 4 }])).toEqual([42]);
  });

  it('creates nothing when it is only to validate', async () => {
    await using harness = openHarness();
    const [row] = await create(harness, [{ name: 't' }], { validateOnly: true });
    expect(row).toMatchObject({ errorCode: 0, numPartitions: 1, topicId: '0'.repeat(32) });
    expect(namesOf(harness)).toEqual([]);
  });

  it('is visible neither before it is durable nor when it failed', async () => {
    await using harness = openHarness();
    const call = harness.send(createTopicsApi, 7, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }] });
    expect(namesOf(harness)).toEqual([]);
    await call.reply();
    harness.engine.refuseNext.push(Code.noSpace);
    expect(await errorsOf(harness, [{ name: 'a.b' }])).toEqual([56]);
    expect(namesOf(harness)).toEqual(['t']);
    expect(await errorsOf(harness, [{ name: 'a_b' }])).toEqual([0]);
  });

  it('survives a new start of the broker on the same engine', async () => {
    await using harness = openHarness();
    const id = await harness.topic('t', 2, { 'retention.ms': '5' });
    const { TopicCatalogue } = await import('../../../ts/log/catalogue.ts');
    const again = new TopicCatalogue(harness.engine, () => 'f'.repeat(32), Date.now);
    expect(again.get('t')).toMatchObject({ id, config: new Map([['retention.ms', '5']]) });
    expect(again.get('t')?.partitions).toHaveLength(2);
  });
});

describe('delete topics', () => {
  it('removes the topic with its partitions and the offsets of every group, in one frame', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    await harness.topic('u');
    for (const name of ['t', 'u']) {
      const topics = [{ name, partitions: [{ partitionIndex: 0, committedOffset: 4 }] }];
      await harness.ask(offsetCommitApi, 8, { groupId: 'g', generationIdOrMemberEpoch: -1, topics });
    }
    const frames = harness.engine.levels.length;
    await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    expect(harness.engine.levels.length - frames).toBe(1);
    expect(namesOf(harness)).toEqual(['u']);
    expect([...harness.broker.context.offsets.ofGroup('g').keys()]).toEqual(['u']);
    const { CommittedOffsets } = await import('../../../ts/broker/groups/offsets.ts');
    expect([...new CommittedOffsets(harness.engine).ofGroup('g').keys()]).toEqual(['u']);
  });

  it('is refused for names and ids that are not there, and where it is switched off', async () => {
    await using harness = openHarness();
    const byName = await harness.ask(deleteTopicsApi, 5, { topicNames: ['nowhere'] });
    expect(byName.responses[0]?.errorCode).toBe(3);
    const byId = await harness.ask(deleteTopicsApi, 6, { topics: [{ name: null, topicId: 'a'.repeat(32) }] });
    expect(byId.responses[0]?.errorCode).toBe(100);
    await using off = openHarness({ 'delete.topic.enable': false });
    await off.topic('t');
    expect((await off.ask(deleteTopicsApi, 5, { topicNames: ['t'] })).responses[0]?.errorCode).toBe(73);
  });

  it('by id tells the name, and a topic created again has another id and other partitions (rule 54)', async () => {
    await using harness = openHarness();
    const first = await harness.topic('t');
    const partitions = harness.broker.context.catalogue.get('t')?.partitions;
    const reply = await harness.ask(deleteTopicsApi, 6, { topics: [{ name: null, topicId: first }] });
    expect(reply.responses[0]).toMatchObject({ errorCode: 0, name: 't' });
    expect(await harness.topic('t')).not.toBe(first);
    expect(harness.broker.context.catalogue.get('t')?.partitions).not.toEqual(partitions);
  });

  it('that fails leaves the topic as it was', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    harness.engine.refuseNext.push(Code.noSpace);
    const reply = await harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    expect(reply.responses[0]?.errorCode).toBe(56);
    expect(namesOf(harness)).toEqual(['t']);
  });
});

describe('metadata', () => {
  it('lists all topics for null, none for an empty list; in version 0 an empty list means all (rule 49)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const count = async (version: number, topics: { name: string }[] | null) =>
      (await harness.ask(metadataApi, version, { topics })).topics.length;
    expect([await count(9, null), await count(9, []), await count(0, [])]).toEqual([1, 0, 1]);
  });

  it('names this node as leader, controller and only broker (rule 3)', async () => {
    await using harness = openHarness({ 'node.id': 7 });
    await harness.topic('t');
    const reply = await harness.ask(metadataApi, 9, { topics: [{ name: 't' }] });
    expect(reply.brokers).toMatchObject([{ nodeId: 7, host: '127.0.0.1', port: 9092 }]);
    expect(reply).toMatchObject({ controllerId: 7, clusterId: harness.engine.recovery.directoryId });
    expect(reply.topics[0]?.partitions[0]).toMatchObject({ leaderId: 7, replicaNodes: [7], isrNodes: [7] });
    expect(reply.topics[0]?.partitions[0]?.leaderEpoch).toBe(harness.engine.recovery.incarnation);
    expect(reply.topics[0]?.topicAuthorizedOperations).toBe(-2147483648);
  });

  it('creates a topic that is asked for, complete in the answer, once for all who ask (rule 48)', async () => {
    await using harness = openHarness({ 'num.partitions': 2 });
    const asks = [1, 2, 3].map(() => harness.ask(metadataApi, 9, { topics: [{ name: 'new' }] }));
    for (const reply of await Promise.all(asks)) {
      expect(reply.topics[0]).toMatchObject({ errorCode: 0 });
      expect(reply.topics[0]?.partitions).toHaveLength(2);
    }
    expect(namesOf(harness)).toEqual(['new']);
    const topicData = [{ name: 'new', partitionData: [{ index: 1, records: null }] }];
    const produced = await harness.ask(produceApi, 9, { acks: -1, topicData });
    expect(produced.responses[0]?.partitionResponses[0]?.errorCode).toBe(87);
  });

  it('creates nothing when the request or the broker forbids it, nor a name that is none (rule 49)', async () => {
    await using harness = openHarness();
    const ask = async (h: Harness, name: string, allowAutoTopicCreation: boolean) => {
      const reply = await h.ask(metadataApi, 9, { topics: [{ name }], allowAutoTopicCreation });
      return reply.topics[0]?.errorCode;
    };
    expect(await ask(harness, 'x', false)).toBe(3);
    expect(await ask(harness, 'a b', true)).toBe(17);
    expect(namesOf(harness)).toEqual([]);
    await using off = openHarness({ 'auto.create.topics.enable': false });
    expect(await ask(off, 'x', true)).toBe(3);
    expect(namesOf(off)).toEqual([]);
  });

  it('finds topics by id from version 12', async () => {
    await using harness = openHarness();
    const topicId = await harness.topic('t');
    const reply = await harness.ask(metadataApi, 12, {
      topics: [
        { topicId, name: null },
        { topicId: 'b'.repeat(32), name: null },
      ],
    });
    expect(reply.topics.map((topic) => [topic.errorCode, topic.name])).toEqual([
      [0, 't'],
      [100, null],
    ]);
  });
});
