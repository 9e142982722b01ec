/**
 * What may become of a topic's settings and partitions: shared by AlterConfigs, IncrementalAlterConfigs, CreatePartitions.
 *
 * Not the catalogue, which stores what was decided here. To remember: all changes of one resource are made, or none
 * (rule 51).
 */

import type { Topic } from '../../log/catalogue.ts';
import type { ConfigKey } from '../config-key.ts';
import { configProblem, splitList, topicConfigKey } from '../config-table.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { BrokerSettings } from '../settings.ts';
import { PARTITIONS_MAX, type Refusal } from './create-topic.ts';

/** Operations of IncrementalAlterConfigs, by Kafka's numbers. */
export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export interface ConfigChange {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

type Config = ReadonlyMap<string, string>;

/** AlterConfigs: exactly what is named; everything else goes back to its default. */
export function replacedConfig(changes: readonly Omit<ConfigChange, 'configOperation'>[]): Config | Refusal {
  return changedConfig(
    new Map(),
    changes.map((change) => ({ ...change, configOperation: ConfigOperation.set })),
    () => '',
  );
}

/**
 * IncrementalAlterConfigs: the settings of a topic after `changes`. `inForce` tells a value that is not the topic's own,
 * which is what a list is appended to then.
 */
export function changedConfig(
  config: Config,
  changes: readonly ConfigChange[],
  inForce: (key: ConfigKey) => string,
): Config | Refusal {
  const changed = new Map(config);
  const seen = new Set<string>();
  for (const change of changes) {
    const { name, configOperation, value } = change;
    if (seen.has(name)) return refuse(ErrorCode.INVALID_REQUEST, `${name} is named twice`);
    seen.add(name);
    const key = topicConfigKey(name);
    if (!key) return refuse(ErrorCode.INVALID_CONFIG, `unknown topic config ${name}`);
    if (configOperation === ConfigOperation.delete) {
      changed.delete(name);
      continue;
    }
    if (value === null) return refuse(ErrorCode.INVALID_REQUEST, `${name} has no value`);
    const next = valueAfter(key, configOperation, value, changed.get(name) ?? inForce(key));
    if (typeof next !== 'string') return next;
    const problem = configProblem(key, next);
    if (problem !== undefined) return refuse(ErrorCode.INVALID_CONFIG, problem);
    changed.set(name, next);
  }
  return changed;
}

function valueAfter(key: ConfigKey, operation: number, value: string, before: string): string | Refusal {
  if (operation === ConfigOperation.set) return value;
  if (operation !== ConfigOperation.append && operation !== ConfigOperation.subtract) {
    return refuse(ErrorCode.INVALID_REQUEST, `there is no config operation ${operation}`);
  }
  if (key.type !== 'list') return refuse(ErrorCode.INVALID_CONFIG, `${key.name} is no list`);
  const items = splitList(before);
  const named = splitList(value);
  const kept = items.filter((item) => !named.includes(item));
  if (operation === ConfigOperation.subtract) return kept.join(',');
  return [...items, ...named.filter((item, at) => !items.includes(item) && named.indexOf(item) === at)].join(',');
}

/** What a client asked of CreatePartitions for one topic. */
export interface PartitionsRequest {
  readonly count: number;
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null;
}

/** Why `topic` cannot get so many partitions. `nodeId` is the only broker there is. */
export function partitionsRefusal(
  topic: Topic,
  { count, assignments }: PartitionsRequest,
  settings: BrokerSettings,
  nodeId: number,
): Refusal | undefined {
  const present = topic.partitions.length;
  if (count <= present) return refuse(ErrorCode.INVALID_PARTITIONS, `topic ${topic.name} has ${present} partitions`);
  if (count > PARTITIONS_MAX) {
    return refuse(ErrorCode.INVALID_PARTITIONS, `a topic has at most ${PARTITIONS_MAX} partitions`);
  }
  if (assignments === null) return undefined;
  if (assignments.length !== count - present) {
    return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `${count - present} assignments are needed`);
  }
  for (const { brokerIds } of assignments) {
    const here = brokerIds.includes(nodeId);
    if (here && (brokerIds.length === 1 || settings.boolean('replication.lenient'))) continue;
    return refuse(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `the only broker is ${nodeId}`);
  }
  return undefined;
}

export function isRefusal(outcome: Config | Refusal): outcome is Refusal {
  return 'error' in outcome;
}

function refuse(error: ErrorNumber, message: string): Refusal {
  return { error, message };
}
