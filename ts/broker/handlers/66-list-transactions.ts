/**
 * ListTransactions (key 66), versions 0-1: transactional ids by state, producer and age.
 *
 * Version 2 adds a pattern over ids, which is not served: it is a regular expression of a kind that Node has not.
 * 1 the least age of an open transaction.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ListTransactionsRequest,
  type ListTransactionsResponse,
  listTransactionsApi,
} from '../protocol/gen/66-list-transactions.gen.ts';

/** Kafka's names of states; those behind `Ongoing` that are not ours are never met. */
const STATES = new Set([
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
]);

export function listTransactionsHandler(
  context: BrokerContext,
): Handler<ListTransactionsRequest, ListTransactionsResponse> {
  return {
    api: listTransactionsApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ stateFilters, producerIdFilters, durationFilter }, exchange) {
      const states = new Set(stateFilters.filter((state) => STATES.has(state)));
      const producers = new Set(producerIdFilters);
      const startedBefore = durationFilter < 0 ? undefined : context.wallMs() - durationFilter;
      const transactionStates: ListTransactionsResponse['transactionStates'] = [];
      for (const { id, state, producerId, startedMs } of context.transactions.all()) {
        if (stateFilters.length > 0 && !states.has(state)) continue;
        if (producers.size > 0 && !producers.has(producerId)) continue;
        if (startedBefore !== undefined && (startedMs < 0 || startedMs > startedBefore)) continue;
        transactionStates.push({ transactionalId: id, producerId, transactionState: state });
      }
      exchange.reply({
        throttleTimeMs: 0,
        errorCode: ErrorCode.NONE,
        unknownStateFilters: stateFilters.filter((state) => !STATES.has(state)),
        transactionStates,
      });
    },
  };
}
