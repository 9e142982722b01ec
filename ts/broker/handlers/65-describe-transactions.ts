/**
 * DescribeTransactions (key 65), version 0: state, producer and partitions of transactional ids.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeTransactionsRequest,
  type DescribeTransactionsResponse,
  describeTransactionsApi,
  type TransactionState,
} from '../protocol/gen/65-describe-transactions.gen.ts';
import type { Transaction } from '../transactions/transaction.ts';

function describe(transactionalId: string, transaction: Transaction | undefined): TransactionState {
  if (!transaction) {
    return {
      errorCode: ErrorCode.TRANSACTIONAL_ID_NOT_FOUND,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      transactionStartTimeMs: 0,
      producerId: -1,
      producerEpoch: 0,
      topics: [],
    };
  }
  const topics = new Map<string, number[]>();
  for (const { topic, index } of transaction.partitions.values()) {
    topics.set(topic, [...(topics.get(topic) ?? []), index]);
  }
  return {
    errorCode: ErrorCode.NONE,
    transactionalId,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStartTimeMs: transaction.startedMs,
    producerId: transaction.producerId,
    producerEpoch: transaction.epoch,
    topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
  };
}

export function describeTransactionsHandler(
  context: BrokerContext,
): Handler<DescribeTransactionsRequest, DescribeTransactionsResponse> {
  return {
    api: describeTransactionsApi,
    minVersion: 0,
    maxVersion: 0,
    handle({ transactionalIds }, exchange) {
      const transactionStates = transactionalIds.map((id) => describe(id, context.transactions.get(id)));
      exchange.reply({ throttleTimeMs: 0, transactionStates });
    },
  };
}
