/**
 * OffsetDelete (key 47), version 0 (never flexible): drops committed offsets of topics a group does not read (rule 44).
 *
 * While a group has members, only offsets of topics that none of them is subscribed to can go; when the broker cannot
 * tell (bytes of another protocol), none can.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { subscribedTopics } from '../groups/subscription.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  type OffsetDeleteResponsePartition,
  offsetDeleteApi,
} from '../protocol/gen/47-offset-delete.gen.ts';

const CONSUMER = 'consumer';

function refusalOfGroup(context: BrokerContext, groupId: string): ErrorNumber {
  if (context.consumerGroups.get(groupId) !== undefined) return ErrorCode.NONE;
  const group = context.groups.get(groupId);
  if (!group || group.isIdle) {
    const isThere = context.offsets.has(groupId) || context.keptGroups.has(groupId);
    return isThere ? ErrorCode.NONE : ErrorCode.GROUP_ID_NOT_FOUND;
  }
  return group.protocolType === CONSUMER ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP;
}

function deleteOffsets(
  context: BrokerContext,
  { groupId, topics }: OffsetDeleteRequest,
  exchange: Exchange<OffsetDeleteResponse>,
): void {
  const errorCode = refusalOfGroup(context, groupId);
  if (errorCode !== ErrorCode.NONE) {
    exchange.reply({ errorCode, throttleTimeMs: 0, topics: [] });
    return;
  }
  const group = context.groups.get(groupId);
  const newer = context.consumerGroups.get(groupId)?.subscribed;
  const subscribed = newer ?? (group ? subscribedTopics(group) : new Set<string>());
  const meant = new Map<string, Set<number>>();
  const accepted: OffsetDeleteResponsePartition[] = [];
  const rows = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      const row: OffsetDeleteResponsePartition = { partitionIndex, errorCode: ErrorCode.NONE };
      if (context.catalogue.get(name)?.partitions[partitionIndex] === undefined) {
        row.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      } else if (subscribed === undefined || subscribed.has(name)) {
        row.errorCode = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC;
      } else {
        accepted.push(row);
        meant.set(name, (meant.get(name) ?? new Set()).add(partitionIndex));
      }
      return row;
    }),
  }));
  const isMeant = (topic: string, _committed: unknown, partition: number) => meant.get(topic)?.has(partition) === true;
  context.offsets.delete(groupId, isMeant, (code) => {
    if (code === Code.ok) {
      const isKnown = context.groups.get(groupId) ?? context.consumerGroups.emptySinceMs(groupId);
      if (!context.offsets.has(groupId) && isKnown !== undefined) context.keptGroups.add(groupId);
    } else for (const row of accepted) row.errorCode = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    exchange.reply({ errorCode: ErrorCode.NONE, throttleTimeMs: 0, topics: rows });
  });
}

export function offsetDeleteHandler(context: BrokerContext): Handler<OffsetDeleteRequest, OffsetDeleteResponse> {
  return {
    api: offsetDeleteApi,
    minVersion: 0,
    maxVersion: 0,
    handle: (request, exchange) => deleteOffsets(context, request, exchange),
  };
}
