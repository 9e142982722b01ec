/**
 * Guards of topics: told, created, changed and deleted.
 *
 * To remember: a topic that may not be described is told like one that is not there where all are asked for, and refused
 * where it is named, whether it exists or not.
 */

import { NOT_ASKED } from '../../authorized-operations.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import {
  type MetadataRequest,
  type MetadataRequestTopic,
  type MetadataResponse,
  type MetadataResponseTopic,
  metadataApi,
} from '../../protocol/gen/03-metadata.gen.ts';
import { createTopicsApi } from '../../protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../protocol/gen/20-delete-topics.gen.ts';
import { createPartitionsApi } from '../../protocol/gen/37-create-partitions.gen.ts';
import { describeTopicPartitionsApi } from '../../protocol/gen/75-describe-topic-partitions.gen.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { CLUSTER_NAME, Operation, ResourceType } from '../acl.ts';
import { type AnyGuard, amended, type Guard, type GuardedBroker, guarding, type Rights, split } from './guard.ts';

const { NONE, TOPIC_AUTHORIZATION_FAILED } = ErrorCode;
const DELETE_BY_ID_SINCE = 6;

/** Bits of a topic that were asked for, less those that may not be done. */
function topicBits(rights: Rights, bits: number | undefined, name: string | null): number {
  if (bits === undefined || bits === NOT_ASKED) return NOT_ASKED;
  return rights.bits(bits, ResourceType.topic, name ?? '');
}

/** Bits of the cluster, likewise. */
export function clusterBits(rights: Rights, bits: number | undefined): number {
  if (bits === undefined || bits === NOT_ASKED) return NOT_ASKED;
  return rights.bits(bits, ResourceType.cluster, CLUSTER_NAME);
}

function describedOnly(rights: Rights, response: MetadataResponse, refused: MetadataResponseTopic[]): MetadataResponse {
  const topics = response.topics
    .filter(({ errorCode, name }) => errorCode !== NONE || name === null || rights.topic(Operation.describe, name))
    .map((row) => ({ ...row, topicAuthorizedOperations: topicBits(rights, row.topicAuthorizedOperations, row.name) }));
  return {
    ...response,
    topics: [...topics, ...refused],
    clusterAuthorizedOperations: clusterBits(rights, response.clusterAuthorizedOperations),
  };
}

/** Why a topic of a Metadata request is not for this peer: it may not know it, or not create it. */
function isMetadataDenied(
  { name, topicId }: MetadataRequestTopic,
  request: MetadataRequest,
  rights: Rights,
  broker: GuardedBroker,
): boolean {
  if (name === null || topicId !== ZERO_UUID) {
    const known = broker.nameOf(topicId);
    return known !== undefined && !rights.topic(Operation.describe, known);
  }
  if (!rights.topic(Operation.describe, name)) return true;
  if (broker.hasTopic(name) || !request.allowAutoTopicCreation || !broker.createsTopics) return false;
  return !rights.cluster(Operation.create) && !rights.topic(Operation.create, name);
}

const guardMetadata: Guard<MetadataRequest, MetadataResponse> = (request, rights, exchange, pass, broker) => {
  const { topics } = request;
  const isForAll = topics === null || (exchange.apiVersion === 0 && topics.length === 0);
  const [allowed, denied] = isForAll
    ? [topics, []]
    : split(topics, (asked) => !isMetadataDenied(asked, request, rights, broker));
  const refused = denied.map(({ name, topicId }): MetadataResponseTopic => {
    // The id of a topic that is asked for by name stays hidden, and the name of one that is asked for by id.
    const byId = name === null || topicId !== ZERO_UUID;
    const shown = byId ? { name: null, topicId } : { name, topicId: ZERO_UUID };
    return { errorCode: TOPIC_AUTHORIZATION_FAILED, ...shown, isInternal: false, partitions: [] };
  });
  const told = amended(exchange, (response) => describedOnly(rights, response, refused));
  // In version 0 no names mean all of them.
  if (exchange.apiVersion === 0 && denied.length > 0 && allowed?.length === 0) {
    pass(
      { ...request, topics: [{ name: '', topicId: ZERO_UUID }] },
      amended(told, (response) => ({ ...response, topics: [] })),
    );
  } else pass({ ...request, topics: allowed }, told);
};

