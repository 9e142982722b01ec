/**
 * OffsetForLeaderEpoch (key 23), versions 2-4: where an epoch ended, so that a client sees a truncation (rule 34).
 *
 * 2 current_leader_epoch; 3 replica id; 4 flexible.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { leaderEpochRefusal } from '../metadata/leader-epoch.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type EpochEndOffset,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
  type OffsetForLeaderPartition,
  offsetForLeaderEpochApi,
} from '../protocol/gen/23-offset-for-leader-epoch.gen.ts';

function endOf(context: BrokerContext, id: number | undefined, asked: OffsetForLeaderPartition): EpochEndOffset {
  const { partition } = asked;
  if (id === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partition };
  const refusal = leaderEpochRefusal(asked.currentLeaderEpoch, context.node.leaderEpoch);
  if (refusal !== ErrorCode.NONE) return { errorCode: refusal, partition };
  const { code, endOffset, epoch } = context.engine.offsetForEpoch(id, asked.leaderEpoch);
  if (code !== Code.ok) return { errorCode: kafkaErrorOf(code), partition };
  return { errorCode: ErrorCode.NONE, partition, leaderEpoch: epoch, endOffset };
}

export function offsetForLeaderEpochHandler(
  context: BrokerContext,
): Handler<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> {
  return {
    api: offsetForLeaderEpochApi,
    minVersion: 2,
    maxVersion: 4,
    handle(request, exchange) {
      const topics = request.topics.map(({ topic, partitions }) => {
        const ids = context.catalogue.get(topic)?.partitions;
        return { topic, partitions: partitions.map((asked) => endOf(context, ids?.[asked.partition], asked)) };
      });
      exchange.reply({ throttleTimeMs: 0, topics });
    },
  };
}
