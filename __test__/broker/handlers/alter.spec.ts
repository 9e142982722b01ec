/** AlterConfigs, IncrementalAlterConfigs and CreatePartitions: what changes of a topic, and that it is all or nothing. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { alterConfigsApi } from '../../../ts/broker/protocol/gen/33-alter-configs.gen.ts';
import { createPartitionsApi } from '../../../ts/broker/protocol/gen/37-create-partitions.gen.ts';
import { incrementalAlterConfigsApi } from '../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];
const TOPIC = 2;

type Config = { name: string; value: string | null };
type Change = Config & { configOperation: number };

const configOf = (harness: Harness, name = 't') =>
  Object.fromEntries(harness.broker.context.catalogue.get(name)?.config ?? []);

async function replace(harness: Harness, configs: Config[], more = {}, resourceName = 't') {
  const resources = [{ resourceType: TOPIC, resourceName, configs }];
  return (await harness.ask(alterConfigsApi, 2, { resources, ...more })).responses[0]?.errorCode;
}

async function change(
  harness: Harness,
  changes: [name: string, operation: number | undefined, value: string | null][],
  more = {},
) {
  const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }) as Change);
  const resources = [{ resourceType: TOPIC, resourceName: 't', configs }];
  return (await harness.ask(incrementalAlterConfigsApi, 1, { resources, ...more })).responses[0]?.errorCode;
}

describe('alter configs (rule 51)', () => {
  it('gives a topic exactly the settings named, and they are in force at once', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'retention.ms': '5', 'segment.bytes': '100000' });
    expect(await replace(harness, [{ name: 'max.message.bytes', value: '80' }])).toBe(0);
    expect(configOf(harness)).toEqual({ 'max.message.bytes': '80' });
    const records = encodeBatch([Buffer.alloc(100)]);
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
    const reply = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
    expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(10);
  });

  it('refuses unknown names, bad values, missing values and other resources, and changes nothing then', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'retention.ms': '5' });
    const good = { name: 'max.message.bytes', value: '80' };
    expect(await replace(harness, [good, { name: 'no.such', value: '1' }])).toBe(40);
    expect(await replace(harness, [good, { name: 'retention.ms', value: 'soon' }])).toBe(40);
    expect(await replace(harness, [good, { name: 'retention.ms', value: null }])).toBe(42);
    expect(await replace(harness, [good], {}, 'unknown')).toBe(3);
    expect(await replace(harness, [good], {}, 'a/b')).toBe(17);
    for (const resourceType of [8, 16, 32]) {
      const resources = [{ resourceType, resourceName: '1', configs: [good] }];
      expect((await harness.ask(alterConfigsApi, 2, { resources })).responses[0]?.errorCode).toBe(42);
    }
    const once = { resourceType: TOPIC, resourceName: 't', configs: [good] };
    const { responses } = await harness.ask(alterConfigsApi, 2, { resources: [once, once] });
    expect(responses.map((row) => row.errorCode)).toEqual([42, 42]);
    expect(configOf(harness)).toEqual({ 'retention.ms': '5' });
  });

  it('only looks when asked to validate, and stores nothing when the engine refuses', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await replace(harness, [{ name: 'retention.ms', value: '5' }], { validateOnly: true })).toBe(0);
    expect(await replace(harness, [{ name: 'retention.ms', value: 'x' }], { validateOnly: true })).toBe(40);
    harness.engine.refuseNext.push(Code.noSpace);
    expect(await replace(harness, [{ name: 'retention.ms', value: '5' }])).toBe(56);
    expect(configOf(harness)).toEqual({});
  });
});

describe('incremental alter configs (rule 51)', () => {
  it('sets and deletes single settings and leaves the others', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'retention.ms': '5', 'segment.bytes': '100000' });
    expect(
      await change(harness, [
        ['max.message.bytes', SET, '80'],
        ['retention.ms', DELETE, null],
      ]),
    ).toBe(0);
    expect(configOf(harness)).toEqual({ 'max.message.bytes': '80', 'segment.bytes': '100000' });
  });

  it('appends to and subtracts from lists, beginning with what is in force', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await change(harness, [['cleanup.policy', APPEND, 'compact']])).toBe(0);
    expect(configOf(harness)).toEqual({ 'cleanup.policy': 'delete,compact' });
    expect(await change(harness, [['cleanup.policy', APPEND, 'compact']])).toBe(0);
    expect(await change(harness, [['cleanup.policy', SUBTRACT, 'delete']])).toBe(0);
    expect(configOf(harness)).toEqual({ 'cleanup.policy': 'compact' });
    expect(await change(harness, [['retention.ms', APPEND, '5']])).toBe(40);
    expect(await change(harness, [['cleanup.policy', 9, 'compact']])).toBe(42);
  });

  it('makes all changes of a resource or none', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'retention.ms': '5' });
    const good = ['max.message.bytes', SET, '80'] as [string, number, string];
    expect(await change(harness, [good, ['no.such', DELETE, null]])).toBe(40);
    expect(await change(harness, [good, good])).toBe(42);
    expect(await change(harness, [good, ['cleanup.policy', APPEND, 'burn']])).toBe(40);
    expect(await change(harness, [good], { validateOnly: true })).toBe(0);
    expect(configOf(harness)).toEqual({ 'retention.ms': '5' });
  });

  it('changes that come together do not undo each other', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const changes = [
      change(harness, [['retention.ms', SET, '5']]),
      change(harness, [['max.message.bytes', SET, '80']]),
      change(harness, [['cleanup.policy', APPEND, 'compact']]),
    ];
    expect(await Promise.all(changes)).toEqual([0, 0, 0]);
    expect(configOf(harness)).toEqual({
      'retention.ms': '5',
      'max.message.bytes': '80',
      'cleanup.policy': 'delete,compact',
    });
  });
});

describe('create partitions', () => {
  const ask = async (harness: Harness, count: number, more = {}, name = 't') => {
    const topics = [{ name, count, assignments: null, ...more }];
    return (await harness.ask(createPartitionsApi, 3, { topics, timeoutMs: 1000 })).results[0]?.errorCode;
  };

  it('adds partitions that take records at once and keep id and records of the topic', async () => {
    await using harness = openHarness();
    const id = await harness.topic('t', 2);
    expect(await ask(harness, 5)).toBe(0);
    const { topics } = await harness.ask(metadataApi, 12, { topics: [{ name: 't' }] });
    expect([topics[0]?.topicId, topics[0]?.partitions.length]).toEqual([id, 5]);
    const topicData = [{ name: 't', partitionData: [{ index: 4, records: encodeBatch([Buffer.from('a')]) }] }];
    const reply = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
    expect(reply.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 });
    const ids = harness.broker.context.catalogue.get('t')?.partitions ?? [];
    expect(new Set(ids).size).toBe(5);
  });

  it('refuses the same number, fewer, too many, wrong assignments and unknown topics (rule 46)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    expect(await ask(harness, 2)).toBe(37);
    expect(await ask(harness, 1)).toBe(37);
    expect(await ask(harness, -1)).toBe(37);
    expect(await ask(harness, 100_001)).toBe(37);
    expect(await ask(harness, 3, { assignments: [] })).toBe(39);
    expect(await ask(harness, 3, { assignments: [{ brokerIds: [2] }] })).toBe(39);
    expect(await ask(harness, 3, {}, 'unknown')).toBe(3);
    expect(await ask(harness, 3, {}, '..')).toBe(17);
    expect(await ask(harness, 3, { assignments: [{ brokerIds: [1] }] })).toBe(0);
  });

  it('answers one row a topic, also for one that is named twice, and only looks when asked to validate', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1);
    await harness.topic('u', 1);
    const topics = ['t', 't', 'u'].map((name) => ({ name, count: 2, assignments: null }));
    const { results } = await harness.ask(createPartitionsApi, 1, { topics, validateOnly: true });
    expect(results.map((row) => [row.name, row.errorCode])).toEqual([
      ['t', 42],
      ['u', 0],
    ]);
    expect(harness.broker.context.catalogue.get('u')?.partitions).toHaveLength(1);
  });

  it('waits for a deletion that is on its way, and does not bring the topic back', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1);
    const deleted = harness.ask(deleteTopicsApi, 5, { topicNames: ['t'] });
    expect(await ask(harness, 2)).toBe(3);
    expect((await deleted).responses[0]?.errorCode).toBe(0);
    expect(harness.broker.context.catalogue.get('t')).toBeUndefined();
  });
});
