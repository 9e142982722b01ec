/**
 * What a new topic must fulfil, and how it comes to be: shared by CreateTopics and auto-create.
 *
 * Not the catalogue (ts/log/catalogue.ts), which takes what was checked here. To remember: every refusal names one topic
 * and leaves the others of the request alone (rule 46).
 */

import type { TopicCatalogue, TopicSpec } from '../../log/catalogue.ts';
import { collisionName, topicNameProblem } from '../../log/topic-name.ts';
import { configProblem, topicConfigKey } from '../config-table.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { BrokerSettings } from '../settings.ts';

/** More partitions than this in one topic are taken for a mistake. */
export const PARTITIONS_MAX = 100_000;

/** What a client asked for; -1 = the default. */
export interface TopicRequest {
  name: string;
  numPartitions: number;
  replicationFactor: number;
  assignments: readonly { partitionIndex: number; brokerIds: readonly number[] }[];
  configs: readonly { name: string; value: string | null }[];
}

export interface Refusal {
  readonly error: ErrorNumber;
  readonly message: string;
}

/** The topic to create, or why not. `nodeId` is the only broker there is. */
export function checkTopic(
  request: TopicRequest,
  catalogue: TopicCatalogue,
  settings: BrokerSettings,
  nodeId: number,
): TopicSpec | Refusal {
  const refusal =
    nameRefusal(request.name, catalogue) ??
    countRefusal(request) ??
    replicationRefusal(request, settings) ??
    assignmentRefusal(request, settings, nodeId) ??
    configRefusal(request);
  if (refusal) return refusal;
  const manual = request.assignments.length;
  const asked = request.numPartitions === -1 ? settings.number('num.partitions') : request.numPartitions;
  return {
    name: request.name,
    partitions: manual > 0 ? manual : asked,
    config: new Map(request.configs.map(({ name, value }) => [name, value ?? ''])),
  };
}

export function isRefusal(checked: TopicSpec | Refusal): checked is Refusal {
  return 'error' in checked;
}

/** Why `name` cannot become a topic now. */
export function nameRefusal(name: string, catalogue: TopicCatalogue): Refusal | undefined {
  const problem = topicNameProblem(name);
  if (problem !== undefined) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
  if (catalogue.get(name)) return refuse(ErrorCode.TOPIC_ALREADY_EXISTS, `topic ${name} exists already`);
  const twin = catalogue.colliding(collisionName(name));
  if (twin !== undefined && twin !== name) {
    return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, `topic ${name} differs from ${twin} only in "." and "_"`);
  }
  return undefined;
}

function countRefusal(request: TopicRequest): Refusal | undefined {
  const { numPartitions, assignments } = request;
  const count = assignments.length > 0 ? assignments.length : numPartitions;
  if (assignments.length > 0 && (numPartitions !== -1 || request.replicationFactor !== -1)) {
    return refuse(ErrorCode.INVALID_REQUEST, 'with assignments, partitions and replication factor must be -1');
  }
  if (count === 0 || count < -1) return refuse(ErrorCode.INVALID_PARTITIONS, 'a topic has at least one partition');
  if (count > PARTITIONS_MAX) {
    return refuse(ErrorCode.INVALID_PARTITIONS, `a topic has at most ${PARTITIONS_MAX} partitions`);
  }
  return undefined;
}

/** Rule 47: one node holds one replica; the lenient switch lets programs written for clusters ask for more. */
function replicationRefusal(request: TopicRequest, settings: BrokerSettings): Refusal | undefined {
  const factor = request.replicationFactor;
  if (factor === 0 || factor < -1) {
    return refuse(ErrorCode.INVALID_REPLICATION_FACTOR, 'the replication factor is at least 1');
  }
  if (factor > 1 && !settings.boolean('replication.lenient')) {
    return refuse(ErrorCode.INVALID_REPLICATION_FACTOR, `replication factor ${factor} asked for, there is one broker`);
  }
  return undefined;
}

function assignmentRefusal(request: TopicRequest, settings: BrokerSettings, nodeId: number): Refusal | undefined {
  const indexes = new Set(request.assignments.map((assignment) => assignment.partitionIndex));
  for (const { brokerIds } of request.assignments) {
    const here = brokerIds.includes(nodeId);
    if (here && (brokerIds.length === 1 || settings.boolean('replication.lenient'))) continue;
    return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `the only broker is ${nodeId}`);
  }
  for (let index = 0; index < request.assignments.length; index++) {
    if (!indexes.has(index))
      return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'partitions count from 0 without gaps');
  }
  return undefined;
}

function configRefusal(request: TopicRequest): Refusal | undefined {
  for (const { name, value } of request.configs) {
    const key = topicConfigKey(name);
    if (!key) return refuse(ErrorCode.INVALID_CONFIG, `unknown topic config ${name}`);
    if (value === null) return refuse(ErrorCode.INVALID_CONFIG, `${name} has no value`);
    const problem = configProblem(key, value);
    if (problem !== undefined) return refuse(ErrorCode.INVALID_CONFIG, problem);
  }
  return undefined;
}

function refuse(error: ErrorNumber, message: string): Refusal {
  return { error, message };
}
