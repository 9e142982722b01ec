/**
 * The settings in force: what was given when the broker was started, over the defaults of the table.
 *
 * Not the table itself (config-table.ts). To remember: a topic's value is its own, else the broker's synonym that was
 * given, else the default; DescribeConfigs tells which of them it is (rule 50).
 */

import { type Durability, levelNumber } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import type { LevelNumber } from '../io/native-types.ts';
import type { Topic } from '../log/catalogue.ts';
import type { PartitionSettings } from '../log/types.ts';
import type { ConfigKey } from './config-key.ts';
import { brokerConfigKey, brokerConfigKeys, configProblem, splitList, topicConfigKey } from './config-table.ts';
import { partitionSettings } from './metadata/partition-settings.ts';

/** Where a value comes from, by Kafka's numbers. */
export const ConfigSource = { dynamicTopic: 1, staticBroker: 4, default: 5 } as const;
export type ConfigSourceNumber = (typeof ConfigSource)[keyof typeof ConfigSource];

/** A value with everything that would hold without it, strongest first; the first entry is the value itself. */
export interface ConfigValue {
  readonly value: string;
  readonly source: ConfigSourceNumber;
  readonly synonyms: readonly { readonly name: string; readonly value: string; readonly source: ConfigSourceNumber }[];
}

/** What the produce path needs of a topic's settings, decoded once. */
export interface TopicLimits {
  readonly maxMessageBytes: number;
  /** min.durability: no acknowledgement stands for less. */
  readonly floor: LevelNumber;
  readonly stampAppendTime: boolean;
  readonly refuseKeyless: boolean;
  /** False for a topic that is only compacted: its records go by their keys alone. */
  readonly mayDelete: boolean;
  /** What the engine is told of its partitions. */
  readonly partitions: PartitionSettings;
}

/** The settings of one broker. */
export class BrokerSettings {
  readonly #given: ReadonlyMap<string, string>;
  readonly #limits = new WeakMap<Topic, TopicLimits>();

  /** `given`: broker keys by Kafka's names, or in camelCase. Throws MILLRACE_OPTION on an unknown key or a bad value. */
  constructor(given: Readonly<Record<string, string | number | boolean>>) {
    const checked = new Map<string, string>();
    for (const [name, value] of Object.entries(given)) {
      const key = findBrokerKey(name);
      const problem = configProblem(key, String(value));
      if (problem !== undefined) throw new MillraceError('MILLRACE_OPTION', problem);
      checked.set(key.name, String(value));
    }
    const id = checked.get('node.id') ?? checked.get('broker.id');
    if (id !== undefined) checked.set('node.id', id).set('broker.id', id);
    this.#given = checked;
  }

  /** Value of a broker key. The key must exist. */
  text(name: string): string {
    const key = brokerConfigKey(name);
    if (!key) throw new Error(`no broker setting is called ${name}`);
    return this.#given.get(name) ?? key.default;
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  boolean(name: string): boolean {
    return this.text(name) === 'true';
  }

  /** Value, source and synonyms of a broker key. */
  brokerValue(key: ConfigKey): ConfigValue {
    const synonyms = [{ name: key.name, value: key.default, source: ConfigSource.default as ConfigSourceNumber }];
    const given = this.#given.get(key.name);
    if (given !== undefined) synonyms.unshift({ name: key.name, value: given, source: ConfigSource.staticBroker });
    return strongest(synonyms);
  }

  /** Value, source and synonyms of a topic key; `config` is what the topic was given explicitly. */
  topicValue(key: ConfigKey, config: ReadonlyMap<string, string>): ConfigValue {
    const synonyms: { name: string; value: string; source: ConfigSourceNumber }[] = [];
    const own = config.get(key.name);
    if (own !== undefined) synonyms.push({ name: key.name, value: own, source: ConfigSource.dynamicTopic });
    for (const { name, factor } of key.synonyms ?? []) {
      const given = this.#given.get(name);
      if (given !== undefined) synonyms.push({ name, value: scaled(given, factor), source: ConfigSource.staticBroker });
    }
    const origin = key.synonyms?.[0]?.name ?? key.name;
    synonyms.push({ name: origin, value: key.default, source: ConfigSource.default });
    return strongest(synonyms);
  }

  /** The decoded settings of a topic; computed once per topic object. */
  limitsOf(topic: Topic): TopicLimits {
    const known = this.#limits.get(topic);
    if (known) return known;
    const value = (name: string): string => {
      const key = topicConfigKey(name);
      if (!key) throw new Error(`no topic setting is called ${name}`);
      return this.topicValue(key, topic.config).value;
    };
    const policies = splitList(value('cleanup.policy'));
    const limits: TopicLimits = {
      maxMessageBytes: Number(value('max.message.bytes')),
      floor: levelNumber(value('min.durability') as Durability),
      stampAppendTime: value('message.timestamp.type') === 'LogAppendTime',
      refuseKeyless: policies.includes('compact'),
      mayDelete: policies.includes('delete') || !policies.includes('compact'),
      partitions: partitionSettings(topic.config, value, policies),
    };
    this.#limits.set(topic, limits);
    return limits;
  }
}

/** The broker key called `name`, in Kafka's writing or in camelCase. Throws MILLRACE_OPTION with the nearest name. */
function findBrokerKey(name: string): ConfigKey {
  const dotted = name.replaceAll(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`);
  const key = brokerConfigKey(name) ?? brokerConfigKey(dotted);
  if (key) return key;
  const near = [...brokerConfigKeys()].find((other) => commonStart(other.name, dotted) >= Math.min(8, dotted.length));
  const hint = near ? `; did you mean ${near.name}?` : '';
  throw new MillraceError('MILLRACE_OPTION', `unknown broker setting ${name}${hint}`);
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** A value in the topic key's unit: hours and minutes become ms, -1 stays "for ever". */
function scaled(value: string, factor: number | undefined): string {
  return factor === undefined || value === '-1' ? value : String(BigInt(value) * BigInt(factor));
}

function strongest(synonyms: ConfigValue['synonyms']): ConfigValue {
  const first = synonyms[0];
  if (!first) throw new Error('a setting without any value');
  return { value: first.value, source: first.source, synonyms };
}
