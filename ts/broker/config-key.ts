/**
 * What one setting is: the row type of the config table.
 *
 * Not a value. To remember: names, units and defaults are Kafka's wherever Kafka has the setting.
 */

/** Kafka's config types as far as they occur here. A LIST is comma-separated. */
export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list';

/** One setting. Values are text, numbers plain decimal. */
export interface ConfigKey {
  readonly name: string;
  readonly type: ConfigType;
  readonly default: string;
  /** `enforced`: it changes what the broker does. `accepted`: it is stored and reported, for programs that set it. */
  readonly effect: 'enforced' | 'accepted';
  /** Broker keys: it can be altered while the broker runs. */
  readonly dynamic?: true;
  readonly doc: string;
  /** Unit of a number: ms, bytes, minutes... */
  readonly unit?: string;
  /** Bounds of a number, both included. */
  readonly min?: number;
  readonly max?: number;
  /** The only values allowed; for a list, of each item. */
  readonly oneOf?: readonly string[];
  /** Topic keys: the broker keys that give the default, nearest first, with what one unit of it is worth here. */
  readonly synonyms?: readonly { readonly name: string; readonly factor?: number }[];
}

export const LONG_MAX = '9223372036854775807';
