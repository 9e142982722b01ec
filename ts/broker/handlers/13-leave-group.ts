/**
 * LeaveGroup (key 13), versions 0-5: members leave at once; static ones may be named by instance id alone.
 *
 * 3 an array of members, with an error for each; 4 flexible; 5 reason.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { type LeaveGroupRequest, type LeaveGroupResponse, leaveGroupApi } from '../protocol/gen/13-leave-group.gen.ts';

const SEVERAL_MEMBERS_SINCE = 3;

export function leaveGroupHandler(context: BrokerContext): Handler<LeaveGroupRequest, LeaveGroupResponse> {
  return {
    api: leaveGroupApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      const { groupId } = request;
      if (exchange.apiVersion < SEVERAL_MEMBERS_SINCE) {
        exchange.reply({ errorCode: context.groups.leave(groupId, request.memberId, null) });
        return;
      }
      if (groupId === '') {
        exchange.reply({ errorCode: ErrorCode.INVALID_GROUP_ID });
        return;
      }
      const members = request.members.map(({ memberId, groupInstanceId }) => ({
        memberId,
        groupInstanceId,
        errorCode: context.groups.leave(groupId, memberId, groupInstanceId),
      }));
      exchange.reply({ errorCode: ErrorCode.NONE, members });
    },
  };
}
