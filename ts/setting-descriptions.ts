/**
 * What every setting is, as data: for `millrace config`, and for documentation. The broker's, a topic's, and the engine's.
 *
 * Not the values in force. To remember: nothing is described here that is not declared in the tables, and an `accepted`
 * setting is said to change nothing.
 */
import type { ConfigKey } from './broker/config-key.ts';
import { brokerConfigKeys, topicConfigKeys } from './broker/config-table.ts';
import { engineSettings } from './engine-settings.ts';

/** One setting. `default` is text as it would be given. */
export interface SettingDescription {
  readonly name: string;
  readonly scope: 'server' | 'topic';
  readonly type: string;
  readonly default: string;
  readonly unit?: string;
  readonly oneOf?: readonly string[];
  /** `accepted`: stored and reported, but without an effect. */
  readonly effect: 'enforced' | 'accepted';
  /** A server's that can be altered while it runs, by IncrementalAlterConfigs. */
  readonly dynamic?: true;
  readonly doc: string;
}

/** All settings: the server's by name, then a topic's by name. */
export function describeSettings(): SettingDescription[] {
  const server = [...[...brokerConfigKeys()].map((key) => described(key, 'server')), ...engineDescriptions()];
  return [...server.sort(byName), ...[...topicConfigKeys()].map((key) => described(key, 'topic')).sort(byName)];
}

function byName(left: SettingDescription, right: SettingDescription): number {
  return left.name < right.name ? -1 : 1;
}

function described(key: ConfigKey, scope: SettingDescription['scope']): SettingDescription {
  const { name, type, effect, doc, unit, oneOf } = key;
  const extra = {
    ...(unit === undefined ? {} : { unit }),
    ...(oneOf === undefined ? {} : { oneOf }),
    ...(key.dynamic ? { dynamic: key.dynamic } : {}),
  };
  return { name, scope, type, default: key.default, effect, doc, ...extra };
}

function engineDescriptions(): SettingDescription[] {
  return engineSettings.map(({ name, unit, doc, default: value }) => {
    return {
      name,
      scope: 'server',
      type: unit === 'bytes' ? 'size' : 'int',
      default: value,
      unit,
      effect: 'enforced',
      doc,
    };
  });
}
