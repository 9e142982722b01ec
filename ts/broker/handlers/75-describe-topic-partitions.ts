/**
 * DescribeTopicPartitions (key 75), version 0: topics in order of their names, a bounded number of partitions at a time.
 *
 * Java's admin client prefers it to Metadata. An empty list asks for all topics. What does not fit is named by a cursor,
 * where the client goes on.
 */

import { topicNameProblem } from '../../log/topic-name.ts';
import { TOPIC_OPERATIONS } from '../authorized-operations.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  type DescribeTopicPartitionsResponsePartition,
  type DescribeTopicPartitionsResponseTopic,
  describeTopicPartitionsApi,
  type ResponseCursor,
} from '../protocol/gen/75-describe-topic-partitions.gen.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';

/** Partitions of one answer, whatever the client asks for. */
const PARTITIONS_MAX = 2000;

interface Page {
  topics: DescribeTopicPartitionsResponseTopic[];
  nextCursor: ResponseCursor | null;
}

function pageOf(context: BrokerContext, request: DescribeTopicPartitionsRequest): Page {
  const { cursor } = request;
  const names = wantedNames(context, request).filter((name) => cursor === null || name >= cursor.topicName);
  const page: Page = { topics: [], nextCursor: null };
  let left = Math.max(1, Math.min(request.responsePartitionLimit, PARTITIONS_MAX));
  for (const name of names) {
    if (left === 0) {
      page.nextCursor = { topicName: name, partitionIndex: 0 };
      return page;
    }
    const first = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
    const { row, count } = describeTopic(context, name, first, left);
    page.topics.push(row);
    left -= row.partitions.length;
    if (first + row.partitions.length < count) {
      page.nextCursor = { topicName: name, partitionIndex: first + row.partitions.length };
      return page;
    }
  }
  return page;
}

/** Sorted as JavaScript and Java both sort text: by UTF-16 units. */
function wantedNames({ catalogue }: BrokerContext, { topics }: DescribeTopicPartitionsRequest): string[] {
  const names = topics.length === 0 ? Array.from(catalogue.all(), (topic) => topic.name) : topics.map((t) => t.name);
  return [...new Set(names)].sort();
}

function describeTopic(context: BrokerContext, name: string, first: number, limit: number) {
  const topic = context.catalogue.get(name);
  if (!topic) {
    const errorCode =
      topicNameProblem(name) === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
    const row = { errorCode, name, topicId: ZERO_UUID, partitions: [] };
    return { row: { ...row, topicAuthorizedOperations: TOPIC_OPERATIONS }, count: 0 };
  }
  const { id, leaderEpoch } = context.node;
  const partitions: DescribeTopicPartitionsResponsePartition[] = [];
  for (let index = first; index < topic.partitions.length && partitions.length < limit; index++) {
    partitions.push({
      errorCode: ErrorCode.NONE,
      partitionIndex: index,
      leaderId: id,
      leaderEpoch,
      replicaNodes: [id],
      isrNodes: [id],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    });
  }
  const row = { errorCode: ErrorCode.NONE, name, topicId: topic.id, partitions };
  return { row: { ...row, topicAuthorizedOperations: TOPIC_OPERATIONS }, count: topic.partitions.length };
}

export function describeTopicPartitionsHandler(
  context: BrokerContext,
): Handler<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse> {
  return {
    api: describeTopicPartitionsApi,
    minVersion: 0,
    maxVersion: 0,
    handle(request, exchange) {
      exchange.reply({ throttleTimeMs: 0, ...pageOf(context, request) });
    },
  };
}
