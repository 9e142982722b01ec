/**
 * CreateTopics (key 19), versions 0-7: each topic is one atomic frame, durable when it is answered (rules 46-48).
 *
 * 1 validate_only and error texts; 4 defaults by -1; 5 flexible, configs and counts in the answer; 6 refused by a quota;
 * 7 topic id.
 */

import type { Topic, TopicSpec } from '../../log/catalogue.ts';
import { topicConfigKeys } from '../config-table.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { checkTopic, isRefusal, type Refusal } from '../metadata/create-topic.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type CreatableTopic,
  type CreatableTopicResult,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  createTopicsApi,
} from '../protocol/gen/19-create-topics.gen.ts';
import { MUTATIONS_EXCEEDED, type Mutations } from '../security/mutation-quotas.ts';

const QUOTA_ERROR_SINCE = 6;

/** One request until every topic is created or refused. */
class OpenCreateTopics {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<CreateTopicsResponse>;
  readonly #topics: CreatableTopicResult[];
  readonly #quota: Mutations;
  #open = 1;

  constructor(context: BrokerContext, request: CreateTopicsRequest, exchange: Exchange<CreateTopicsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#quota = context.security.mutations.of(exchange, QUOTA_ERROR_SINCE);
    const twice = namesGivenTwice(request.topics);
    // A name has one row, however often it is given.
    const byName = new Map(request.topics.map((asked) => [asked.name, asked]));
    this.#topics = [...byName.keys()].map((name) => ({
      name,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      configs: [],
    }));
    for (const row of this.#topics) {
      const asked = byName.get(row.name) as CreatableTopic;
      if (twice.has(row.name)) refuse(row, { error: ErrorCode.INVALID_REQUEST, message: 'named twice in the request' });
      else this.#create(asked, row, request.validateOnly);
    }
    this.#close();
  }

  #create(asked: CreatableTopic, row: CreatableTopicResult, validateOnly: boolean): void {
    const { catalogue, settings, node } = this.#context;
    const spec = checkTopic(asked, catalogue, settings, node.id);
    if (isRefusal(spec)) {
      refuse(row, spec);
      return;
    }
    // As in Kafka, what is only validated counts as well.
    if (!this.#quota.take(spec.partitions)) {
      refuse(row, { error: ErrorCode.THROTTLING_QUOTA_EXCEEDED, message: MUTATIONS_EXCEEDED });
      return;
    }
    if (validateOnly) {
      this.#describe(row, spec, undefined);
      return;
    }
    this.#open++;
    catalogue.create(spec, (outcome) => {
      if (outcome.kind === 'done') this.#describe(row, spec, outcome.topic);
      else if (outcome.kind === 'failed') refuse(row, { error: kafkaErrorOf(outcome.code), message: 'not stored' });
      else refuse(row, { error: ErrorCode.TOPIC_ALREADY_EXISTS, message: `topic ${spec.name} exists already` });
      this.#close();
    });
  }

  #describe(row: CreatableTopicResult, spec: TopicSpec, topic: Topic | undefined): void {
    if (topic) row.topicId = topic.id;
    row.numPartitions = spec.partitions;
    row.replicationFactor = 1;
    row.configs = [...topicConfigKeys()].map((key) => {
      const { value, source } = this.#context.settings.topicValue(key, spec.config);
      return { name: key.name, value, readOnly: false, configSource: source, isSensitive: false };
    });
  }

  #close(): void {
    this.#open--;
    if (this.#open > 0) return;
    const { throttleMs } = this.#quota;
    this.#exchange.throttleMs = throttleMs;
    this.#exchange.reply({ throttleTimeMs: throttleMs, topics: this.#topics });
  }
}

function refuse(row: CreatableTopicResult, refusal: Refusal): void {
  row.errorCode = refusal.error;
  row.errorMessage = refusal.message;
}

function namesGivenTwice(topics: readonly { name: string }[]): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of topics) {
    if (seen.has(name)) twice.add(name);
    seen.add(name);
  }
  return twice;
}

export function createTopicsHandler(context: BrokerContext): Handler<CreateTopicsRequest, CreateTopicsResponse> {
  return {
    api: createTopicsApi,
    minVersion: 0,
    maxVersion: 7,
    handle(request, exchange) {
      new OpenCreateTopics(context, request, exchange);
    },
  };
}
