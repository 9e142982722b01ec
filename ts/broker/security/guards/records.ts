/**
 * Guards of reading and writing records: Produce, offsets, and what producers need before they write.
 *
 * Fetch is not here: what a session of it holds is checked where the session is (handlers/01-fetch.ts), at every fetch.
 * To remember: with acks=0 there is no reply to refuse anything in, so the connection is closed (rule 2).
 */

import type { ServedApi } from '../../handler.ts';
import { ErrorCode, type ErrorNumber } from '../../protocol/error-codes.ts';
import { type ProduceResponse, produceApi } from '../../protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../protocol/gen/02-list-offsets.gen.ts';
import { deleteRecordsApi } from '../../protocol/gen/21-delete-records.gen.ts';
import { offsetForLeaderEpochApi } from '../../protocol/gen/23-offset-for-leader-epoch.gen.ts';
import { describeProducersApi } from '../../protocol/gen/61-describe-producers.gen.ts';
import type { ProduceInPlace } from '../../protocol/produce-in-place.ts';
import { Operation } from '../acl.ts';
import { type AnyGuard, amended, guarding, open, split } from './guard.ts';

const { TOPIC_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED } = ErrorCode;

/** Produce is decoded in a way of its own. */
const produceInPlaceApi = produceApi as unknown as ServedApi<ProduceInPlace, ProduceResponse>;

function refusedTopics(topics: ProduceInPlace['topicData'], errorCode: ErrorNumber): ProduceResponse['responses'] {
  return topics.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
  }));
}

export const RECORD_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(produceInPlaceApi, (request, rights, exchange, pass, broker) => {
    const { transactionalId, topicData } = request;
    const isHolder = transactionalId === null || rights.transaction(Operation.write, transactionalId);
    const [allowed, denied] = split(topicData, ({ name, topicId }) => {
      // A topic that is not there is told by its id; nobody learns more from it.
      const known = name === '' ? broker.nameOf(topicId) : name;
      return isHolder && (known === undefined || rights.topic(Operation.write, known));
    });
    if (denied.length === 0) pass(request, exchange);
    else if (request.acks === 0) exchange.close('produce with acks=0 to what may not be written');
    else {
      const refused = refusedTopics(
        denied,
        isHolder ? TOPIC_AUTHORIZATION_FAILED : TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      );
      const told = amended(exchange, (response) => ({ ...response, responses: [...response.responses, ...refused] }));
      pass({ ...request, topicData: allowed }, told);
    }
  }),
  open(fetchApi),
  guarding(listOffsetsApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.describe, name));
    const refused = denied.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: TOPIC_AUTHORIZATION_FAILED })),
    }));
    const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
    pass({ ...request, topics }, told);
  }),
  guarding(deleteRecordsApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.delete, name));
    const refused = denied.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        return { partitionIndex, lowWatermark: -1, errorCode: TOPIC_AUTHORIZATION_FAILED };
      }),
    }));
    const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
    pass({ ...request, topics }, told);
  }),
  guarding(offsetForLeaderEpochApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ topic }) => rights.topic(Operation.describe, topic));
    const refused = denied.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: TOPIC_AUTHORIZATION_FAILED })),
    }));
    const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
    pass({ ...request, topics }, told);
  }),
  guarding(describeProducersApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.read, name));
    const refused = denied.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => {
        return { partitionIndex, errorCode: TOPIC_AUTHORIZATION_FAILED, activeProducers: [] };
      }),
    }));
    const told = amended(exchange, (response) => ({ ...response, topics: [...response.topics, ...refused] }));
    pass({ ...request, topics }, told);
  }),
];
