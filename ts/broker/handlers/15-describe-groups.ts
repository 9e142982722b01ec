/**
 * DescribeGroups (key 15), versions 0-5: state, protocol and members of groups (rule 44).
 *
 * A group nobody knows is "Dead" without an error. Protocol and assignment are told only while the group is stable, as
 * Kafka does: before, they are not settled.
 * 3 authorized operations; 4 instance id; 5 flexible.
 */

import { GROUP_OPERATIONS, NOT_ASKED } from '../authorized-operations.ts';
import type { BrokerContext } from '../context.ts';
import type { Group } from '../groups/group.ts';
import { metadataFor, NO_BYTES } from '../groups/member.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribedGroup,
  type DescribeGroupsRequest,
  type DescribeGroupsResponse,
  describeGroupsApi,
} from '../protocol/gen/15-describe-groups.gen.ts';

function describe(context: BrokerContext, groupId: string, authorizedOperations: number): DescribedGroup {
  const base = { errorCode: ErrorCode.NONE, groupId, protocolData: '', authorizedOperations };
  if (context.consumerGroups.get(groupId) !== undefined) {
    // Of the newer protocol: told by ConsumerGroupDescribe.
    return { ...base, groupState: 'Dead', protocolType: '', members: [] };
  }
  const group = context.groups.get(groupId);
  if (!group || group.isIdle) {
    // Offsets of a standalone consumer are a group, too: one without members.
    const groupState = context.offsets.has(groupId) ? 'Empty' : 'Dead';
    return { ...base, groupState, protocolType: group?.protocolType ?? '', members: [] };
  }
  const stable = group.state === 'Stable' ? group : undefined;
  return {
    ...base,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable?.protocolName ?? '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      // Kafka's own form of an address, which its tools print as it is.
      clientHost: `/${member.clientHost}`,
      memberMetadata: stable ? metadataOf(stable, member.id) : NO_BYTES,
      memberAssignment: stable ? member.assignment : NO_BYTES,
    })),
  };
}

function metadataOf(group: Group, memberId: string): Uint8Array {
  const member = group.members.get(memberId);
  return member && group.protocolName !== null ? metadataFor(member, group.protocolName) : NO_BYTES;
}

export function describeGroupsHandler(context: BrokerContext): Handler<DescribeGroupsRequest, DescribeGroupsResponse> {
  return {
    api: describeGroupsApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      const operations = request.includeAuthorizedOperations ? GROUP_OPERATIONS : NOT_ASKED;
      // Each once: a name repeated without end must not become an answer without end.
      const groups = Array.from(new Set(request.groups), (group) => describe(context, group, operations));
      exchange.reply({ groups });
    },
  };
}
