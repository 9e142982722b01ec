/**
 * DescribeProducers (key 61), version 0: which producers a partition remembers, and since which offset each of them has a
 * transaction open.
 *
 * Of a producer known by the end of a transaction alone the coordinator's epoch is told, which is always 0.
 * For whoever looks for transactions that hang: an open one here that no coordinator knows. To remember: the time of a
 * producer's last batch is not stored, so it is -1 from a start until the producer appends again.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  describeProducersApi,
  type PartitionResponse,
} from '../protocol/gen/61-describe-producers.gen.ts';

const UNKNOWN = 'This server does not host this topic-partition.';

function describe(context: BrokerContext, topic: string, partitionIndex: number): PartitionResponse {
  const partition = context.catalogue.get(topic)?.partitions[partitionIndex];
  if (partition === undefined) {
    const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    return { partitionIndex, errorCode, errorMessage: UNKNOWN, activeProducers: [] };
  }
  const { code, producers } = context.engine.producers(partition);
  if (code !== Code.ok) {
    return { partitionIndex, errorCode: kafkaErrorOf(code), errorMessage: null, activeProducers: [] };
  }
  const activeProducers = producers.map((one) => ({
    producerId: one.producerId,
    producerEpoch: one.epoch,
    lastSequence: one.lastSequence,
    lastTimestamp: one.lastTimestamp,
    coordinatorEpoch: one.lastSequence === -1 ? 0 : -1,
    currentTxnStartOffset: one.transactionStart,
  }));
  return { partitionIndex, errorCode: ErrorCode.NONE, errorMessage: null, activeProducers };
}

export function describeProducersHandler(
  context: BrokerContext,
): Handler<DescribeProducersRequest, DescribeProducersResponse> {
  return {
    api: describeProducersApi,
    minVersion: 0,
    maxVersion: 0,
    handle({ topics }, exchange) {
      const rows = topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => describe(context, name, index)),
      }));
      exchange.reply({ throttleTimeMs: 0, topics: rows });
    },
  };
}
