/**
 * AddPartitionsToTxn (key 24), versions 0-3: partitions take part in a transaction before anything is written there.
 *
 * All of a request or none: with one unknown partition the others are OPERATION_NOT_ATTEMPTED. From version 4 on the
 * request is one between brokers.
 * 2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH; 3 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponse,
  addPartitionsToTxnApi,
} from '../protocol/gen/24-add-partitions-to-txn.gen.ts';
import type { EnlistedPartition } from '../transactions/events.ts';
import { fencedError } from '../transactions/fenced-error.ts';

const PRODUCER_FENCED_SINCE = 2;

export function addPartitionsToTxnHandler(
  context: BrokerContext,
): Handler<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> {
  return {
    api: addPartitionsToTxnApi,
    minVersion: 0,
    maxVersion: 3,
    handle(request, exchange) {
      const topics = request.v3AndBelowTopics;
      const enlisted: EnlistedPartition[] = [];
      let unknown = false;
      for (const { name, partitions } of topics) {
        const known = context.catalogue.get(name);
        for (const index of partitions) {
          const id = known?.partitions[index];
          if (id === undefined) unknown = true;
          else enlisted.push({ topic: name, index, id });
        }
      }
      const answer = (errorOf: (topic: string, index: number) => ErrorNumber): void => {
        const resultsByTopicV3AndBelow = topics.map(({ name, partitions }) => ({
          name,
          resultsByPartition: partitions.map((partitionIndex) => ({
            partitionIndex,
            partitionErrorCode: errorOf(name, partitionIndex),
          })),
        }));
        exchange.reply({ throttleTimeMs: 0, resultsByTopicV3AndBelow });
      };
      if (unknown) {
        const { OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode;
        const isKnown = (topic: string, index: number) => context.catalogue.get(topic)?.partitions[index] !== undefined;
        answer((topic, index) => (isKnown(topic, index) ? OPERATION_NOT_ATTEMPTED : UNKNOWN_TOPIC_OR_PARTITION));
        return;
      }
      const claim = { producerId: request.v3AndBelowProducerId, epoch: request.v3AndBelowProducerEpoch };
      context.transactions.addPartitions(request.v3AndBelowTransactionalId, claim, enlisted, (error) => {
        const told = fencedError(error, exchange.apiVersion >= PRODUCER_FENCED_SINCE);
        answer(() => told);
      });
    },
  };
}
