/**
 * EndTxn (key 26), versions 0-4: commits or aborts, answered when the whole end is durable.
 *
 * Markers, offsets and the state of the transaction are one frame of the journal, so after the answer every partition
 * shows it, and before it none does.
 * 2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH; 3 flexible; 4 a transactional error.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { type EndTxnRequest, type EndTxnResponse, endTxnApi } from '../protocol/gen/26-end-txn.gen.ts';
import { fencedError } from '../transactions/fenced-error.ts';

const PRODUCER_FENCED_SINCE = 2;

export function endTxnHandler(context: BrokerContext): Handler<EndTxnRequest, EndTxnResponse> {
  return {
    api: endTxnApi,
    minVersion: 0,
    maxVersion: 4,
    handle({ transactionalId, producerId, producerEpoch: epoch, committed }, exchange) {
      context.transactions.end(transactionalId, { producerId, epoch }, committed, (error) => {
        const errorCode = fencedError(error, exchange.apiVersion >= PRODUCER_FENCED_SINCE);
        exchange.reply({ throttleTimeMs: 0, errorCode });
      });
    },
  };
}
