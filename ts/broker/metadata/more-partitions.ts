/**
 * Whether a topic can get the partitions that CreatePartitions asks for.
 *
 * Not the catalogue, which makes them. To remember: partitions are only ever added.
 */

import type { Topic } from '../../log/catalogue.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { BrokerSettings } from '../settings.ts';
import { PARTITIONS_MAX, type Refusal } from './create-topic.ts';

/** What a client asked of CreatePartitions for one topic. */
export interface PartitionsRequest {
  readonly count: number;
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null;
}

/** Why `topic` cannot get so many partitions. `nodeId` is the only broker there is. */
export function partitionsRefusal(
  topic: Topic,
  { count, assignments }: PartitionsRequest,
  settings: BrokerSettings,
  nodeId: number,
): Refusal | undefined {
  const present = topic.partitions.length;
  if (count <= present) return refuse(ErrorCode.INVALID_PARTITIONS, `topic ${topic.name} has ${present} partitions`);
  if (count > PARTITIONS_MAX) {
    return refuse(ErrorCode.INVALID_PARTITIONS, `a topic has at most ${PARTITIONS_MAX} partitions`);
  }
  if (assignments === null) return undefined;
  if (assignments.length !== count - present) {
    return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `${count - present} assignments are needed`);
  }
  for (const { brokerIds } of assignments) {
    const here = brokerIds.includes(nodeId);
    if (here && (brokerIds.length === 1 || settings.boolean('replication.lenient'))) continue;
    return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `the only broker is ${nodeId}`);
  }
  return undefined;
}

function refuse(error: ErrorNumber, message: string): Refusal {
  return { error, message };
}
