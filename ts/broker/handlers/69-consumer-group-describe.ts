/**
 * ConsumerGroupDescribe (key 69), versions 0-1: groups of the newer protocol with members and assignments (rule 44).
 *
 * A group of the classic protocol is GROUP_ID_NOT_FOUND here, so that clients ask with DescribeGroups.
 * 1 the kind of each member: all are of the newer protocol.
 */

import { GROUP_OPERATIONS, NOT_ASKED } from '../authorized-operations.ts';
import type { ConsumerGroup } from '../consumer-groups/consumer-group.ts';
import { type Partitions, rowsOf } from '../consumer-groups/partitions.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type Assignment,
  type ConsumerGroupDescribeRequest,
  type ConsumerGroupDescribeResponse,
  consumerGroupDescribeApi,
  type DescribedGroup,
  type Member,
} from '../protocol/gen/69-consumer-group-describe.gen.ts';

const CONSUMER_MEMBER = 1;

function describe(context: BrokerContext, groupId: string, authorizedOperations: number): DescribedGroup {
  const group = context.consumerGroups.get(groupId);
  if (groupId === '') return missing(groupId, ErrorCode.INVALID_GROUP_ID, 'a group has a name');
  if (!group) return missing(groupId, ErrorCode.GROUP_ID_NOT_FOUND, `Group ${groupId} not found.`);
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: group.assignor,
    members: membersOf(context, group),
    authorizedOperations,
  };
}

function membersOf(context: BrokerContext, group: ConsumerGroup): Member[] {
  return Array.from(group.members.values(), (member) => ({
    memberId: member.id,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.epoch,
    clientId: member.clientId,
    clientHost: `/${member.clientHost}`,
    subscribedTopicNames: [...member.topicNames],
    subscribedTopicRegex: member.topicPattern,
    assignment: assignmentOf(context, member.assigned),
    targetAssignment: assignmentOf(context, group.targetOf(member.id)),
    memberType: CONSUMER_MEMBER,
  }));
}

function assignmentOf(context: BrokerContext, partitions: Partitions): Assignment {
  return {
    topicPartitions: rowsOf(partitions).flatMap((row) => {
      const topic = context.catalogue.byId(row.topicId);
      return topic === undefined ? [] : [{ ...row, topicName: topic.name }];
    }),
  };
}

function missing(groupId: string, errorCode: ErrorNumber, errorMessage: string): DescribedGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: NOT_ASKED,
  };
}

export function consumerGroupDescribeHandler(
  context: BrokerContext,
): Handler<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse> {
  return {
    api: consumerGroupDescribeApi,
    minVersion: 0,
    maxVersion: 1,
    handle(request, exchange) {
      const operations = request.includeAuthorizedOperations ? GROUP_OPERATIONS : NOT_ASKED;
      const groups = Array.from(new Set(request.groupIds), (groupId) => describe(context, groupId, operations));
      exchange.reply({ throttleTimeMs: 0, groups });
    },
  };
}