export const TOPIC_GUARDS: readonly (readonly [number, AnyGuard])[] = [
  guarding(metadataApi, guardMetadata),
  guarding(describeTopicPartitionsApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.describe, name));
    // What lies before the cursor was told with an earlier page.
    const from = request.cursor?.topicName ?? '';
    const refused = denied
      .filter(({ name }) => name >= from)
      .map(({ name }) => ({ errorCode: TOPIC_AUTHORIZATION_FAILED, name, topicId: ZERO_UUID, partitions: [] }));
    if (denied.length > 0 && topics.length === 0) {
      exchange.reply({ throttleTimeMs: 0, topics: refused, nextCursor: null });
      return;
    }
    const told = amended(exchange, (response) => ({
      ...response,
      topics: response.topics
        .filter(({ name }) => name === null || rights.topic(Operation.describe, name))
        .map((row) => ({
          ...row,
          topicAuthorizedOperations: topicBits(rights, row.topicAuthorizedOperations, row.name),
        }))
        .concat(response.nextCursor ? [] : refused.map((row) => ({ ...row, topicAuthorizedOperations: NOT_ASKED }))),
    }));
    pass({ ...request, topics }, told);
  }),
  guarding(createTopicsApi, (request, rights, exchange, pass) => {
    const mayAll = rights.cluster(Operation.create);
    const [topics, denied] = split(request.topics, ({ name }) => mayAll || rights.topic(Operation.create, name));
    const names = [...new Set(denied.map(({ name }) => name))];
    const errorMessage = 'Authorization failed.';
    const refused = names.map((name) => {
      return { name, errorCode: TOPIC_AUTHORIZATION_FAILED, errorMessage, configs: [] };
    });
    const told = amended(exchange, (response) => ({
      ...response,
      topics: [
        ...response.topics.map((row) => {
          if (row.errorCode !== NONE || rights.topic(Operation.describeConfigs, row.name)) return row;
          const hidden = { numPartitions: -1, replicationFactor: -1, configs: null };
          return { ...row, ...hidden, topicConfigErrorCode: TOPIC_AUTHORIZATION_FAILED };
        }),
        ...refused,
      ],
    }));
    pass({ ...request, topics }, told);
  }),
  guarding(deleteTopicsApi, (request, rights, exchange, pass, broker) => {
    const may = (name: string): boolean => rights.topic(Operation.delete, name);
    const [topicNames, deniedNames] = split(request.topicNames, may);
    const [topics, deniedTopics] = split(request.topics, ({ name, topicId }) => {
      const known = name ?? broker.nameOf(topicId);
      return known === undefined || may(known);
    });
    const errorMessage = exchange.apiVersion >= DELETE_BY_ID_SINCE - 1 ? 'Topic authorization failed.' : null;
    const errorCode = TOPIC_AUTHORIZATION_FAILED;
    const refused = [
      ...deniedNames.map((name) => ({ name, topicId: ZERO_UUID, errorCode, errorMessage })),
      ...deniedTopics.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage })),
    ];
    const told = amended(exchange, (response) => ({ ...response, responses: [...response.responses, ...refused] }));
    pass({ ...request, topicNames, topics }, told);
  }),
  guarding(createPartitionsApi, (request, rights, exchange, pass) => {
    const [topics, denied] = split(request.topics, ({ name }) => rights.topic(Operation.alter, name));
    const refused = denied.map(({ name }) => ({ name, errorCode: TOPIC_AUTHORIZATION_FAILED, errorMessage: null }));
    const told = amended(exchange, (response) => ({ ...response, results: [...response.results, ...refused] }));
    pass({ ...request, topics }, told);
  }),
];
