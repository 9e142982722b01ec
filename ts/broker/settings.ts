/**
 * The settings in force: what the broker was given while it ran, over what all brokers were, over what it was started
 * with, over the defaults of the table.
 *
 * Not the table itself (config-table.ts), nor what is stored (metadata/broker-config-store.ts). To remember: a topic's
 * value is its own, else the strongest that a synonym of the broker has, else the default; DescribeConfigs tells which of
 * them it is (rule 50).
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
export const ConfigSource = {
  dynamicTopic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const;
export type ConfigSourceNumber = (typeof ConfigSource)[keyof typeof ConfigSource];

/** A value with everything that would hold without it, strongest first; the first entry is the value itself. */
export interface ConfigValue {
  readonly value: string;
  readonly source: ConfigSourceNumber;
  readonly synonyms: readonly Synonym[];
}

interface Synonym {
  readonly name: string;
  readonly value: string;
  readonly source: ConfigSourceNumber;
}

/** What the produce path needs of a topic's settings, decoded once. */
export interface TopicLimits {
  readonly maxMessageBytes: number;
  /** min.durability: no acknowledgement stands for less. */
  readonly floor: LevelNumber;
  readonly stampAppendTime: boolean;
  readonly refuseKeyless: boolean;
  /** min.isolation=durable: readers see only what a completed flush covers. */
  readonly showsDurableOnly: boolean;
  /** False for a topic that is only compacted: its records go by their keys alone. */
  readonly mayDelete: boolean;
  /** What the engine is told of its partitions. */
  readonly partitions: PartitionSettings;
}

type Config = ReadonlyMap<string, string>;

/** Values given to the broker, with where from. */
interface Layer {
  readonly source: ConfigSourceNumber;
  readonly config: Config;
}

/** Topic keys of which the engine is told only what was asked for while it runs: its own defaults were given at its start. */
const TOLD_WHEN_ALTERED = ['segment.bytes', 'flush.messages', 'flush.ms'];

/** The settings of one broker. */
export class BrokerSettings {
  readonly #given: Config;
  /** Strongest first; what it was started with is the last. */
  #layers: readonly Layer[];
  #limits = new WeakMap<Topic, TopicLimits>();
  readonly #listeners = new Set<() => void>();

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
    this.#layers = [{ source: ConfigSource.staticBroker, config: checked }];
  }

  /** What this broker and all brokers have been given while they run, in force from now on. */
  alter(broker: Config, defaults: Config): void {
    this.#layers = [
      { source: ConfigSource.dynamicBroker, config: broker },
      { source: ConfigSource.dynamicDefaultBroker, config: defaults },
      { source: ConfigSource.staticBroker, config: this.#given },
    ];
    this.#limits = new WeakMap();
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after every `alter`; returns how to stop it. */
  onAlter(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Value of a broker key. The key must exist. */
  text(name: string): string {
    const key = brokerConfigKey(name);
    if (!key) throw new Error(`no broker setting is called ${name}`);
    for (const { config } of this.#layers) {
      const value = config.get(name);
      if (value !== undefined) return value;
    }
    return key.default;
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
    return strongest([...this.#synonyms([{ name: key.name }]), ...synonyms]);
  }

  /** What all brokers were given for a key while they ran; undefined: nothing. */
  defaultValue(key: ConfigKey): ConfigValue | undefined {
    const synonyms = this.#synonyms([{ name: key.name }], ConfigSource.dynamicDefaultBroker);
    return synonyms.length === 0 ? undefined : strongest(synonyms);
  }

  /** What the layers, or only one of them, have for these names, strongest first. */
  #synonyms(names: NonNullable<ConfigKey['synonyms']>, only?: ConfigSourceNumber): Synonym[] {
    return this.#layers
      .filter(({ source }) => only === undefined || source === only)
      .flatMap(({ source, config }) =>
        names.flatMap(({ name, factor }) => {
          const given = config.get(name);
          return given === undefined ? [] : [{ name, value: scaled(given, factor), source }];
        }),
      );
  }

  /** Value, source and synonyms of a topic key; `config` is what the topic was given explicitly. */
  topicValue(key: ConfigKey, config: ReadonlyMap<string, string>): ConfigValue {
    const synonyms: Synonym[] = [];
    const own = config.get(key.name);
    // A program that has made the topic without a broker may have given it anything: what cannot be read is not in force.
    if (own !== undefined && configProblem(key, own) === undefined)
      synonyms.push({ name: key.name, value: own, source: ConfigSource.dynamicTopic });
    synonyms.push(...this.#synonyms(key.synonyms ?? []));
    const origin = key.synonyms?.[0]?.name ?? key.name;
    synonyms.push({ name: origin, value: key.default, source: ConfigSource.default });
    return strongest(synonyms);
  }

  /** The decoded settings of a topic; computed once per topic object. */
  limitsOf(topic: Topic): TopicLimits {
    const known = this.#limits.get(topic);
    if (known) return known;
    const found = (name: string): ConfigValue => {
      const key = topicConfigKey(name);
      if (!key) throw new Error(`no topic setting is called ${name}`);
      return this.topicValue(key, topic.config);
    };
    const value = (name: string): string => found(name).value;
    const told = TOLD_WHEN_ALTERED.map((name) => [name, found(name)] as const).filter(
      ([, { source }]) => source < ConfigSource.staticBroker,
    );
    const asked = new Map(told.map(([name, { value: text }]) => [name, text]));
    const policies = splitList(value('cleanup.policy'));
    const limits: TopicLimits = {
      maxMessageBytes: Number(value('max.message.bytes')),
      floor: levelNumber(value('min.durability') as Durability),
      showsDurableOnly: value('min.isolation') === 'durable',
      stampAppendTime: value('message.timestamp.type') === 'LogAppendTime',
      refuseKeyless: policies.includes('compact'),
      mayDelete: policies.includes('delete') || !policies.includes('compact'),
      partitions: partitionSettings(asked, value, policies),
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
