/**
 * TxnOffsetCommit (key 28), versions 0-5: offsets that are committed when their transaction is (rule 23).
 *
 * Durable when answered, as part of the transaction; a partition that is refused does not hold back the others.
 * 2 leader epoch; 3 flexible, and who of the group commits; 4 a transactional error; 5 the group takes
 * part in the transaction by this alone (KIP-890).
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
  type TxnOffsetCommitResponsePartition,
  txnOffsetCommitApi,
} from '../protocol/gen/28-txn-offset-commit.gen.ts';
import type { PendingOffset } from '../transactions/events.ts';

const ENLISTS_SINCE = 5;

/** Who may commit for the group: a member of it, or a producer that does not say for whom. */
function refusalOf(context: BrokerContext, request: TxnOffsetCommitRequest): ErrorNumber {
  const { groupId, memberId, groupInstanceId: instanceId, generationId: generation } = request;
  const isNobody = generation === -1 && memberId === '' && instanceId === null;
  const { topics } = request;
  const newer = isNobody ? undefined : context.consumerGroups.checkCommit(groupId, memberId, generation, topics);
  if (newer === ErrorCode.STALE_MEMBER_EPOCH) return ErrorCode.ILLEGAL_GENERATION;
  if (newer !== undefined) return newer;
  if (isNobody && context.consumerGroups.get(groupId) !== undefined) return ErrorCode.NONE;
  return context.groups.checkCommit(groupId, { memberId, instanceId, generation, isTransactional: true });
}

export function txnOffsetCommitHandler(
  context: BrokerContext,
): Handler<TxnOffsetCommitRequest, TxnOffsetCommitResponse> {
  return {
    api: txnOffsetCommitApi,
    minVersion: 0,
    maxVersion: 5,
    handle(request, exchange) {
      const { groupId, transactionalId } = request;
      const refusal = refusalOf(context, request);
      const longest = context.settings.number('offset.metadata.max.bytes');
      const committedMs = context.wallMs();
      const offsets: PendingOffset[] = [];
      const accepted: TxnOffsetCommitResponsePartition[] = [];
      const topics = request.topics.map(({ name, partitions }) => {
        const topic = context.catalogue.get(name);
        const rows = partitions.map((asked) => {
          let errorCode: ErrorNumber = refusal;
          const metadata = asked.committedMetadata ?? '';
          if (refusal === ErrorCode.NONE) {
            if (topic?.partitions[asked.partitionIndex] === undefined) errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
            else if (Buffer.byteLength(metadata) > longest) errorCode = ErrorCode.OFFSET_METADATA_TOO_LARGE;
          }
          const row: TxnOffsetCommitResponsePartition = { partitionIndex: asked.partitionIndex, errorCode };
          if (errorCode === ErrorCode.NONE) {
            const { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = asked;
            offsets.push({ topic: name, partition, committed: { offset, leaderEpoch, metadata, committedMs } });
            accepted.push(row);
          }
          return row;
        });
        return { name, partitions: rows };
      });
      if (offsets.length === 0) {
        exchange.reply({ throttleTimeMs: 0, topics });
        return;
      }
      const claim = { producerId: request.producerId, epoch: request.producerEpoch };
      const enlists = exchange.apiVersion >= ENLISTS_SINCE;
      context.transactions.addOffsets(transactionalId, claim, groupId, offsets, enlists, (error) => {
        for (const row of accepted) row.errorCode = error;
        exchange.reply({ throttleTimeMs: 0, topics });
      });
    },
  };
}
