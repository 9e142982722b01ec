/**
 * Partitions become part of a transaction because their producer writes there (KIP-890, Produce from version 12 on).
 *
 * Not the appends. To remember: a partition is in the journal as part of the transaction before anything is appended to
 * it, so that no crash leaves records of a transaction that its coordinator does not know of; and a producer's requests
 * keep their order, so whatever comes behind one that waits waits behind it.
 */

import type { BrokerContext } from '../context.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { ProduceInPlace } from '../protocol/produce-in-place.ts';
import type { EnlistedPartition, ProducerClaim } from '../transactions/events.ts';
import { transactionalProducer } from './batch-producer.ts';
import { topicOf } from './produce-topic.ts';

/** What has to be enlisted before the batches of a request may be appended. */
interface Missing {
  readonly claim: ProducerClaim;
  readonly partitions: EnlistedPartition[];
}

/**
 * Enlists what is missing, then runs `produce` with the error that kept it from being enlisted; at once when nothing is
 * missing.
 */
export function enlistThen(
  context: BrokerContext,
  request: ProduceInPlace,
  version: number,
  produce: (refusal: ErrorNumber) => void,
): void {
  const { transactionalId } = request;
  const waits = transactionalId !== null && context.transactions.isEnlisting(transactionalId);
  const missing = missingOf(context, request, version, waits);
  if (missing === undefined || transactionalId === null) {
    produce(ErrorCode.NONE);
    return;
  }
  context.transactions.enlist(transactionalId, missing.claim, missing.partitions, (error) => {
    produce(error === ErrorCode.PRODUCER_FENCED ? ErrorCode.INVALID_PRODUCER_EPOCH : error);
  });
}

/** Partitions that take no part yet, or `all`. */
function missingOf(
  context: BrokerContext,
  { bytes, topicData }: ProduceInPlace,
  version: number,
  all: boolean,
): Missing | undefined {
  let missing: Missing | undefined;
  for (const data of topicData) {
    const topic = topicOf(context, data, version);
    for (const { index, start, end } of data.partitionData) {
      const id = topic?.partitions[index];
      const claim = start === -1 ? undefined : transactionalProducer(bytes, start, end);
      if (topic === undefined || id === undefined || claim === undefined) continue;
      const isMissing = all || context.transactions.checkAppend(claim.producerId, claim.epoch, id) !== ErrorCode.NONE;
      if (!isMissing) continue;
      missing ??= { claim, partitions: [] };
      missing.partitions.push({ topic: topic.name, index, id });
    }
  }
  return missing;
}
