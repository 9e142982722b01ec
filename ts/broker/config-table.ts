/**
 * The declarative table of Kafka settings: what exists, its type, default, bounds, synonyms and meaning.
 *
 * Not the values in force (settings.ts). To remember: DescribeConfigs, validation, the command line and the documentation
 * all read this table, so a key is either here or unknown; `effect` says honestly whether a key changes anything.
 */

import type { ConfigKey } from './config-key.ts';
import { BROKER_KEYS } from './config-keys-broker.ts';
import { SECURITY_KEYS } from './config-keys-security.ts';
import { TOPIC_KEYS } from './config-keys-topic.ts';

const topicKeys = new Map(TOPIC_KEYS.map((key) => [key.name, key]));
const brokerKeys = new Map([...BROKER_KEYS, ...SECURITY_KEYS].map((key) => [key.name, key]));

/** All settings a topic has. */
export function topicConfigKeys(): IterableIterator<ConfigKey> {
  return topicKeys.values();
}

/** All settings the broker has. */
export function brokerConfigKeys(): IterableIterator<ConfigKey> {
  return brokerKeys.values();
}

export function topicConfigKey(name: string): ConfigKey | undefined {
  return topicKeys.get(name);
}

export function brokerConfigKey(name: string): ConfigKey | undefined {
  return brokerKeys.get(name);
}

/** Why `value` is not allowed for `key`, or undefined when it is. */
export function configProblem(key: ConfigKey, value: string): string | undefined {
  switch (key.type) {
    case 'boolean':
      return value === 'true' || value === 'false' ? undefined : `${key.name} must be true or false`;
    case 'int':
      return integerProblem(key, value, -(2n ** 31n), 2n ** 31n - 1n);
    case 'long':
      return integerProblem(key, value, -(2n ** 63n), 2n ** 63n - 1n);
    case 'double': {
      const number = value.trim() === '' ? Number.NaN : Number(value);
      return Number.isFinite(number) ? boundsProblem(key, number) : `${key.name} must be a number`;
    }
    case 'list':
      return splitList(value)
        .map((item) => choiceProblem(key, item))
        .find((problem) => problem !== undefined);
    case 'string':
      return choiceProblem(key, value);
  }
}

/** Items of a LIST value. */
export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function integerProblem(key: ConfigKey, value: string, lowest: bigint, highest: bigint): string | undefined {
  if (!/^-?\d{1,19}$/.test(value)) return `${key.name} must be a whole number`;
  const exact = BigInt(value);
  if (exact < lowest || exact > highest) return `${key.name} is out of range`;
  return boundsProblem(key, Number(value));
}

function boundsProblem(key: ConfigKey, value: number): string | undefined {
  if (key.min !== undefined && value < key.min) return `${key.name} must be at least ${key.min}`;
  if (key.max !== undefined && value > key.max) return `${key.name} must be at most ${key.max}`;
  return undefined;
}

function choiceProblem(key: ConfigKey, value: string): string | undefined {
  if (!key.oneOf || key.oneOf.includes(value)) return undefined;
  return `${key.name} must be one of ${key.oneOf.join(', ')}`;
}
