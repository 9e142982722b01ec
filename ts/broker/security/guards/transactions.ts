/**
 * Guards of producers with ids: idempotent ones and transactions.
 *
 * To remember: who writes under a transactional id needs the right for the id, whatever topics it may write to.
 */

import { ErrorCode, type ErrorNumber } from '../../protocol/error-codes.ts';
import { initProducerIdApi } from '../../protocol/gen/22-init-producer-id.gen.ts';
import {
  type AddPartitionsToTxnTopic,
  addPartitionsToTxnApi,
} from '../../protocol/gen/24-add-partitions-to-txn.gen.ts';
import { addOffsetsToTxnApi } from '../../protocol/gen/25-add-offsets-to-txn.gen.ts';
import { endTxnApi } from '../../protocol/gen/26-end-txn.gen.ts';
import { writeTxnMarkersApi } from '../../protocol/gen/27-write-txn-markers.gen.ts';
import { txnOffsetCommitApi } from '../../protocol/gen/28-txn-offset-commit.gen.ts';
import { describeTransactionsApi } from '../../protocol/gen/65-describe-transactions.gen.ts';
import { listTransactionsApi } from '../../protocol/gen/66-list-transactions.gen.ts';
import { Operation } from '../acl.ts';
import { refusedRows } from './groups.ts';
import { type AnyGuard, amended, guarding, split } from './guard.ts';

const {
  CLUSTER_AUTHORIZATION_FAILED,
  GROUP_AUTHORIZATION_FAILED,
  OPERATION_NOT_ATTEMPTED,
  TOPIC_AUTHORIZATION_FAILED,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
} = ErrorCode;

function partitionErrors(topics: readonly AddPartitionsToTxnTopic[], errorOf: (topic: string) => ErrorNumber) {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => {
      return { partitionIndex, partitionErrorCode: errorOf(name) };
    }),
  }));
}

export const TRANSACTION_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(initProducerIdApi, (request, rights, exchange, pass) => {
    const { transactionalId } = request;
    const may =
      transactionalId === null
        ? rights.cluster(Operation.idempotentWrite) || rights.anyTopic(Operation.write)
        : rights.transaction(Operation.write, transactionalId);
    if (may) pass(request, exchange);
    else {
      const errorCode = transactionalId === null ? CLUSTER_AUTHORIZATION_FAILED : TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
      exchange.reply({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 });
    }
  }),
  guarding(addPartitionsToTxnApi, (request, rights, exchange, pass) => {
    const topics = request.v3AndBelowTopics;
    const answer = (errorOf: (topic: string) => ErrorNumber): void => {
      exchange.reply({ throttleTimeMs: 0, resultsByTopicV3AndBelow: partitionErrors(topics, errorOf) });
    };
    if (!rights.transaction(Operation.write, request.v3AndBelowTransactionalId)) {
      answer(() => TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
      return;
    }
    const denied = new Set(topics.map(({ name }) => name).filter((name) => !rights.topic(Operation.write, name)));
    if (denied.size === 0) pass(request, exchange);
    else answer((topic) => (denied.has(topic) ? TOPIC_AUTHORIZATION_FAILED : OPERATION_NOT_ATTEMPTED));
  }),
  guarding(addOffsetsToTxnApi, (request, rights, exchange, pass) => {
    if (!rights.transaction(Operation.write, request.transactionalId)) {
      exchange.reply({ throttleTimeMs: 0, errorCode: TRANSACTIONAL_ID_AUTHORIZATION_FAILED });
    } else if (!rights.group(Operation.read, request.groupId)) {
      exchange.reply({ throttleTimeMs: 0, errorCode: GROUP_AUTHORIZATION_FAILED });
    } else pass(request, exchange);
  }),
  guarding(endTxnApi, (request, rights, exchange, pass) => {
    if (rights.transaction(Operation.write, request.transactionalId)) pass(request, exchange);
    else exchange.reply({ throttleTimeMs: 0, errorCode: TRANSACTIONAL_ID_AUTHORIZATION_FAILED });
  }),
  guarding(writeTxnMarkersApi, (request, rights, exchange, pass) => {
    if (rights.cluster(Operation.clusterAction) || rights.cluster(Operation.alter)) {
      pass(request, exchange);
      return;
    }
    const markers = request.markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          return { partitionIndex, errorCode: CLUSTER_AUTHORIZATION_FAILED };
        }),
      })),
    }));
    exchange.reply({ markers });
  }),
  guarding(txnOffsetCommitApi, (request, rights, exchange, pass) => {
    const refuse = (error: ErrorNumber): void => {
      exchange.reply({ throttleTimeMs: 0, topics: refusedRows(request.topics, error) });
    };
    if (!rights.transaction(Operation.write, request.transactionalId)) {
      refuse(TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    } else if (!rights.group(Operation.read, request.groupId)) {
      refuse(GROUP_AUTHORIZATION_FAILED);
    } else {
      const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.read, name));
      const refused = refusedRows(denied, TOPIC_AUTHORIZATION_FAILED);
      const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
      pass({ ...request, topics }, told);
    }
  }),
  guarding(describeTransactionsApi, (request, rights, exchange, pass) => {
    const [transactionalIds, denied] = split(request.transactionalIds, (id) =>
      rights.transaction(Operation.describe, id),
    );
    const refused = denied.map((transactionalId) => ({
      errorCode: TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      transactionStartTimeMs: 0,
      producerId: 0,
      producerEpoch: 0,
      topics: [],
    }));
    const told = amended(exchange, (response) => ({
      ...response,
      transactionStates: [
        ...response.transactionStates.map((state) => ({
          ...state,
          topics: state.topics.filter(({ topic }) => rights.topic(Operation.describe, topic)),
        })),
        ...refused,
      ],
    }));
    pass({ ...request, transactionalIds }, told);
  }),
  guarding(listTransactionsApi, (request, rights, exchange, pass) => {
    const told = amended(exchange, (response) => ({
      ...response,
      transactionStates: response.transactionStates.filter(({ transactionalId }) =>
        rights.transaction(Operation.describe, transactionalId),
      ),
    }));
    pass(request, told);
  }),
];
