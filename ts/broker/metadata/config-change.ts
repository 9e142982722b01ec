/**
 * What the settings of one resource are after AlterConfigs or IncrementalAlterConfigs.
 *
 * Not how they are stored. To remember: all changes of one resource are made, or none (rule 51); a topic and the broker
 * differ in their keys and in the codes Kafka has for a bad change, and in nothing else.
 */

import type { ConfigKey } from '../config-key.ts';
import { brokerConfigKey, configProblem, splitList, topicConfigKey } from '../config-table.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { Refusal } from './create-topic.ts';

/** Operations of IncrementalAlterConfigs, by Kafka's numbers. */
export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export interface ConfigChange {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

export type Config = ReadonlyMap<string, string>;

/** Whose settings are changed. */
export interface ConfigSubject {
  /** What it was given itself. */
  readonly config: Config;
  /** The key of a setting it can be given, or why it cannot. */
  key(name: string): ConfigKey | Refusal;
  /** Tells a value that is not its own, which is what a list is appended to then. */
  inForce(key: ConfigKey): string;
  /** What a bad value is answered with. */
  readonly badValue: ErrorNumber;
}

/** A topic, whose settings without its own are told by `inForce`. */
export function topicSubject(config: Config, inForce: (key: ConfigKey) => string): ConfigSubject {
  const badValue = ErrorCode.INVALID_CONFIG;
  const key = (name: string) => topicConfigKey(name) ?? refuse(badValue, `unknown topic config ${name}`);
  return { config, key, inForce, badValue };
}

/** The broker, or the defaults of all brokers: only what can be altered while it runs. */
export function brokerSubject(config: Config, inForce: (key: ConfigKey) => string): ConfigSubject {
  const badValue = ErrorCode.INVALID_REQUEST;
  const key = (name: string) => {
    const found = brokerConfigKey(name);
    if (!found) return refuse(badValue, `unknown broker config ${name}`);
    return found.dynamic ? found : refuse(badValue, `${name} can only be changed by starting the broker with it`);
  };
  return { config, key, inForce, badValue };
}

/** AlterConfigs: exactly what is named; everything else goes back to its default. */
export function replacedConfig(
  subject: ConfigSubject,
  changes: readonly Omit<ConfigChange, 'configOperation'>[],
): Config | Refusal {
  return changedConfig(
    { ...subject, config: new Map() },
    changes.map((change) => ({ ...change, configOperation: ConfigOperation.set })),
  );
}

/** IncrementalAlterConfigs: the settings after `changes`, or why none of them is made. */
export function changedConfig(subject: ConfigSubject, changes: readonly ConfigChange[]): Config | Refusal {
  const changed = new Map(subject.config);
  const seen = new Set<string>();
  for (const { name, configOperation, value } of changes) {
    if (seen.has(name)) return refuse(ErrorCode.INVALID_REQUEST, `${name} is named twice`);
    seen.add(name);
    const key = subject.key(name);
    if ('error' in key) return key;
    if (configOperation === ConfigOperation.delete) {
      changed.delete(name);
      continue;
    }
    if (value === null) return refuse(ErrorCode.INVALID_REQUEST, `${name} has no value`);
    const next = valueAfter(key, configOperation, value, changed.get(name) ?? subject.inForce(key));
    if (typeof next !== 'string') return next;
    const problem = configProblem(key, next);
    if (problem !== undefined) return refuse(subject.badValue, problem);
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

export function isRefusal(outcome: Config | Refusal): outcome is Refusal {
  return 'error' in outcome;
}

function refuse(error: ErrorNumber, message: string): Refusal {
  return { error, message };
}
