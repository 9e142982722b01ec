/**
 * OffsetCommit (key 8), versions 2-9: stores a group's positions, acknowledged when they are durable (rule 42).
 *
 * All offsets of a request go into one atomic frame; a partition that is refused does not hold back the others.
 * 2-4 may carry a retention of their own, which then counts instead of the broker's (rule 43).
 * 6 leader epoch; 7 instance id; 8 flexible; 9 the generation may be a member epoch of the newer group protocol: the
 * newest, or an older one for partitions that the member has had since then (KIP-1251).
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import type { OffsetCommit } from '../groups/offsets.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type OffsetCommitRequest,
  type OffsetCommitRequestPartition,
  type OffsetCommitResponse,
  type OffsetCommitResponsePartition,
  offsetCommitApi,
} from '../protocol/gen/08-offset-commit.gen.ts';

/** About 285 years. */
const LONGEST_RETENTION_MS = 9_000_000_000_000n;

function commitOffsets(
  context: BrokerContext,
  request: OffsetCommitRequest,
  exchange: Exchange<OffsetCommitResponse>,
): void {
  const { groupId, memberId, groupInstanceId: instanceId } = request;
  const generation = request.generationIdOrMemberEpoch;
  const unknown = exchange.apiVersion >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION;
  const refusal =
    context.consumerGroups.checkCommit(groupId, memberId, generation, request.topics) ??
    context.groups.checkCommit(groupId, { memberId, instanceId, generation }, unknown);
  const commits: OffsetCommit[] = [];
  const accepted: OffsetCommitResponsePartition[] = [];
  const committedMs = context.wallMs();
  // Old clients say "for ever" with the largest int64, and nothing with -1.
  const keptMs = request.retentionTimeMs;
  const expiry = keptMs < 0n || keptMs > LONGEST_RETENTION_MS ? {} : { expiresMs: committedMs + Number(keptMs) };
  const topics = request.topics.map(({ name, partitions }) => {
    const rows = partitions.map((asked) => {
      const errorCode = refusal === ErrorCode.NONE ? partitionRefusal(context, name, asked) : refusal;
      const row: OffsetCommitResponsePartition = { partitionIndex: asked.partitionIndex, errorCode };
      if (errorCode === ErrorCode.NONE) {
        const { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = asked;
        const committed = { offset, leaderEpoch, metadata: asked.committedMetadata ?? '', committedMs, ...expiry };
        commits.push({ topic: name, partition, committed });
        accepted.push(row);
      }
      return row;
    });
    return { name, partitions: rows };
  });
  if (commits.length === 0) {
    exchange.reply({ topics });
    return;
  }
  context.offsets.commit(groupId, commits, (code) => {
    // Whatever went wrong with the journal, the client looks for the coordinator again and repeats the commit.
    if (code !== Code.ok) for (const row of accepted) row.errorCode = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    exchange.reply({ topics });
  });
}

function partitionRefusal(context: BrokerContext, topic: string, asked: OffsetCommitRequestPartition): ErrorNumber {
  if (context.catalogue.get(topic)?.partitions[asked.partitionIndex] === undefined) {
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  }
  const length = Buffer.byteLength(asked.committedMetadata ?? '');
  if (length > context.settings.number('offset.metadata.max.bytes')) return ErrorCode.OFFSET_METADATA_TOO_LARGE;
  return ErrorCode.NONE;
}

export function offsetCommitHandler(context: BrokerContext): Handler<OffsetCommitRequest, OffsetCommitResponse> {
  return {
    api: offsetCommitApi,
    minVersion: 2,
    maxVersion: 9,
    handle: (request, exchange) => commitOffsets(context, request, exchange),
  };
}
