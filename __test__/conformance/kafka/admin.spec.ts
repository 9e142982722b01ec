/** What administrators do, with two clients that were not written by us: kafkajs and @platformatic/kafka. */
import { Admin } from '@platformatic/kafka';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ConfigResourceTypes,
  ResourcePatternTypes,
} from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, freshName, kafkaClient, openBroker } from '../../support/broker.ts';

const TOPIC = 2;
const SET = 0;
const APPEND = 2;

let broker: Broker;
beforeAll(async () => {
  broker = await openBroker();
});
afterAll(() => broker[Symbol.asyncDispose]());

/** Writes `count` records into partition 0 of `topic`. */
async function fill(topic: string, count: number): Promise<void> {
  const producer = kafkaClient(broker).producer();
  await producer.connect();
  const messages = Array.from({ length: count }, (_, index) => ({ partition: 0, value: String(index) }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

/** Reads `topic` to its end as a member of `group`, and leaves. */
async function readAsGroup(topic: string, groupId: string, count: number): Promise<void> {
  const consumer = kafkaClient(broker).consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async () => {
        seen += 1;
        if (seen === count) resolve();
      },
    });
  });
  await consumer.disconnect();
}

describe('kafkajs as administrator', () => {
  const admin = () => kafkaClient(broker).admin();

  it('adds partitions, changes settings, removes records and sees what it did', async () => {
    const topic = await createTopic(broker, 'altered');
    await fill(topic, 5);
    const client = admin();
    await client.connect();
    try {
      await client.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
      const { topics } = await client.fetchTopicMetadata({ topics: [topic] });
      expect(topics[0]?.partitions).toHaveLength(3);
      const type = ConfigResourceTypes.TOPIC;
      const configEntries = [{ name: 'retention.ms', value: '123456' }];
      await client.alterConfigs({ validateOnly: false, resources: [{ type, name: topic, configEntries }] });
      const described = await client.describeConfigs({ includeSynonyms: false, resources: [{ type, name: topic }] });
      const entry = described.resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms');
      expect(entry).toMatchObject({ configValue: '123456', isDefault: false });
      await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      const offsets = await client.fetchTopicOffsets(topic);
      expect(offsets.find(({ partition }) => partition === 0)).toMatchObject({ low: '3', high: '5' });
    } finally {
      await client.disconnect();
    }
  });

  it('lists, describes and deletes groups', { timeout: 30_000 }, async () => {
    const topic = await createTopic(broker, 'grouped');
    const groupId = freshName('group');
    await fill(topic, 2);
    await readAsGroup(topic, groupId, 2);
    const client = admin();
    await client.connect();
    try {
      const { groups } = await client.listGroups();
      expect(groups).toContainEqual({ groupId, protocolType: 'consumer' });
      const described = await client.describeGroups([groupId]);
      expect(described.groups[0]).toMatchObject({ groupId, state: 'Empty', members: [] });
      expect(await client.deleteGroups([groupId])).toMatchObject([{ groupId, errorCode: 0 }]);
      expect((await client.listGroups()).groups.map((group) => group.groupId)).not.toContain(groupId);
    } finally {
      await client.disconnect();
    }
  });

  it('sees the cluster, no reassignment, and that there is no access control', async () => {
    const client = admin();
    await client.connect();
    try {
      const { brokers, controller } = await client.describeCluster();
      expect(brokers.map((node) => node.nodeId)).toContain(controller);
      expect((await client.listPartitionReassignments({})).topics).toEqual([]);
      const filter = {
        resourceType: AclResourceTypes.ANY,
        resourcePatternType: ResourcePatternTypes.ANY,
        operation: AclOperationTypes.ANY,
        permissionType: AclPermissionTypes.ANY,
      };
      await expect(client.describeAcls(filter)).rejects.toMatchObject({ type: 'SECURITY_DISABLED' });
    } finally {
      await client.disconnect();
    }
  });
});

describe('@platformatic/kafka as administrator', () => {
  function open(): Admin {
    return new Admin({ clientId: 'conformance', bootstrapBrokers: [broker.address] });
  }

  it('changes single settings and appends to lists', async () => {
    const topic = await createTopic(broker, 'incremental');
    const client = open();
    try {
      await client.incrementalAlterConfigs({
        resources: [
          {
            resourceType: TOPIC,
            resourceName: topic,
            configs: [
              { name: 'retention.ms', configOperation: SET, value: '9000' },
              { name: 'cleanup.policy', configOperation: APPEND, value: 'compact' },
            ],
          },
        ],
      });
      const [described] = await client.describeConfigs({ resources: [{ resourceType: TOPIC, resourceName: topic }] });
      const value = (name: string) => described?.configs.find((config) => config.name === name)?.value;
      expect([value('retention.ms'), value('cleanup.policy')]).toEqual(['9000', 'delete,compact']);
    } finally {
      await client.close();
    }
  });

  it('removes offsets of a group, then the group', { timeout: 30_000 }, async () => {
    const kept = await createTopic(broker, 'kept');
    const dropped = await createTopic(broker, 'dropped');
    const groupId = freshName('offsets');
    for (const topic of [kept, dropped]) {
      await fill(topic, 1);
      await readAsGroup(topic, groupId, 1);
    }
    const client = open();
    try {
      await client.deleteConsumerGroupOffsets({ groupId, topics: [{ name: dropped, partitionIndexes: [0] }] });
      const groups = await client.describeGroups({ groups: [groupId] });
      expect(groups.get(groupId)).toMatchObject({ id: groupId, state: 'EMPTY' });
      const reader = kafkaClient(broker).admin();
      await reader.connect();
      const offsets = await reader.fetchOffsets({ groupId, topics: [kept, dropped] });
      await reader.disconnect();
      const offsetOf = (topic: string) => offsets.find((row) => row.topic === topic)?.partitions[0]?.offset;
      expect([offsetOf(kept), offsetOf(dropped)]).toEqual(['1', '-1']);
      await client.deleteGroups({ groups: [groupId] });
      expect([...(await client.listGroups()).keys()]).not.toContain(groupId);
    } finally {
      await client.close();
    }
  });
});
