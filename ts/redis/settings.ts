/**
 * The settings of CONFIG GET and SET: Redis' names, what they may be, and what each does here.
 *
 * To remember: a setting without effect is kept and shown, and its entry says so; one that would weaken a promise is
 * refused.
 */

import { policyNames } from './eviction/policies.ts';
import { formatEventClasses, parseEventClasses } from './keyspace-events.ts';

/** What one setting may be. */
interface SettingRule {
  readonly initial: string;
  /** Reads what a client gives; undefined: it cannot be. */
  readonly read?: (text: string) => string | undefined;
  /** Only shown. */
  readonly isFixed?: boolean;
}

/** Longest value of a store. */
const VALUE_MAX = 512 * 1024 * 1024;

const yesNo = (text: string): string | undefined => (/^(yes|no)$/i.test(text) ? text.toLowerCase() : undefined);

function wholeNumber(least: number, most: number): (text: string) => string | undefined {
  return (text) => {
    if (!/^-?\d{1,15}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= least && value <= most ? String(value) : undefined;
  };
}

const units: Readonly<Record<string, number>> = {
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
};

function size(text: string): string | undefined {
  const match = /^(\d{1,12})(b|k|kb|m|mb|g|gb)?$/i.exec(text);
  return match ? String(Number(match[1]) * (units[(match[2] ?? 'b').toLowerCase()] ?? 1)) : undefined;
}

function sizeIn(least: number, most: number): (text: string) => string | undefined {
  return (text) => {
    const bytes = size(text);
    return bytes !== undefined && Number(bytes) >= least && Number(bytes) <= most ? bytes : undefined;
  };
}

function oneOf(...words: string[]): (text: string) => string | undefined {
  return (text) => (words.includes(text.toLowerCase()) ? text.toLowerCase() : undefined);
}

/** Thresholds of encodings, each under its name and the one it had before Redis 7: both are one setting. */
const encodings: readonly (readonly [name: string, initial: string])[] = [
  ['hash-max-listpack-entries', '512'],
  ['hash-max-listpack-value', '64'],
  ['zset-max-listpack-entries', '128'],
  ['zset-max-listpack-value', '64'],
  ['list-max-listpack-size', '-2'],
];

const listpack = encodings.flatMap(([name, initial]): [string, SettingRule][] =>
  [name, name.replace('listpack', 'ziplist')].map((either) => [
    either,
    { initial, read: name.endsWith('size') ? wholeNumber(-5, 2 ** 31) : wholeNumber(0, 2 ** 31) },
  ]),
);

const rules: ReadonlyMap<string, SettingRule> = new Map<string, SettingRule>([
  ['appendfsync', { initial: 'always', read: oneOf('always', 'everysec', 'no') }],
  ['appendonly', { initial: 'yes', read: oneOf('yes') }],
  ['save', { initial: '', read: (text) => text }],
  ['databases', { initial: '16', isFixed: true }],
  ['maxclients', { initial: '10000', read: wholeNumber(1, 29_000) }],
  ['maxmemory', { initial: '0', read: size }],
  ['maxmemory-policy', { initial: 'noeviction', read: oneOf(...policyNames) }],
  ['maxmemory-samples', { initial: '5', read: wholeNumber(1, 64) }],
  ['lfu-log-factor', { initial: '10', isFixed: true }],
  ['lfu-decay-time', { initial: '1', isFixed: true }],
  ['proto-max-bulk-len', { initial: String(VALUE_MAX), read: sizeIn(1024 * 1024, VALUE_MAX) }],
  // Of all connections together, where Redis has it for each.
  ['client-query-buffer-limit', { initial: String(1024 ** 3), read: sizeIn(1024 * 1024, 2 ** 40) }],
  [
    'notify-keyspace-events',
    {
      initial: '',
      read: (text) => {
        const classes = parseEventClasses(text);
        return classes && formatEventClasses(classes);
      },
    },
  ],
  ['slowlog-log-slower-than', { initial: '10000', read: wholeNumber(-1, 2 ** 53) }],
  ['slowlog-max-len', { initial: '128', read: wholeNumber(0, 100_000) }],
  ['timeout', { initial: '0', read: wholeNumber(0, 2 ** 31) }],
  ['tcp-keepalive', { initial: '300', read: wholeNumber(0, 2 ** 31) }],
  ['requirepass', { initial: '', read: (text) => text }],
  ['enable-debug-command', { initial: 'no', isFixed: true }],
  ['bind', { initial: '', isFixed: true }],
  ['port', { initial: '', isFixed: true }],
  ['dir', { initial: '', isFixed: true }],
  ['dbfilename', { initial: 'dump.rdb', isFixed: true }],
  ['protected-mode', { initial: 'yes', isFixed: true }],
  ['loglevel', { initial: 'notice', read: oneOf('debug', 'verbose', 'notice', 'warning') }],
  ['latency-monitor-threshold', { initial: '0', read: wholeNumber(0, 2 ** 31) }],
  ['no-appendfsync-on-rewrite', { initial: 'no', read: yesNo }],
  ['auto-aof-rewrite-percentage', { initial: '100', read: wholeNumber(0, 2 ** 31) }],
  ['auto-aof-rewrite-min-size', { initial: '67108864', read: size }],
  ['lazyfree-lazy-user-del', { initial: 'no', read: yesNo }],
  ['lazyfree-lazy-expire', { initial: 'no', read: yesNo }],
  ['list-compress-depth', { initial: '0', read: wholeNumber(0, 2 ** 16) }],
  ['set-max-intset-entries', { initial: '512', read: wholeNumber(0, 2 ** 31) }],
  ['hz', { initial: '10', read: wholeNumber(1, 500) }],
  ...listpack,
]);

/** Names of all settings. */
export function settingNames(): Iterable<string> {
  return rules.keys();
}

/** What is wrong with settings that a server is to be opened with; undefined: nothing. */
export function settingsProblem(given: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const rule = rules.get(name);
    if (rule === undefined) return `Redis has no setting ${name}`;
    if (rule.read?.(value) === undefined) return `${name} of Redis cannot be '${value}'`;
  }
  return undefined;
}

