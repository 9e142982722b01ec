/**
 * What kafbat's UI asks a cluster when it starts, replayed call by call.
 *
 * Sources: github.com/kafbat/kafka-ui at 34a30a1, `ReactiveAdminClient.create` (version and features),
 * `StatisticsService.getStatistics`, `FeatureService.getAvailableFeatures` and `ScrapedClusterState.scrape` (what every
 * page shows). It pins kafka-clients 7.9.5-ccs, which is 3.9; versions are those that the clients 3.9.1 chose here.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetFetchApi } from '../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { describeGroupsApi } from '../../../ts/broker/protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../../../ts/broker/protocol/gen/16-list-groups.gen.ts';
import { apiVersionsApi } from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { describeAclsApi } from '../../../ts/broker/protocol/gen/29-describe-acls.gen.ts';
import { describeConfigsApi } from '../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { describeLogDirsApi } from '../../../ts/broker/protocol/gen/35-describe-log-dirs.gen.ts';
import { describeClientQuotasApi } from '../../../ts/broker/protocol/gen/48-describe-client-quotas.gen.ts';
import { describeQuorumApi } from '../../../ts/broker/protocol/gen/55-describe-quorum.gen.ts';
import { describeClusterApi } from '../../../ts/broker/protocol/gen/60-describe-cluster.gen.ts';
import { describeProducersApi } from '../../../ts/broker/protocol/gen/61-describe-producers.gen.ts';
import { consumerGroupDescribeApi } from '../../../ts/broker/protocol/gen/69-consumer-group-describe.gen.ts';
import { describeTopicPartitionsApi } from '../../../ts/broker/protocol/gen/75-describe-topic-partitions.gen.ts';
import type { Harness } from '../support/harness.ts';
import { InterfaceClient, type Software } from './interface-client.ts';
import { openScene } from './scene.ts';

/** kafka-clients 3.9. */
const JAVA: Software = {
  name: 'apache-kafka-java',
  version: '3.9.1',
  greeting: 4,
  highest: {
    ApiVersions: 4,
    Metadata: 12,
    DescribeCluster: 1,
    DescribeConfigs: 4,
    DescribeAcls: 3,
    DescribeLogDirs: 4,
    DescribeTopicPartitions: 0,
    DescribeQuorum: 2,
    DescribeProducers: 0,
    DescribeClientQuotas: 1,
    ListGroups: 5,
    ListOffsets: 9,
    FindCoordinator: 6,
    ConsumerGroupDescribe: 0,
    DescribeGroups: 5,
    OffsetFetch: 9,
  },
};

const BROKER = 4;
const TOPIC = 2;
const ANY = 1;
const GROUP_ID_NOT_FOUND = 69;
const SECURITY_DISABLED = 54;
const ALTER_CLUSTER = 1 << 7;
const names = ['audit', 'orders'];

let harness: Harness;
let client: InterfaceClient;

beforeEach(async () => {
  harness = await openScene();
  client = await InterfaceClient.connect(harness, JAVA);
});
afterEach(() => harness[Symbol.asyncDispose]());

const anyAcl = {
  resourceTypeFilter: ANY,
  resourceNameFilter: null,
  patternTypeFilter: ANY,
  principalFilter: null,
  hostFilter: null,
  operation: ANY,
  permissionType: ANY,
};

const offsetsAt = (timestamp: bigint) => ({
  replicaId: -1,
  isolationLevel: 0,
  topics: [{ name: 'orders', partitions: [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp })) }],
});

