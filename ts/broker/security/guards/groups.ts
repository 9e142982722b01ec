/**
 * Guards of groups: members, their offsets, and those who look at them.
 *
 * To remember: whoever may read a group takes part in it; offsets of a topic are for those who may read, or for looking
 * describe, the topic as well.
 */

import { NOT_ASKED } from '../../authorized-operations.ts';
import { ErrorCode, type ErrorNumber } from '../../protocol/error-codes.ts';
import { offsetCommitApi } from '../../protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../protocol/gen/10-find-coordinator.gen.ts';
import { joinGroupApi } from '../../protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../../protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../protocol/gen/14-sync-group.gen.ts';
import { describeGroupsApi } from '../../protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../../protocol/gen/16-list-groups.gen.ts';
import { deleteGroupsApi } from '../../protocol/gen/42-delete-groups.gen.ts';
import { offsetDeleteApi } from '../../protocol/gen/47-offset-delete.gen.ts';
import { consumerGroupHeartbeatApi } from '../../protocol/gen/68-consumer-group-heartbeat.gen.ts';
import { consumerGroupDescribeApi } from '../../protocol/gen/69-consumer-group-describe.gen.ts';
import { Operation, ResourceType } from '../acl.ts';
import { type AnyGuard, amended, guarding, type Rights, split } from './guard.ts';

const { GROUP_AUTHORIZATION_FAILED, NONE, TOPIC_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED } =
  ErrorCode;
const SEVERAL_GROUPS_SINCE = 8;
const SEVERAL_KEYS_SINCE = 4;
const TRANSACTION_KEYS = 1;

function groupBits(rights: Rights, bits: number | undefined, group: string): number {
  if (bits === undefined || bits === NOT_ASKED) return NOT_ASKED;
  return rights.bits(bits, ResourceType.group, group);
}

/** Rows of topics whose offsets may not be seen or changed. */
export function refusedRows<Partition extends { readonly partitionIndex: number }>(
  topics: readonly { readonly name: string; readonly partitions: readonly Partition[] }[],
  errorCode: ErrorNumber,
): { name: string; partitions: { partitionIndex: number; errorCode: ErrorNumber }[] }[] {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }));
}

function refusedOffsets(topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[]) {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode: TOPIC_AUTHORIZATION_FAILED,
    })),
  }));
}

/** Why a coordinator is not told. */
function coordinatorRefusal(rights: Rights, keyType: number, key: string): ErrorNumber {
  if (keyType === TRANSACTION_KEYS) {
    return rights.transaction(Operation.describe, key) ? NONE : TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  }
  return rights.group(Operation.describe, key) ? NONE : GROUP_AUTHORIZATION_FAILED;
}

