/**
 * AlterPartitionReassignments (key 45), versions 0-1: every partition is where it has to be, on the only node.
 *
 * To that node it may be moved, which changes nothing; to any other it may not. 1 may the number of replicas change: it
 * cannot anyway.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type AlterPartitionReassignmentsRequest,
  type AlterPartitionReassignmentsResponse,
  alterPartitionReassignmentsApi,
  type ReassignablePartition,
  type ReassignablePartitionResponse,
} from '../protocol/gen/45-alter-partition-reassignments.gen.ts';

function resultOf(
  topic: string,
  known: readonly number[] | undefined,
  nodeId: number,
  { partitionIndex, replicas }: ReassignablePartition,
): ReassignablePartitionResponse {
  const refuse = (errorCode: number, errorMessage: string | null) => ({ partitionIndex, errorCode, errorMessage });
  if (known?.[partitionIndex] === undefined) {
    const what = known ? `partition ${topic}:${partitionIndex}` : `a topic named ${topic}`;
    return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find ${what}.`);
  }
  if (replicas === null) return refuse(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, null);
  if (replicas.length === 1 && replicas[0] === nodeId) {
    return { partitionIndex, errorCode: ErrorCode.NONE, errorMessage: null };
  }
  return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problemOf(replicas, nodeId));
}

/** In Kafka's words. */
function problemOf(replicas: readonly number[], nodeId: number): string {
  if (replicas.length === 0) return 'The manual partition assignment includes an empty replica list.';
  const stranger = replicas.find((id) => id !== nodeId);
  if (stranger !== undefined) {
    return `The manual partition assignment includes broker ${stranger}, but no such broker is registered.`;
  }
  return `The manual partition assignment includes the broker ${nodeId} more than once.`;
}

export function alterPartitionReassignmentsHandler(
  context: BrokerContext,
): Handler<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse> {
  return {
    api: alterPartitionReassignmentsApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ topics, allowReplicationFactorChange }, exchange) {
      const responses = topics.map(({ name, partitions }) => {
        const known = context.catalogue.get(name)?.partitions;
        const rows = partitions.map((asked) => resultOf(name, known, context.node.id, asked));
        return { name, partitions: rows };
      });
      exchange.reply({
        throttleTimeMs: 0,
        allowReplicationFactorChange,
        errorCode: ErrorCode.NONE,
        errorMessage: null,
        responses,
      });
    },
  };
}
