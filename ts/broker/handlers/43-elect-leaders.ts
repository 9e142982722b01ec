/**
 * ElectLeaders (key 43), versions 0-2: this node leads everything already, so no election is ever needed.
 *
 * No list asks for every partition that needs one: there is none. 1 election type; 2 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ElectLeadersRequest,
  type ElectLeadersResponse,
  electLeadersApi,
  type PartitionResult,
} from '../protocol/gen/43-elect-leaders.gen.ts';

function resultOf(isKnown: boolean, partitionId: number): PartitionResult {
  return isKnown
    ? { partitionId, errorCode: ErrorCode.ELECTION_NOT_NEEDED, errorMessage: 'the leader is the only replica' }
    : { partitionId, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: 'there is no such partition' };
}

export function electLeadersHandler(context: BrokerContext): Handler<ElectLeadersRequest, ElectLeadersResponse> {
  return {
    api: electLeadersApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ topicPartitions }, exchange) {
      const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => {
        const known = context.catalogue.get(topic)?.partitions;
        return { topic, partitionResult: partitions.map((index) => resultOf(known?.[index] !== undefined, index)) };
      });
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, replicaElectionResults });
    },
  };
}
