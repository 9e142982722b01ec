/**
 * ListTransactions (key 66), versions 0-2: transactional ids by state, producer and age.
 *
 * 1 the least age of an open transaction; 2 a pattern over ids, matched in linear time as those of topics are.
 */

import { compileTopicPattern, topicPatternProblem } from '../consumer-groups/topic-pattern.ts';
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

/** Which ids a pattern means; none and an empty one mean all. Undefined for what is no pattern. */
function matcherOf(pattern: string | null): ((id: string) => boolean) | undefined {
  if (pattern === null || pattern === '') return () => true;
  return topicPatternProblem(pattern) === undefined ? compileTopicPattern(pattern) : undefined;
}

export function listTransactionsHandler(
  context: BrokerContext,
): Handler<ListTransactionsRequest, ListTransactionsResponse> {
  return {
    api: listTransactionsApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ stateFilters, producerIdFilters, durationFilter, transactionalIdPattern }, exchange) {
      const matches = matcherOf(transactionalIdPattern);
      if (matches === undefined) {
        const errorCode = ErrorCode.INVALID_REGULAR_EXPRESSION;
        exchange.reply({ throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] });
        return;
      }
      const states = new Set(stateFilters.filter((state) => STATES.has(state)));
      const producers = new Set(producerIdFilters);
      const startedBefore = durationFilter < 0 ? undefined : context.wallMs() - durationFilter;
      const transactionStates: ListTransactionsResponse['transactionStates'] = [];
      for (const { id, state, producerId, startedMs } of context.transactions.all()) {
        if (stateFilters.length > 0 && !states.has(state)) continue;
        if (!matches(id)) continue;
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
