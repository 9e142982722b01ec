/**
 * ConsumerGroupHeartbeat (key 68), versions 0-1: the whole life of a member of the newer protocol (rule 45).
 *
 * A request that contradicts itself is refused before the group sees it; the rest is the group's own.
 * 1 member ids are made by clients; subscriptions by pattern.
 */

import { ASSIGNORS } from '../consumer-groups/assignors.ts';
import { MemberEpoch } from '../consumer-groups/consumer-group.ts';
import type { Heartbeat, HeartbeatReply } from '../consumer-groups/heartbeat.ts';
import { PartitionSet, type Partitions, rowsOf } from '../consumer-groups/partitions.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  consumerGroupHeartbeatApi,
  type TopicPartitions,
} from '../protocol/gen/68-consumer-group-heartbeat.gen.ts';
import { isWellFormed } from '../protocol/utf8.ts';

const CLIENT_MADE_IDS_SINCE = 1;

/** Letters of everything a member says about itself: groups lie in memory. */
const SUBSCRIPTION_MAX = 1024 * 1024;

interface Refusal {
  readonly error: ErrorNumber;
  readonly message: string;
}

function invalid(message: string): Refusal {
  return { error: ErrorCode.INVALID_REQUEST, message };
}

function lengthOf(request: ConsumerGroupHeartbeatRequest): number {
  const { memberId, instanceId, rackId, subscribedTopicNames, subscribedTopicRegex } = request;
  const texts = [memberId, instanceId, rackId, subscribedTopicRegex, ...(subscribedTopicNames ?? [])];
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

/** What contradicts itself in a request, as Kafka sees it; undefined for nothing. */
function problemOf(request: ConsumerGroupHeartbeatRequest, version: number): Refusal | undefined {
  const { memberEpoch, memberId, instanceId, rackId, serverAssignor } = request;
  if (request.groupId === '') return invalid('GroupId can not be empty.');
  if (instanceId === '') return invalid('InstanceId can not be empty.');
  if (rackId === '') return invalid('RackId can not be empty.');
  const makesIds = version >= CLIENT_MADE_IDS_SINCE;
  if (memberId === '' && (makesIds || memberEpoch !== MemberEpoch.join)) return invalid('MemberId can not be empty.');
  if (memberEpoch === MemberEpoch.join) {
    if (request.rebalanceTimeoutMs < 0) return invalid('RebalanceTimeoutMs must be provided in first request.');
    if (request.topicPartitions === null || request.topicPartitions.length > 0) {
      return invalid('TopicPartitions must be empty when (re-)joining.');
    }
    if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
      return invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.');
    }
  }
  if (memberEpoch === MemberEpoch.leaveStatic && instanceId === null) {
    return invalid('InstanceId can not be null.');
  }
  if (![memberId, instanceId ?? ''].every(isWellFormed)) return invalid('the name of a member is no UTF-8');
  if (lengthOf(request) > SUBSCRIPTION_MAX) return invalid('the subscription is too long');
  if (memberEpoch < MemberEpoch.leaveStatic) return invalid(`MemberEpoch is invalid: ${memberEpoch}.`);
  if (serverAssignor !== null && !ASSIGNORS.has(serverAssignor)) {
    const message = `ServerAssignor is not supported. Supported assignors: ${[...ASSIGNORS.keys()].join(', ')}.`;
    return { error: ErrorCode.UNSUPPORTED_ASSIGNOR, message };
  }
  return undefined;
}

function partitionsOf(topics: readonly TopicPartitions[] | null): Partitions | null {
  if (topics === null) return null;
  const set = new PartitionSet();
  for (const { topicId, partitions } of topics) for (const partition of partitions) set.add(topicId, partition);
  return set.value;
}

function responseOf(reply: HeartbeatReply): ConsumerGroupHeartbeatResponse {
  const { assigned } = reply;
  return {
    throttleTimeMs: 0,
    errorCode: reply.error,
    errorMessage: reply.message,
    memberId: reply.memberId,
    memberEpoch: reply.memberEpoch,
    heartbeatIntervalMs: reply.heartbeatIntervalMs,
    assignment: assigned === null ? null : { topicPartitions: rowsOf(assigned) },
  };
}

export function consumerGroupHeartbeatHandler(
  context: BrokerContext,
): Handler<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse> {
  return {
    api: consumerGroupHeartbeatApi,
    minVersion: 0,
    maxVersion: 1,
    handle(request, exchange) {
      const problem = isWellFormed(request.groupId)
        ? problemOf(request, exchange.apiVersion)
        : { error: ErrorCode.INVALID_GROUP_ID, message: 'the name of the group is no UTF-8' };
      if (problem !== undefined) {
        const { error: errorCode, message: errorMessage } = problem;
        exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, memberEpoch: 0, heartbeatIntervalMs: 0 });
        return;
      }
      const ask: Heartbeat = {
        memberId: request.memberId === '' ? context.consumerGroups.newMemberId() : request.memberId,
        memberEpoch: request.memberEpoch,
        instanceId: request.instanceId,
        rackId: request.rackId,
        clientId: exchange.clientId ?? '',
        clientHost: exchange.peer.remoteAddress,
        rebalanceTimeoutMs: request.rebalanceTimeoutMs,
        topicNames: request.subscribedTopicNames,
        topicPattern: request.subscribedTopicRegex,
        assignor: request.serverAssignor,
        owned: partitionsOf(request.topicPartitions),
      };
      context.consumerGroups.heartbeat(request.groupId, ask, (reply) => exchange.reply(responseOf(reply)));
    },
  };
}
