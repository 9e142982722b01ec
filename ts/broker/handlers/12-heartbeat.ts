/**
 * Heartbeat (key 12), versions 0-4: keeps a session alive and tells of a rebalance (rule 39).
 *
 * 3 instance id; 4 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatApi } from '../protocol/gen/12-heartbeat.gen.ts';

export function heartbeatHandler(context: BrokerContext): Handler<HeartbeatRequest, HeartbeatResponse> {
  return {
    api: heartbeatApi,
    minVersion: 0,
    maxVersion: 4,
    handle(request, exchange) {
      const { memberId, groupInstanceId: instanceId, generationId: generation } = request;
      exchange.reply({ errorCode: context.groups.heartbeat(request.groupId, { memberId, instanceId, generation }) });
    },
  };
}
