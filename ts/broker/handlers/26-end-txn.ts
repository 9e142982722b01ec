/**
 * EndTxn (key 26), versions 0-5: commits or aborts, answered when the whole end is durable.
 *
 * Markers, offsets and the state of the transaction are one frame of the journal, so after the answer every partition
 * shows it, and before it none does.
 * 2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH; 3 flexible; 4 a transactional error; 5 the producer
 * gets the next epoch with the end, so that nothing it has sent before can come late (KIP-890).
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { type EndTxnRequest, type EndTxnResponse, endTxnApi } from '../protocol/gen/26-end-txn.gen.ts';
import { fencedError } from '../transactions/fenced-error.ts';

const PRODUCER_FENCED_SINCE = 2;
const EPOCH_BUMP_SINCE = 5;

export function endTxnHandler(context: BrokerContext): Handler<EndTxnRequest, EndTxnResponse> {
  return {
    api: endTxnApi,
    minVersion: 0,
    maxVersion: 5,
    handle({ transactionalId, producerId, producerEpoch: epoch, committed }, exchange) {
      if (exchange.apiVersion >= EPOCH_BUMP_SINCE) {
        context.transactions.endAndBump(transactionalId, { producerId, epoch }, committed, (ended) => {
          const { error: errorCode } = ended;
          exchange.reply({ throttleTimeMs: 0, errorCode, producerId: ended.producerId, producerEpoch: ended.epoch });
        });
        return;
      }
      context.transactions.end(transactionalId, { producerId, epoch }, committed, (error) => {
        const errorCode = fencedError(error, exchange.apiVersion >= PRODUCER_FENCED_SINCE);
        exchange.reply({ throttleTimeMs: 0, errorCode });
      });
    },
  };
}
