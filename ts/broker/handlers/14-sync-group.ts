/**
 * SyncGroup (key 14), versions 0-5: the leader hands in the assignment, everybody gets a part (rule 40).
 *
 * Assignments are copied out of the request: they outlive it.
 * 3 instance id; 4 flexible; 5 protocol type and name, checked and echoed.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { type SyncGroupRequest, type SyncGroupResponse, syncGroupApi } from '../protocol/gen/14-sync-group.gen.ts';

export function syncGroupHandler(context: BrokerContext): Handler<SyncGroupRequest, SyncGroupResponse> {
  return {
    api: syncGroupApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      const sync = {
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        generation: request.generationId,
        protocolType: request.protocolType,
        protocolName: request.protocolName,
        assignments: request.assignments.map(({ memberId, assignment }) => ({
          memberId,
          assignment: Uint8Array.from(assignment),
        })),
      };
      context.groups.sync(request.groupId, sync, ({ error, protocolType, protocolName, assignment }) => {
        exchange.reply({ errorCode: error, protocolType, protocolName, assignment });
      });
    },
  };
}
