/**
 * Metadata (key 3), versions 0-12: this node, and topics with their partitions.
 *
 * A null list asks for all topics, an empty one for none (rule 49; in version 0 an empty list asks for all). A topic that
 * is not there is created when the request and auto.create.topics.enable allow it, and is complete in the answer
 * (rule 48). Leader of everything is this node, so leader and controller are always in the list of brokers (rule 3).
 * 1 null = all; 4 allow_auto_create; 7 leader epoch; 8-10 authorized operations; 9 flexible; 10 topic id; 12 null name.
 */

import type { Topic } from '../../log/catalogue.ts';
import { CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS } from '../authorized-operations.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Exchange, Handler } from '../handler.ts';
import { checkTopic, isRefusal } from '../metadata/create-topic.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type MetadataRequest,
  type MetadataRequestTopic,
  type MetadataResponse,
  type MetadataResponseTopic,
  metadataApi,
} from '../protocol/gen/03-metadata.gen.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';

/** One request creates at most so many topics: the rest is unknown until it asks again. */
const CREATIONS_MAX = 1000;

/** One request until every topic it creates is there. */
class OpenMetadata {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<MetadataResponse>;
  readonly #topics: MetadataResponseTopic[] = [];
  readonly #mayCreate: boolean;
  readonly #topicOperations: number;
  readonly #clusterOperations: number;
  #created = 0;
  #open = 1;

  constructor(context: BrokerContext, request: MetadataRequest, exchange: Exchange<MetadataResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#mayCreate = request.allowAutoTopicCreation && context.settings.boolean('auto.create.topics.enable');
    this.#topicOperations = request.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : NOT_ASKED;
    this.#clusterOperations = request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NOT_ASKED;
    if (request.topics === null || (exchange.apiVersion === 0 && request.topics.length === 0)) {
      for (const topic of context.catalogue.all()) this.#topics.push(this.#describe(topic));
    } else {
      // Each once, as Kafka does: a name repeated without end must not become an answer without end.
      for (const asked of uniqueTopics(request.topics)) this.#look(asked);
    }
    this.#close();
  }

  #look(asked: MetadataRequestTopic): void {
    const { catalogue } = this.#context;
    const { name, topicId } = asked;
    if (name === null || topicId !== ZERO_UUID) {
      const topic = catalogue.byId(topicId);
      this.#topics.push(topic ? this.#describe(topic) : absent(name, topicId, ErrorCode.UNKNOWN_TOPIC_ID));
      return;
    }
    const topic = catalogue.get(name);
    const at = this.#topics.length;
    this.#topics.push(topic ? this.#describe(topic) : absent(name, topicId, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION));
    if (!topic) this.#create(name, at);
  }

  /** Creates the topic where that is allowed, and puts it into the answer at `at`. */
  #create(name: string, at: number): void {
    const { catalogue, settings, node } = this.#context;
    const request = { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] };
    const spec = checkTopic(request, catalogue, settings, node.id);
    if (isRefusal(spec)) {
      this.#topics[at] = absent(name, ZERO_UUID, spec.error);
      return;
    }
    if (!this.#mayCreate || this.#created >= CREATIONS_MAX) return;
    // Over its quota of partitions a client is not told more than that there is no such topic yet, as in Kafka.
    if (!this.#context.security.mutations.of(this.#exchange, 0).take(spec.partitions)) return;
    this.#created++;
    this.#open++;
    catalogue.create(spec, (outcome) => {
      if (outcome.kind === 'done' || outcome.kind === 'exists') this.#topics[at] = this.#describe(outcome.topic);
      else if (outcome.kind === 'failed') this.#topics[at] = absent(name, ZERO_UUID, kafkaErrorOf(outcome.code));
      this.#close();
    });
  }

  #describe(topic: Topic): MetadataResponseTopic {
    const { id, leaderEpoch } = this.#context.node;
    return {
      errorCode: ErrorCode.NONE,
      name: topic.name,
      topicId: topic.id,
      isInternal: false,
      topicAuthorizedOperations: this.#topicOperations,
      partitions: topic.partitions.map((_, partitionIndex) => ({
        errorCode: ErrorCode.NONE,
        partitionIndex,
        leaderId: id,
        leaderEpoch,
        replicaNodes: [id],
        isrNodes: [id],
        offlineReplicas: [],
      })),
    };
  }

  #close(): void {
    this.#open--;
    if (this.#open > 0) return;
    const { node } = this.#context;
    const { host, port } = node.address(this.#exchange.peer);
    this.#exchange.reply({
      brokers: [{ nodeId: node.id, host, port, rack: null }],
      clusterId: node.clusterId,
      controllerId: node.id,
      topics: this.#topics,
      clusterAuthorizedOperations: this.#clusterOperations,
    });
  }
}

function uniqueTopics(topics: readonly MetadataRequestTopic[]): Iterable<MetadataRequestTopic> {
  return new Map(topics.map((asked) => [`${asked.topicId} ${asked.name ?? ''}`, asked])).values();
}

function absent(name: string | null, topicId: string, errorCode: ErrorNumber): MetadataResponseTopic {
  return { errorCode, name, topicId, isInternal: false, partitions: [] };
}

export function metadataHandler(context: BrokerContext): Handler<MetadataRequest, MetadataResponse> {
  return {
    api: metadataApi,
    minVersion: 0,
    maxVersion: 12,
    handle(request, exchange) {
      new OpenMetadata(context, request, exchange);
    },
  };
}
