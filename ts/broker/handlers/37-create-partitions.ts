/**
 * CreatePartitions (key 37), versions 0-3: adds partitions to topics, one row a topic (rule 46), durable when answered.
 *
 * 2 flexible; 3 refused by a quota.
 */

import type { Topic } from '../../log/catalogue.ts';
import { topicNameProblem } from '../../log/topic-name.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import type { Refusal } from '../metadata/create-topic.ts';
import { partitionsRefusal } from '../metadata/more-partitions.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreatePartitionsTopic,
  type CreatePartitionsTopicResult,
  createPartitionsApi,
} from '../protocol/gen/37-create-partitions.gen.ts';
import { MUTATIONS_EXCEEDED, type Mutations } from '../security/mutation-quotas.ts';

const QUOTA_ERROR_SINCE = 3;

/** One request until every topic has its partitions or its refusal. */
class OpenCreatePartitions {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<CreatePartitionsResponse>;
  readonly #results: CreatePartitionsTopicResult[] = [];
  readonly #quota: Mutations;
  #open = 1;

  constructor(context: BrokerContext, request: CreatePartitionsRequest, exchange: Exchange<CreatePartitionsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#quota = context.security.mutations.of(exchange, QUOTA_ERROR_SINCE);
    const asked = new Map<string, CreatePartitionsTopic>();
    const twice = new Set<string>();
    for (const topic of request.topics) {
      if (asked.has(topic.name)) twice.add(topic.name);
      asked.set(topic.name, topic);
    }
    for (const [name, topic] of asked) {
      const row: CreatePartitionsTopicResult = { name, errorCode: ErrorCode.NONE, errorMessage: null };
      this.#results.push(row);
      if (twice.has(name)) refuse(row, ErrorCode.INVALID_REQUEST, 'named twice in the request');
      else this.#add(topic, row, request.validateOnly);
    }
    this.#close();
  }

  #add(asked: CreatePartitionsTopic, row: CreatePartitionsTopicResult, validateOnly: boolean): void {
    const { catalogue, settings, node } = this.#context;
    const decide = (topic: Topic) => {
      const refusal = partitionsRefusal(topic, asked, settings, node.id) ?? this.#overQuota(topic, asked);
      if (refusal) refuse(row, refusal.error, refusal.message);
      return refusal || validateOnly ? undefined : { config: topic.config, partitions: asked.count };
    };
    this.#open++;
    catalogue.alter(asked.name, decide, (outcome) => {
      if (outcome.kind === 'failed') refuse(row, kafkaErrorOf(outcome.code), 'not stored');
      if (outcome.kind === 'unknown') {
        const problem = topicNameProblem(asked.name);
        if (problem === undefined) refuse(row, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'there is no such topic');
        else refuse(row, ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
      }
      this.#close();
    });
  }

  /** As in Kafka, what is only validated counts as well. */
  #overQuota({ partitions }: Topic, { count }: CreatePartitionsTopic): Refusal | undefined {
    if (this.#quota.take(count - partitions.length)) return undefined;
    return { error: ErrorCode.THROTTLING_QUOTA_EXCEEDED, message: MUTATIONS_EXCEEDED };
  }

  #close(): void {
    this.#open--;
    if (this.#open > 0) return;
    const { throttleMs } = this.#quota;
    this.#exchange.throttleMs = throttleMs;
    this.#exchange.reply({ throttleTimeMs: throttleMs, results: this.#results });
  }
}

function refuse(row: CreatePartitionsTopicResult, error: ErrorNumber, message: string): void {
  row.errorCode = error;
  row.errorMessage = message;
}

export function createPartitionsHandler(
  context: BrokerContext,
): Handler<CreatePartitionsRequest, CreatePartitionsResponse> {
  return {
    api: createPartitionsApi,
    minVersion: 0,
    maxVersion: 3,
    handle(request, exchange) {
      new OpenCreatePartitions(context, request, exchange);
    },
  };
}