describe("kafbat's UI", () => {
  it('finds out which Kafka it talks to, and so what it offers', async () => {
    const cluster = await client.ask(describeClusterApi, { endpointType: 1 });
    expect(cluster).toMatchObject({ errorCode: 0, controllerId: 1, brokers: [{ brokerId: 1 }] });
    expect(cluster.clusterId).not.toBe('');
    const resources = [{ resourceType: BROKER, resourceName: '1', configurationKeys: null }];
    const { results } = await client.ask(describeConfigsApi, { resources });
    const value = (key: string) => results[0]?.configs.find(({ name }) => name === key)?.value;
    // Below 2.6 it hides quotas and documentation, below 2.3 it changes settings the old way.
    expect(Number.parseFloat(value('inter.broker.protocol.version') ?? '')).toBeGreaterThanOrEqual(2.6);
    expect(value('delete.topic.enable')).toBe('true');
    const { finalizedFeatures } = await client.ask(apiVersionsApi, {
      clientSoftwareName: JAVA.name,
      clientSoftwareVersion: JAVA.version,
    });
    // Level 21 is its 3.9 (util/MetadataVersion.java).
    expect(finalizedFeatures?.find(({ name }) => name === 'metadata.version')?.maxVersionLevel).toBe(21);
    // This error, and no other, means to it that there are no access rules.
    expect((await client.ask(describeAclsApi, anyAcl)).errorCode).toBe(SECURITY_DISABLED);
    expect(client.asked).toEqual([
      'ApiVersions v4',
      'DescribeCluster v1',
      'DescribeConfigs v4',
      'ApiVersions v4',
      'DescribeAcls v3',
    ]);
  });

  it('shows brokers with their space, the quorum, and what it may do with the cluster', async () => {
    const asked = { endpointType: 1, includeClusterAuthorizedOperations: true };
    const { clusterAuthorizedOperations = 0 } = await client.ask(describeClusterApi, asked);
    expect(clusterAuthorizedOperations & ALTER_CLUSTER).not.toBe(0);
    const dirs = await client.ask(describeLogDirsApi, { topics: null });
    expect(dirs.results).toHaveLength(1);
    expect(dirs.results[0]?.topics.map(({ name }) => name).sort()).toEqual(names);
    expect(dirs.results[0]?.topics.flatMap(({ partitions }) => partitions)).toHaveLength(4);
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }];
    const quorum = await client.ask(describeQuorumApi, { topics });
    expect(quorum).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ errorCode: 0, leaderId: 1 }] }] });
    expect((await client.ask(describeClientQuotasApi, { components: [], strict: false })).errorCode).toBe(0);
  });

  it('shows topics with settings, offsets and producers', async () => {
    const everything = await client.ask(metadataApi, { topics: null, allowAutoTopicCreation: true });
    expect(everything.topics.map(({ name }) => name).sort()).toEqual(names);
    const described = await client.ask(describeTopicPartitionsApi, {
      topics: names.map((name) => ({ name })),
      responsePartitionLimit: 2000,
    });
    expect(described.topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.length])).toEqual([
      ['audit', 0, 1],
      ['orders', 0, 3],
    ]);
    // A partition without a leader would make it leave out the whole topic.
    expect(described.topics.flatMap(({ partitions }) => partitions).every(({ leaderId }) => leaderId === 1)).toBe(true);
    const resources = names.map((resourceName) => ({ resourceType: TOPIC, resourceName, configurationKeys: null }));
    const { results } = await client.ask(describeConfigsApi, { resources, includeSynonyms: true });
    expect(results.map(({ errorCode, configs }) => [errorCode, configs.length > 20])).toEqual([
      [0, true],
      [0, true],
    ]);
    for (const [timestamp, expected] of [
      [-1n, [1, 0, 0]],
      [-2n, [0, 0, 0]],
    ] as const) {
      const [topic] = (await client.ask(listOffsetsApi, offsetsAt(timestamp))).topics;
      expect(topic?.partitions.map(({ offset }) => offset)).toEqual(expected);
    }
    const producers = await client.ask(describeProducersApi, { topics: [{ name: 'orders', partitionIndexes: [0] }] });
    expect(producers.topics[0]?.partitions[0]?.errorCode).toBe(0);
  });

  it('shows groups of either protocol with their members and offsets', async () => {
    const { groups } = await client.ask(listGroupsApi, {});
    expect(groups).toMatchObject([{ groupId: 'billing', protocolType: 'consumer', groupState: 'Stable' }]);
    const { coordinators } = await client.ask(findCoordinatorApi, { keyType: 0, coordinatorKeys: ['billing'] });
    expect(coordinators).toMatchObject([{ errorCode: 0, nodeId: 1 }]);
    // It asks for a group of the newer protocol first; this error sends it to the older one.
    const newer = await client.ask(consumerGroupDescribeApi, { groupIds: ['billing'] });
    expect(newer.groups[0]?.errorCode).toBe(GROUP_ID_NOT_FOUND);
    const older = await client.ask(describeGroupsApi, { groups: ['billing'] });
    expect(older.groups[0]).toMatchObject({ errorCode: 0, groupState: 'Stable', members: [{ clientId: 'test' }] });
    expect(older.groups[0]?.members[0]?.memberAssignment.length).toBeGreaterThan(0);
    const fetched = await client.ask(offsetFetchApi, { groups: [{ groupId: 'billing', topics: null }] });
    expect(fetched.groups?.[0]?.topics).toMatchObject([
      { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1, errorCode: 0 }] },
    ]);
  });
});