export const GROUP_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(offsetCommitApi, (request, rights, exchange, pass) => {
    if (!rights.group(Operation.read, request.groupId)) {
      exchange.reply({ topics: refusedRows(request.topics, GROUP_AUTHORIZATION_FAILED) });
      return;
    }
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.read, name));
    const refused = refusedRows(denied, TOPIC_AUTHORIZATION_FAILED);
    const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
    pass({ ...request, topics }, told);
  }),
  guarding(offsetFetchApi, (request, rights, exchange, pass) => {
    const mayTopic = ({ name }: { name: string }): boolean => rights.topic(Operation.describe, name);
    if (exchange.apiVersion < SEVERAL_GROUPS_SINCE) {
      if (!rights.group(Operation.describe, request.groupId)) {
        exchange.reply({ topics: [], errorCode: GROUP_AUTHORIZATION_FAILED });
        return;
      }
      const [topics, denied] = request.topics === null ? [null, []] : split(request.topics, mayTopic);
      const told = amended(exchange, (response) => ({
        ...response,
        topics: [...(response.topics ?? []).filter(mayTopic), ...refusedOffsets(denied)],
      }));
      pass({ ...request, topics }, told);
      return;
    }
    const [allowed, denied] = split(request.groups, ({ groupId }) => rights.group(Operation.describe, groupId));
    const refused = new Map<string, ReturnType<typeof refusedOffsets>>();
    const groups = allowed.map((group) => {
      if (group.topics === null) return group;
      const [topics, deniedTopics] = split(group.topics, mayTopic);
      refused.set(group.groupId, refusedOffsets(deniedTopics));
      return { ...group, topics };
    });
    const told = amended(exchange, (response) => ({
      ...response,
      groups: [
        ...(response.groups ?? []).map((group) => {
          const topics = [...group.topics.filter(mayTopic), ...(refused.get(group.groupId) ?? [])];
          return group.errorCode === undefined || group.errorCode === NONE ? { ...group, topics } : group;
        }),
        ...denied.map(({ groupId }) => ({ groupId, topics: [], errorCode: GROUP_AUTHORIZATION_FAILED })),
      ],
    }));
    pass({ ...request, groups }, told);
  }),
  guarding(findCoordinatorApi, (request, rights, exchange, pass) => {
    const { keyType } = request;
    const refusedRow = { nodeId: -1, host: '', port: -1, errorMessage: null };
    if (exchange.apiVersion < SEVERAL_KEYS_SINCE) {
      const errorCode = coordinatorRefusal(rights, keyType, request.key);
      if (errorCode === NONE) pass(request, exchange);
      else exchange.reply({ ...refusedRow, errorCode });
      return;
    }
    const refusals = new Map(request.coordinatorKeys.map((key) => [key, coordinatorRefusal(rights, keyType, key)]));
    const coordinatorKeys = request.coordinatorKeys.filter((key) => refusals.get(key) === NONE);
    // Rows come in the order of the keys, as with Kafka.
    const told = amended(exchange, (response) => {
      const allowed = (response.coordinators ?? []).values();
      const coordinators = request.coordinatorKeys.flatMap((key) => {
        const errorCode = refusals.get(key) ?? NONE;
        if (errorCode !== NONE) return [{ ...refusedRow, key, errorCode }];
        const { value } = allowed.next();
        return value === undefined ? [] : [value];
      });
      return { ...response, coordinators };
    });
    pass({ ...request, coordinatorKeys }, told);
  }),
  guarding(joinGroupApi, (request, rights, exchange, pass) => {
    if (rights.group(Operation.read, request.groupId)) pass(request, exchange);
    else {
      const protocolName = exchange.apiVersion >= 7 ? null : '';
      const nobody = { protocolName, leader: '', memberId: '', members: [] };
      exchange.reply({ ...nobody, errorCode: GROUP_AUTHORIZATION_FAILED });
    }
  }),
  guarding(heartbeatApi, (request, rights, exchange, pass) => {
    if (rights.group(Operation.read, request.groupId)) pass(request, exchange);
    else exchange.reply({ errorCode: GROUP_AUTHORIZATION_FAILED });
  }),
  guarding(leaveGroupApi, (request, rights, exchange, pass) => {
    if (rights.group(Operation.read, request.groupId)) pass(request, exchange);
    else exchange.reply({ errorCode: GROUP_AUTHORIZATION_FAILED, members: [] });
  }),
  guarding(syncGroupApi, (request, rights, exchange, pass) => {
    if (rights.group(Operation.read, request.groupId)) pass(request, exchange);
    else exchange.reply({ errorCode: GROUP_AUTHORIZATION_FAILED, assignment: new Uint8Array(0) });
  }),
  guarding(describeGroupsApi, (request, rights, exchange, pass) => {
    const [groups, denied] = split(request.groups, (group) => rights.group(Operation.describe, group));
    const nothing = {
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
      authorizedOperations: NOT_ASKED,
    };
    const refused = [...new Set(denied)].map((groupId) => {
      return { ...nothing, groupId, errorCode: GROUP_AUTHORIZATION_FAILED };
    });
    const told = amended(exchange, (response) => ({
      ...response,
      groups: [
        ...response.groups.map((row) => {
          return { ...row, authorizedOperations: groupBits(rights, row.authorizedOperations, row.groupId) };
        }),
        ...refused,
      ],
    }));
    pass({ ...request, groups }, told);
  }),
  guarding(listGroupsApi, (request, rights, exchange, pass) => {
    const mayAll = rights.cluster(Operation.describe);
    const told = amended(exchange, (response) => ({
      ...response,
      groups: response.groups.filter(({ groupId }) => mayAll || rights.group(Operation.describe, groupId)),
    }));
    pass(request, told);
  }),
  guarding(deleteGroupsApi, (request, rights, exchange, pass) => {
    const [groupsNames, denied] = split(request.groupsNames, (group) => rights.group(Operation.delete, group));
    const refused = [...new Set(denied)].map((groupId) => ({ groupId, errorCode: GROUP_AUTHORIZATION_FAILED }));
    const told = amended(exchange, (response) => ({ ...response, results: [...response.results, ...refused] }));
    pass({ ...request, groupsNames }, told);
  }),
  guarding(offsetDeleteApi, (request, rights, exchange, pass) => {
    if (!rights.group(Operation.delete, request.groupId)) {
      exchange.reply({ errorCode: GROUP_AUTHORIZATION_FAILED, throttleTimeMs: 0, topics: [] });
      return;
    }
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.read, name));
    const refused = refusedRows(denied, TOPIC_AUTHORIZATION_FAILED);
    const told = amended(exchange, (response) => ({
      ...response,
      topics: response.errorCode === NONE ? [...response.topics, ...refused] : response.topics,
    }));
    pass({ ...request, topics }, told);
  }),
  guarding(consumerGroupHeartbeatApi, (request, rights, exchange, pass) => {
    const mayTopics = (request.subscribedTopicNames ?? []).every((name) => rights.topic(Operation.describe, name));
    const isMember = rights.group(Operation.read, request.groupId);
    if (isMember && mayTopics) pass(request, exchange);
    else {
      const errorCode = isMember ? TOPIC_AUTHORIZATION_FAILED : GROUP_AUTHORIZATION_FAILED;
      exchange.reply({ throttleTimeMs: 0, errorCode, memberEpoch: 0, heartbeatIntervalMs: 0 });
    }
  }),
  guarding(consumerGroupDescribeApi, (request, rights, exchange, pass) => {
    const [groupIds, denied] = split(request.groupIds, (group) => rights.group(Operation.describe, group));
    const nothing = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };
    const refused = [...new Set(denied)].map((groupId) => {
      return { ...nothing, groupId, errorCode: GROUP_AUTHORIZATION_FAILED, authorizedOperations: NOT_ASKED };
    });
    const told = amended(exchange, (response) => ({
      ...response,
      groups: [
        ...response.groups.map((row) => {
          const topics = row.members.flatMap(({ assignment, targetAssignment }) => [
            ...assignment.topicPartitions,
            ...targetAssignment.topicPartitions,
          ]);
          if (topics.some(({ topicName }) => !rights.topic(Operation.describe, topicName))) {
            const { groupId } = row;
            const errorMessage = 'The group has described topic(s) that the client is not authorized to describe.';
            return { ...nothing, groupId, errorCode: TOPIC_AUTHORIZATION_FAILED, errorMessage };
          }
          return { ...row, authorizedOperations: groupBits(rights, row.authorizedOperations, row.groupId) };
        }),
        ...refused,
      ],
    }));
    pass({ ...request, groupIds }, told);
  }),
];
