/**
 * What Redpanda Console asks a cluster when it starts and for its first pages, replayed call by call.
 *
 * Sources: github.com/redpanda-data/console, backend/pkg/console: `getKafkaOverview` (overview_kafka.go),
 * `GetEndpointCompatibility` (endpoint_compatibility.go), `GetAllBrokerConfigs` (broker_config.go), `logDirsByTopic`
 * (log_dir_topic.go), `GetTopicsOverview` (topic_overview.go), `getConsumerGroupOffsets` (consumer_group_offsets.go).
 * Its client is franz-go; versions are those that franz-go 1.22.2 with kadm 1.19.0 chose here.
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
import { listPartitionReassignmentsApi } from '../../../ts/broker/protocol/gen/46-list-partition-reassignments.gen.ts';
import { describeClientQuotasApi } from '../../../ts/broker/protocol/gen/48-describe-client-quotas.gen.ts';
import { describeUserScramCredentialsApi } from '../../../ts/broker/protocol/gen/50-describe-user-scram-credentials.gen.ts';
import { listTransactionsApi } from '../../../ts/broker/protocol/gen/66-list-transactions.gen.ts';
import type { Harness } from '../support/harness.ts';
import { InterfaceClient, type Software } from './interface-client.ts';
import { openScene } from './scene.ts';

const FRANZ: Software = {
  name: 'kgo',
  version: 'v1.22.2',
  greeting: 0,
  highest: {
    ApiVersions: 4,
    Metadata: 13,
    DescribeAcls: 3,
    DescribeConfigs: 4,
    DescribeLogDirs: 4,
    ListGroups: 5,
    DescribeGroups: 6,
    FindCoordinator: 6,
    OffsetFetch: 9,
    ListOffsets: 10,
    DescribeClientQuotas: 1,
    DescribeUserScramCredentials: 0,
    ListPartitionReassignments: 0,
    ListTransactions: 2,
  },
};

const BROKER = 4;
const TOPIC = 2;
const ANY = 1;
const SECURITY_DISABLED = 54;
/** A page is hidden unless every API it needs is served: numbers as Kafka has them. */
const pages: readonly (readonly [page: string, ...needs: readonly number[]])[] = [
  ['cluster settings', 32],
  ['consumer groups', 15, 16],
  ['delete records', 21],
  ['edit offsets', 8],
  ['delete groups', 42],
  ['delete offsets', 47],
  ['reassignments', 46],
  ['reassign partitions', 44, 45],
  ['quotas', 48],
  ['users', 50],
  ['change users', 51],
];

let harness: Harness;
let client: InterfaceClient;

beforeEach(async () => {
  harness = await openScene();
  client = await InterfaceClient.connect(harness, FRANZ);
});
afterEach(() => harness[Symbol.asyncDispose]());

describe('Redpanda Console', () => {
  it('finds the cluster healthy on its overview', async () => {
    const { brokers, topics, controllerId } = await client.ask(metadataApi, { topics: null });
    expect([brokers.length, controllerId, topics.length]).toEqual([1, 1, 2]);
    // It looks at the replicas of the first partition of every topic.
    for (const { errorCode, partitions } of topics) {
      expect([errorCode, partitions[0]?.replicaNodes, partitions[0]?.isrNodes]).toEqual([0, [1], [1]]);
    }
    const software = { clientSoftwareName: FRANZ.name, clientSoftwareVersion: FRANZ.version };
    const { errorCode, apiKeys } = await client.ask(apiVersionsApi, software);
    expect(errorCode).toBe(0);
    const served = new Set(apiKeys.map(({ apiKey }) => apiKey));
    expect(pages.filter(([, ...needs]) => !needs.every((key) => served.has(key)))).toEqual([]);
    const acls = await client.ask(describeAclsApi, {
      resourceTypeFilter: ANY,
      resourceNameFilter: null,
      patternTypeFilter: ANY,
      principalFilter: null,
      hostFilter: null,
      operation: ANY,
      permissionType: ANY,
    });
    // Its way to know that there is no authorizer (list_acls.go).
    expect(acls.errorCode).toBe(SECURITY_DISABLED);
    expect(client.asked).toEqual(['ApiVersions v0', 'Metadata v12', 'ApiVersions v4', 'DescribeAcls v3']);
  });

  it('shows the broker with its space and its settings', async () => {
    const dirs = await client.ask(describeLogDirsApi, { topics: null });
    const sizes = dirs.results.flatMap(({ topics }) => topics).flatMap(({ partitions }) => partitions);
    // A replica that is missing here makes it say that sizes are wrong.
    expect(sizes).toHaveLength(4);
    const resources = [{ resourceType: BROKER, resourceName: '1', configurationKeys: null }];
    const asked = { resources, includeSynonyms: true, includeDocumentation: true };
    const { results } = await client.ask(describeConfigsApi, asked);
    expect(results[0]?.errorCode).toBe(0);
    // Null stands for what is secret: its pages take every other value for text.
    expect(results[0]?.configs.filter(({ value, isSensitive }) => value === null && !isSensitive)).toEqual([]);
  });

  it('shows topics with their policy, and offsets from end to end', async () => {
    const resources = ['orders', 'audit'].map((resourceName) => {
      return { resourceType: TOPIC, resourceName, configurationKeys: ['cleanup.policy'] };
    });
    const { results } = await client.ask(describeConfigsApi, { resources, includeSynonyms: true });
    expect(results.map(({ configs }) => configs[0]?.value)).toEqual(['delete', 'compact']);
    for (const [timestamp, expected] of [
      [-2n, 0],
      [-1n, 1],
    ] as const) {
      const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }];
      const topics = [{ name: 'orders', partitions }];
      const listed = await client.ask(listOffsetsApi, { replicaId: -1, isolationLevel: 0, topics });
      expect(listed.topics[0]?.partitions[0]).toMatchObject({ errorCode: 0, offset: expected });
    }
  });

  it('shows groups with members, offsets and lag', async () => {
    const { groups } = await client.ask(listGroupsApi, {});
    expect(groups.map(({ groupId, groupState }) => [groupId, groupState])).toEqual([['billing', 'Stable']]);
    const found = await client.ask(findCoordinatorApi, { keyType: 0, coordinatorKeys: ['billing'] });
    expect(found.coordinators?.[0]?.errorCode).toBe(0);
    const described = await client.ask(describeGroupsApi, { groups: ['billing'], includeAuthorizedOperations: true });
    expect(described.groups[0]).toMatchObject({ errorCode: 0, protocolType: 'consumer', groupState: 'Stable' });
    const fetched = await client.ask(offsetFetchApi, { groups: [{ groupId: 'billing', topics: null }] });
    expect(fetched.groups?.[0]).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ committedOffset: 1 }] }] });
  });

  it('shows quotas, users, reassignments and transactions, of which there are none', async () => {
    const quotas = await client.ask(describeClientQuotasApi, { components: [], strict: false });
    expect([quotas.errorCode, quotas.entries]).toEqual([0, []]);
    const users = await client.ask(describeUserScramCredentialsApi, { users: null });
    expect([users.errorCode, users.results]).toEqual([0, []]);
    const moves = await client.ask(listPartitionReassignmentsApi, { timeoutMs: 1000, topics: null });
    expect([moves.errorCode, moves.topics]).toEqual([0, []]);
    const transactions = await client.ask(listTransactionsApi, {});
    expect([transactions.errorCode, transactions.transactionStates]).toEqual([0, []]);
  });
});
