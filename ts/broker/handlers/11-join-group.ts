/**
 * JoinGroup (key 11), versions 0-9; answered when the rebalance completes (rules 37-41).
 *
 * Protocol metadata is copied out of the request: it outlives it.
 * 1 rebalance timeout of its own; 4 MEMBER_ID_REQUIRED; 5 instance id; 6 flexible; 7 protocol type in the answer;
 * 8 reason; 9 skip_assignment.
 */

import type { BrokerContext } from '../context.ts';
import type { JoinResult } from '../groups/events.ts';
import { failedJoin } from '../groups/group.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { type JoinGroupRequest, type JoinGroupResponse, joinGroupApi } from '../protocol/gen/11-join-group.gen.ts';

const KNOWN_MEMBER_SINCE = 4;
const NULL_PROTOCOL_SINCE = 7;
const SKIP_ASSIGNMENT_SINCE = 9;

export function joinGroupHandler(context: BrokerContext): Handler<JoinGroupRequest, JoinGroupResponse> {
  return {
    api: joinGroupApi,
    minVersion: 0,
    maxVersion: 9,
    handle(request, exchange) {
      const version = exchange.apiVersion;
      if (context.consumerGroups.get(request.groupId) !== undefined) {
        // The name is in use by members of the newer protocol.
        exchange.reply(responseOf(failedJoin(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, request.memberId), version));
        return;
      }
      const join = {
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        clientId: exchange.clientId ?? '',
        clientHost: exchange.peer.remoteAddress,
        sessionTimeoutMs: request.sessionTimeoutMs,
        rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
        protocolType: request.protocolType,
        protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Uint8Array.from(metadata) })),
        requireKnownMember: version >= KNOWN_MEMBER_SINCE,
        canSkipAssignment: version >= SKIP_ASSIGNMENT_SINCE,
      };
      context.groups.join(request.groupId, join, (result) => exchange.reply(responseOf(result, version)));
    },
  };
}

function responseOf(result: JoinResult, version: number): JoinGroupResponse {
  const { protocolName } = result;
  return {
    errorCode: result.error,
    generationId: result.generation,
    protocolType: result.protocolType,
    protocolName: version >= NULL_PROTOCOL_SINCE ? protocolName : (protocolName ?? ''),
    leader: result.leaderId,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: result.members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      groupInstanceId: instanceId,
      metadata,
    })),
  };
}
