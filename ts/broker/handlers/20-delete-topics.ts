/**
 * DeleteTopics (key 20), versions 0-6: a topic goes with its partitions and every group's offsets of it, in one frame.
 *
 * By name, or from version 6 by id (rule 54: an id that is gone is UNKNOWN_TOPIC_ID).
 * 4 flexible; 5 error texts, refused by a quota; 6 ids, another shape of the request.
 */

import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type DeletableTopicResult,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  deleteTopicsApi,
} from '../protocol/gen/20-delete-topics.gen.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';
import { MUTATIONS_EXCEEDED, type Mutations } from '../security/mutation-quotas.ts';

const IDS_SINCE = 6;
const DISABLED_ERROR_SINCE = 3;
const QUOTA_ERROR_SINCE = 5;

interface Asked {
  readonly name: string | null;
  readonly topicId: string;
}

/** One request until every topic is deleted or refused. */
class OpenDeleteTopics {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<DeleteTopicsResponse>;
  readonly #responses: DeletableTopicResult[];
  readonly #quota: Mutations;
  #open = 1;

  constructor(context: BrokerContext, asked: readonly Asked[], exchange: Exchange<DeleteTopicsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#quota = context.security.mutations.of(exchange, QUOTA_ERROR_SINCE);
    this.#responses = asked.map(({ name, topicId }) => ({ name, topicId, errorCode: ErrorCode.NONE }));
    for (const row of this.#responses) this.#delete(row);
    this.#close();
  }

  #delete(row: DeletableTopicResult): void {
    const { catalogue, offsets, settings } = this.#context;
    const byId = row.topicId !== ZERO_UUID;
    if (!settings.boolean('delete.topic.enable')) {
      const told = this.#exchange.apiVersion >= DISABLED_ERROR_SINCE;
      refuse(row, told ? ErrorCode.TOPIC_DELETION_DISABLED : ErrorCode.INVALID_REQUEST, 'delete.topic.enable is false');
      return;
    }
    if (byId === (row.name !== null)) {
      refuse(row, ErrorCode.INVALID_REQUEST, 'a topic is named by its name or by its id');
      return;
    }
    const topic = byId ? catalogue.byId(row.topicId ?? ZERO_UUID) : catalogue.get(row.name ?? '');
    if (!topic) {
      refuse(row, byId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'there is no such topic');
      return;
    }
    row.name = topic.name;
    row.topicId = topic.id;
    if (!this.#quota.take(topic.partitions.length)) {
      refuse(row, ErrorCode.THROTTLING_QUOTA_EXCEEDED, MUTATIONS_EXCEEDED);
      return;
    }
    this.#open++;
    const alsoInFrame = () => offsets.effectsOfDeleting(topic.name);
    catalogue.delete(topic.name, alsoInFrame, (outcome) => {
      if (outcome.kind === 'failed') refuse(row, kafkaErrorOf(outcome.code), 'not stored');
      this.#close();
    });
  }

  #close(): void {
    this.#open--;
    if (this.#open > 0) return;
    const { throttleMs } = this.#quota;
    this.#exchange.throttleMs = throttleMs;
    this.#exchange.reply({ throttleTimeMs: throttleMs, responses: this.#responses });
  }
}

function refuse(row: DeletableTopicResult, error: ErrorNumber, message: string): void {
  row.errorCode = error;
  row.errorMessage = message;
}

export function deleteTopicsHandler(context: BrokerContext): Handler<DeleteTopicsRequest, DeleteTopicsResponse> {
  return {
    api: deleteTopicsApi,
    minVersion: 0,
    maxVersion: 6,
    handle(request, exchange) {
      const byName = request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
      new OpenDeleteTopics(context, exchange.apiVersion < IDS_SINCE ? byName : request.topics, exchange);
    },
  };
}
