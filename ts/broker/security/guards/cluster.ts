/**
 * Guards of the cluster: settings, rules, users, quotas, and what there is to know of the node.
 *
 * To remember: settings belong to their resource, so who may alter those of a topic may not alter those of the broker.
 */

import { ErrorCode, type ErrorNumber } from '../../protocol/error-codes.ts';
import { saslHandshakeApi } from '../../protocol/gen/17-sasl-handshake.gen.ts';
import { apiVersionsApi } from '../../protocol/gen/18-api-versions.gen.ts';
import { describeAclsApi } from '../../protocol/gen/29-describe-acls.gen.ts';
import { createAclsApi } from '../../protocol/gen/30-create-acls.gen.ts';
import { deleteAclsApi } from '../../protocol/gen/31-delete-acls.gen.ts';
import { describeConfigsApi } from '../../protocol/gen/32-describe-configs.gen.ts';
import { alterConfigsApi } from '../../protocol/gen/33-alter-configs.gen.ts';
import { describeLogDirsApi } from '../../protocol/gen/35-describe-log-dirs.gen.ts';
import { saslAuthenticateApi } from '../../protocol/gen/36-sasl-authenticate.gen.ts';
import { electLeadersApi } from '../../protocol/gen/43-elect-leaders.gen.ts';
import { incrementalAlterConfigsApi } from '../../protocol/gen/44-incremental-alter-configs.gen.ts';
import { alterPartitionReassignmentsApi } from '../../protocol/gen/45-alter-partition-reassignments.gen.ts';
import { listPartitionReassignmentsApi } from '../../protocol/gen/46-list-partition-reassignments.gen.ts';
import { describeClientQuotasApi } from '../../protocol/gen/48-describe-client-quotas.gen.ts';
import { alterClientQuotasApi } from '../../protocol/gen/49-alter-client-quotas.gen.ts';
import { describeUserScramCredentialsApi } from '../../protocol/gen/50-describe-user-scram-credentials.gen.ts';
import { alterUserScramCredentialsApi } from '../../protocol/gen/51-alter-user-scram-credentials.gen.ts';
import { describeQuorumApi } from '../../protocol/gen/55-describe-quorum.gen.ts';
import { updateFeaturesApi } from '../../protocol/gen/57-update-features.gen.ts';
import { describeClusterApi } from '../../protocol/gen/60-describe-cluster.gen.ts';
import { listConfigResourcesApi } from '../../protocol/gen/74-list-config-resources.gen.ts';
import { Operation, type OperationNumber } from '../acl.ts';
import { type AnyGuard, amended, guarding, open, type Rights, split } from './guard.ts';
import { clusterBits } from './topics.ts';

const { CLUSTER_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED, NONE, TOPIC_AUTHORIZATION_FAILED } = ErrorCode;
const errorCode = CLUSTER_AUTHORIZATION_FAILED;
const errorMessage = 'Cluster authorization failed.';

/** Types of resources with settings. */
const ConfigResource = { topic: 2, group: 32 } as const;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Why settings of a resource are not for this peer. */
function configRefusal(
  rights: Rights,
  operation: OperationNumber,
  { resourceType, resourceName }: Resource,
): ErrorNumber {
  if (resourceType === ConfigResource.topic) {
    return rights.topic(operation, resourceName) ? NONE : TOPIC_AUTHORIZATION_FAILED;
  }
  if (resourceType === ConfigResource.group) {
    return rights.group(operation, resourceName) ? NONE : GROUP_AUTHORIZATION_FAILED;
  }
  return rights.cluster(operation) ? NONE : CLUSTER_AUTHORIZATION_FAILED;
}

function splitResources<One extends Resource>(resources: readonly One[], rights: Rights, operation: OperationNumber) {
  const [allowed, denied] = split(resources, (one) => configRefusal(rights, operation, one) === NONE);
  const refused = denied.map((one) => {
    const { resourceType, resourceName } = one;
    return { errorCode: configRefusal(rights, operation, one), errorMessage: null, resourceType, resourceName };
  });
  return { allowed, refused };
}

const CONFIG_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(describeConfigsApi, (request, rights, exchange, pass) => {
    const { allowed, refused } = splitResources(request.resources, rights, Operation.describeConfigs);
    const rows = refused.map((row) => ({ ...row, configs: [] }));
    const told = amended(exchange, (response) => ({ ...response, results: [...response.results, ...rows] }));
    pass({ ...request, resources: allowed }, told);
  }),
  guarding(alterConfigsApi, (request, rights, exchange, pass) => {
    const { allowed, refused } = splitResources(request.resources, rights, Operation.alterConfigs);
    const told = amended(exchange, (response) => ({ ...response, responses: [...response.responses, ...refused] }));
    pass({ ...request, resources: allowed }, told);
  }),
  guarding(incrementalAlterConfigsApi, (request, rights, exchange, pass) => {
    const { allowed, refused } = splitResources(request.resources, rights, Operation.alterConfigs);
    const told = amended(exchange, (response) => ({ ...response, responses: [...response.responses, ...refused] }));
    pass({ ...request, resources: allowed }, told);
  }),
  guarding(listConfigResourcesApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describeConfigs)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, configResources: [] });
  }),
];

const SECURITY_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(describeAclsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describe)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, resources: [] });
  }),
  guarding(createAclsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, results: request.creations.map(() => ({ errorCode, errorMessage })) });
  }),
  guarding(deleteAclsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) pass(request, exchange);
    else {
      const filterResults = request.filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] }));
      exchange.reply({ throttleTimeMs: 0, filterResults });
    }
  }),
  guarding(describeUserScramCredentialsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describe)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, results: [] });
  }),
  guarding(alterUserScramCredentialsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) {
      pass(request, exchange);
      return;
    }
    const users = new Set([...request.deletions, ...request.upsertions].map(({ name }) => name));
    exchange.reply({ throttleTimeMs: 0, results: Array.from(users, (user) => ({ user, errorCode, errorMessage })) });
  }),
  guarding(describeClientQuotasApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describeConfigs)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, entries: null });
  }),
  guarding(alterClientQuotasApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alterConfigs)) pass(request, exchange);
    else {
      const entries = request.entries.map(({ entity }) => ({ errorCode, errorMessage, entity }));
      exchange.reply({ throttleTimeMs: 0, entries });
    }
  }),
];

const NODE_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  open(saslHandshakeApi),
  open(apiVersionsApi),
  open(saslAuthenticateApi),
  guarding(describeClusterApi, (request, rights, exchange, pass) => {
    const told = amended(exchange, (response) => ({
      ...response,
      clusterAuthorizedOperations: clusterBits(rights, response.clusterAuthorizedOperations),
    }));
    pass(request, told);
  }),
  guarding(describeLogDirsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describe)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, results: [] });
  }),
  guarding(electLeadersApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) {
      pass(request, exchange);
      return;
    }
    const replicaElectionResults = (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
    }));
    exchange.reply({ throttleTimeMs: 0, errorCode, replicaElectionResults });
  }),
  guarding(alterPartitionReassignmentsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, responses: [] });
  }),
  guarding(listPartitionReassignmentsApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describe)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, topics: [] });
  }),
  guarding(describeQuorumApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.describe)) pass(request, exchange);
    else exchange.reply({ errorCode, errorMessage, topics: [], nodes: [] });
  }),
  guarding(updateFeaturesApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.alter)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, results: [] });
  }),
];

export const CLUSTER_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  ...CONFIG_GUARDS,
  ...SECURITY_GUARDS,
  ...NODE_GUARDS,
];
