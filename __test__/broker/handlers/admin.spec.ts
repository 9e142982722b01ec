/** DeleteRecords, DescribeCluster, DescribeTopicPartitions, and the APIs that say that there is nothing to tell. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { describeGroupsApi } from '../../../ts/broker/protocol/gen/15-describe-groups.gen.ts';
import { deleteRecordsApi } from '../../../ts/broker/protocol/gen/21-delete-records.gen.ts';
import { describeAclsApi } from '../../../ts/broker/protocol/gen/29-describe-acls.gen.ts';
import { createAclsApi } from '../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { deleteAclsApi } from '../../../ts/broker/protocol/gen/31-delete-acls.gen.ts';
import { describeConfigsApi } from '../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { electLeadersApi } from '../../../ts/broker/protocol/gen/43-elect-leaders.gen.ts';
import { listPartitionReassignmentsApi } from '../../../ts/broker/protocol/gen/46-list-partition-reassignments.gen.ts';
import { describeClusterApi } from '../../../ts/broker/protocol/gen/60-describe-cluster.gen.ts';
import { describeTopicPartitionsApi } from '../../../ts/broker/protocol/gen/75-describe-topic-partitions.gen.ts';
import { Level } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

describe('delete records (rule 52)', () => {
  async function filled(config = {}): Promise<Harness> {
    const harness = openHarness();
    await harness.topic('t', 1, config);
    for (const value of ['a', 'b', 'c']) {
      const topicData = [{ name: 't', partitionData: [{ index: 0, records: encodeBatch([Buffer.from(value)]) }] }];
      await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
    }
    return harness;
  }

  const remove = async (harness: Harness, offset: number, partitionIndex = 0) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex, offset }] }];
    const reply = await harness.ask(deleteRecordsApi, 2, { topics, timeoutMs: 1000 });
    const row = reply.topics[0]?.partitions[0];
    return [row?.errorCode, row?.lowWatermark];
  };

  it('moves the start, durably, and tells the new low watermark', async () => {
    await using harness = await filled();
    expect(await remove(harness, 2)).toEqual([0, 2]);
    expect(harness.engine.levels.at(-1)).toBe(Level.durable);
    const partitions = [{ partitionIndex: 0, timestamp: -2n, currentLeaderEpoch: -1 }];
    const earliest = await harness.ask(listOffsetsApi, 7, { topics: [{ name: 't', partitions }] });
    expect(earliest.topics[0]?.partitions[0]?.offset).toBe(2);
  });

  it('takes -1 for the high watermark, and does nothing below the start', async () => {
    await using harness = await filled();
    expect(await remove(harness, -1)).toEqual([0, 3]);
    expect(await remove(harness, 1)).toEqual([0, 3]);
    expect(await remove(harness, -1)).toEqual([0, 3]);
  });

  it('refuses what lies beyond the end, unknown partitions, and topics that are only compacted', async () => {
    await using harness = await filled();
    expect(await remove(harness, 4)).toEqual([1, -1]);
    expect(await remove(harness, -2)).toEqual([1, -1]);
    expect(await remove(harness, 1, 7)).toEqual([3, -1]);
    const { catalogue } = harness.broker.context;
    await new Promise((resolve) => {
      catalogue.alter('t', () => ({ config: new Map([['cleanup.policy', 'compact']]), partitions: 1 }), resolve);
    });
    expect(await remove(harness, 1)).toEqual([44, -1]);
  });
});

describe('describe cluster', () => {
  it('tells this node, which is also the controller', async () => {
    await using harness = openHarness();
    const request = { includeClusterAuthorizedOperations: true, endpointType: 1 };
    expect(await harness.ask(describeClusterApi, 2, request)).toMatchObject({
      errorCode: 0,
      endpointType: 1,
      clusterId: harness.engine.recovery.directoryId,
      controllerId: 1,
      brokers: [{ brokerId: 1, host: '127.0.0.1', port: 9092, rack: null, isFenced: false }],
      clusterAuthorizedOperations: 8096,
    });
    expect((await harness.ask(describeClusterApi, 0, {})).clusterAuthorizedOperations).toBe(-(2 ** 31));
  });

  it('refuses other kinds of endpoints', async () => {
    await using harness = openHarness();
    expect((await harness.ask(describeClusterApi, 1, { endpointType: 2 })).errorCode).toBe(114);
    expect((await harness.ask(describeClusterApi, 1, { endpointType: 7 })).errorCode).toBe(115);
  });
});

describe('describe topic partitions', () => {
  async function pages(harness: Harness, names: string[], responsePartitionLimit: number) {
    const found: [string | null, number, number[]][][] = [];
    let cursor: { topicName: string; partitionIndex: number } | null = null;
    for (;;) {
      const topics = names.map((name) => ({ name }));
      const reply: Awaited<ReturnType<typeof ask>> = await ask(topics, cursor);
      found.push(reply.topics.map((row) => [row.name, row.errorCode, row.partitions.map((p) => p.partitionIndex)]));
      if (reply.nextCursor === null) return found;
      cursor = reply.nextCursor;
    }
    function ask(topics: { name: string }[], from: typeof cursor) {
      return harness.ask(describeTopicPartitionsApi, 0, { topics, responsePartitionLimit, cursor: from });
    }
  }

  it('pages through all topics in order, no page above the limit, nothing twice', async () => {
    await using harness = openHarness();
    await harness.topic('b', 3);
    await harness.topic('a', 2);
    await harness.topic('c', 1);
    expect(await pages(harness, [], 100)).toEqual([
      [
        ['a', 0, [0, 1]],
        ['b', 0, [0, 1, 2]],
        ['c', 0, [0]],
      ],
    ]);
    expect(await pages(harness, [], 2)).toEqual([
      [['a', 0, [0, 1]]],
      [['b', 0, [0, 1]]],
      [
        ['b', 0, [2]],
        ['c', 0, [0]],
      ],
    ]);
    expect((await pages(harness, [], 0)).flat()).toHaveLength(6);
  });

  it('tells unknown and impossible topics by themselves', async () => {
    await using harness = openHarness();
    await harness.topic('a');
    expect(await pages(harness, ['x', 'a', 'a/b'], 10)).toEqual([
      [
        ['a', 0, [0]],
        ['a/b', 17, []],
        ['x', 3, []],
      ],
    ]);
  });
});

describe('what there is not', () => {
  it('access control: SECURITY_DISABLED (rule 53)', async () => {
    await using harness = openHarness();
    const filter = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 };
    const reply = await harness.ask(describeAclsApi, 3, filter);
    expect(reply).toMatchObject({ errorCode: 54, resources: [] });
    expect(reply.errorMessage).toContain('No Authorizer');
    const rule = {
      resourceType: 2,
      resourceName: 't',
      principal: 'User:a',
      host: '*',
      operation: 3,
      permissionType: 3,
    };
    const created = await harness.ask(createAclsApi, 3, { creations: [rule, rule] });
    expect(created.results.map((row) => row.errorCode)).toEqual([54, 54]);
    const any = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 };
    const deleted = await harness.ask(deleteAclsApi, 1, { filters: [any] });
    expect(deleted.filterResults).toMatchObject([{ errorCode: 54, matchingAcls: [] }]);
  });

  it('elections: none is needed, and unknown partitions are told apart', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const topicPartitions = [{ topic: 't', partitions: [0, 1] }];
    const reply = await harness.ask(electLeadersApi, 2, { topicPartitions });
    expect(reply.replicaElectionResults[0]?.partitionResult.map((row) => row.errorCode)).toEqual([84, 3]);
    expect((await harness.ask(electLeadersApi, 0, { topicPartitions: null })).replicaElectionResults).toEqual([]);
  });

  it('reassignments: an empty list', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(listPartitionReassignmentsApi, 0, { topics: null });
    expect(reply).toMatchObject({ errorCode: 0, topics: [] });
  });
});

describe('a name that is repeated without end', () => {
  it('is answered once, so that a small request does not become a large reply', async () => {
    await using harness = openHarness();
    await harness.topic('t', 100);
    const times = 20_000;
    const topics = Array.from({ length: times }, () => ({ name: 't' }));
    expect((await harness.ask(metadataApi, 9, { topics })).topics).toHaveLength(1);
    const resources = Array.from({ length: times }, () => ({ resourceType: 2, resourceName: 't' }));
    expect((await harness.ask(describeConfigsApi, 4, { resources })).results).toHaveLength(1);
    const groups = Array.from({ length: times }, () => 'g');
    expect((await harness.ask(describeGroupsApi, 5, { groups })).groups).toHaveLength(1);
    const paged = await harness.ask(describeTopicPartitionsApi, 0, { topics, responsePartitionLimit: 2000 });
    expect(paged.topics).toHaveLength(1);
  });
});
