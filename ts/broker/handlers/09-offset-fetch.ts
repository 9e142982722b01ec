/**
 * OffsetFetch (key 9), versions 1-9: the positions a group has committed.
 *
 * What was never committed is offset -1, epoch -1, metadata "" and no error, for unknown groups too (rule 42). Who asks
 * for stable offsets is told UNSTABLE_OFFSET_COMMIT while a transaction may still change one (rule 23).
 * 2 null topics = all; 5 leader epoch; 6 flexible; 7 require_stable; 8 several groups, another shape; 9 member epoch.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../protocol/gen/09-offset-fetch.gen.ts';

const SEVERAL_GROUPS_SINCE = 8;

type Asked = readonly { name: string; partitionIndexes: readonly number[] }[] | null;

interface TopicRow {
  name: string;
  partitions: {
    partitionIndex: number;
    committedOffset: number;
    committedLeaderEpoch: number;
    metadata: string;
    errorCode: number;
  }[];
}

function offsetsOf(context: BrokerContext, group: string, asked: Asked, requireStable: boolean): TopicRow[] {
  const stored = context.offsets.ofGroup(group);
  const wanted = asked ?? [...stored].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }));
  return wanted.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      if (requireStable && context.transactions.pending.has(group, name, partitionIndex)) {
        const errorCode = ErrorCode.UNSTABLE_OFFSET_COMMIT;
        return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode };
      }
      const committed = stored.get(name)?.get(partitionIndex);
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode: ErrorCode.NONE,
      };
    }),
  }));
}

export function offsetFetchHandler(context: BrokerContext): Handler<OffsetFetchRequest, OffsetFetchResponse> {
  return {
    api: offsetFetchApi,
    minVersion: 1,
    maxVersion: 9,
    handle(request, exchange) {
      const { requireStable } = request;
      if (exchange.apiVersion < SEVERAL_GROUPS_SINCE) {
        const topics = offsetsOf(context, request.groupId, request.topics, requireStable);
        exchange.reply({ topics, errorCode: ErrorCode.NONE });
        return;
      }
      const groups = request.groups.map(({ groupId, memberId, memberEpoch, topics }) => {
        const refusal = memberId === null ? undefined : context.consumerGroups.check(groupId, memberId, memberEpoch);
        const errorCode = refusal ?? ErrorCode.NONE;
        if (errorCode !== ErrorCode.NONE) return { groupId, topics: [], errorCode };
        return { groupId, topics: offsetsOf(context, groupId, topics, requireStable), errorCode };
      });
      exchange.reply({ groups });
    },
  };
}