/** Told what has changed. */
export type SettingsListener = (name: string, value: string) => void;

export class RedisSettings {
  readonly #values = new Map<string, string>();
  #listener: SettingsListener = () => {};
  /** Read at every command, so kept as what it is. */
  slowerThanMicros = 10_000;
  eventClasses: ReadonlySet<string> = new Set();

  constructor(given: Readonly<Record<string, string>> = {}) {
    for (const [name, { initial }] of rules) this.#values.set(name, initial);
    for (const [name, value] of Object.entries(given)) this.#put(name, rules.get(name)?.read?.(value) ?? value);
  }

  /** `listener` is told of every setting that CONFIG SET changes. */
  onChange(listener: SettingsListener): void {
    this.#listener = listener;
  }

  get names(): IterableIterator<string> {
    return this.#values.keys();
  }

  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`there is no setting ${name}`);
    return value;
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  /** Changes all of `pairs` or nothing; answers what is wrong as Redis says it. */
  change(pairs: readonly (readonly [name: string, value: string])[]): string | undefined {
    const accepted: [string, string][] = [];
    const seen = new Set<string>();
    for (const [name, value] of pairs) {
      const rule = rules.get(name);
      if (rule === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      if (seen.has(name)) return `ERR CONFIG SET failed (possibly related to argument '${name}') - duplicate parameter`;
      seen.add(name);
      if (rule.isFixed === true || rule.read === undefined) {
        return `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`;
      }
      const read = rule.read(value);
      if (read === undefined) {
        return `ERR CONFIG SET failed (possibly related to argument '${name}') - argument couldn't be parsed or is not possible here`;
      }
      accepted.push([name, read]);
    }
    for (const [name, value] of accepted) {
      this.#put(name, value);
      this.#listener(name, value);
    }
    return undefined;
  }

  #put(name: string, value: string): void {
    this.#values.set(name, value);
    const other = name.includes('listpack') ? name.replace('listpack', 'ziplist') : name.replace('ziplist', 'listpack');
    if (other !== name) this.#values.set(other, value);
    if (name === 'slowlog-log-slower-than') this.slowerThanMicros = Number(value);
    if (name === 'notify-keyspace-events') this.eventClasses = parseEventClasses(value) ?? new Set();
  }
}
