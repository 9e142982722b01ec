/**
 * What `serve` is to do, decided from flags, environment, file and defaults, in that order. Decides only: nothing is
 * opened, so `--check-config` is this file and nothing else.
 *
 * Invariant: every setting is known and valid before anything is touched, and an unknown name is refused with the
 * nearest one.
 */

import { type Durability, levelNumber, parseFlushText } from '../durability.ts';
import type { FlushPolicy } from '../log/types.ts';
import type { DriverName } from '../options.ts';
import { settingsProblem } from '../redis/settings.ts';
import type { SocketsChoice } from '../serve.ts';
import { parseAdvertised } from '../tls/advertised-listeners.ts';
import { usage } from './exit.ts';
import { type Address, address, formatAddress } from './options.ts';
import {
  decideSecure,
  describeSecure,
  SECURE_NAMES,
  type SecureFlags,
  type SecureSettings,
  withAuthorizer,
} from './secure-settings.ts';
import { readSettingsFile } from './settings-file.ts';

/** The flags as commander hands them over; absent ones are undefined. */
export interface ServeFlags extends SecureFlags {
  readonly kafka?: Address;
  readonly redis?: Address;
  readonly redisMaxmemory?: string;
  readonly redisMaxmemoryPolicy?: string;
  readonly backupDir?: string;
  readonly http?: Address;
  readonly consoleWrite?: boolean;
  readonly dir?: string;
  readonly config?: string;
  readonly flush?: string;
  readonly durability?: Durability;
  readonly driver?: DriverName;
  readonly sockets?: SocketsChoice;
  /** Size, such as `512mb`: the setting memory.bytes. */
  readonly memory?: string;
  /** From `-X`. */
  readonly X?: ReadonlyMap<string, string>;
}

/** Everything decided. `settings` are the others by their names, Kafka's or the engine's, only those given. */
export interface ServeSettings extends SecureSettings {
  readonly kafka: Address;
  /** Where Redis clients connect; undefined: Redis is not served. */
  readonly redis: Address | undefined;
  /** Redis' own settings by their names, only those given. */
  readonly redisSettings: Readonly<Record<string, string>>;
  /** Where Redis clients on this machine may have the directory copied to. */
  readonly backupDir: string | undefined;
  /** Told to clients instead of the address they are connected to; what is told to those with TLS stays a setting. */
  readonly advertised: Address | undefined;
  /** Where metrics and health are served; undefined serves none. */
  readonly http: Address | undefined;
  /** Whether the console may change things. */
  readonly consoleWrite: boolean;
  readonly dir: string;
  readonly flush: FlushPolicy;
  /** The weakest level any acknowledgement stands for; undefined leaves it to `acks`. */
  readonly durability: Durability | undefined;
  readonly driver: DriverName;
  readonly sockets: SocketsChoice;
  readonly settings: ReadonlyMap<string, string>;
}

/** The table of settings: whether a name is known, and what is wrong with a value. */
export interface SettingsTable {
  readonly names: Iterable<string>;
  /** Why `value` cannot be used for `name`, or undefined. */
  problem(name: string, value: string): string | undefined;
}

/** Names that stand for a flag of ours, by what users of Kafka call them. */
const flagNames = new Set(['kafka', 'http', 'dir', 'flush', 'durability', 'driver', 'sockets', ...SECURE_NAMES]);

/** Where a value comes from, weakest first but for the default. */
export type SettingSource = 'default' | 'file' | 'environment' | 'flag';

/** A value that was given, and by whom. */
export interface GivenSetting {
  readonly value: string;
  readonly source: Exclude<SettingSource, 'default'>;
}

/**
 * Everything given by name: in the file, the environment and `-X`, the strongest of each name. Throws a usage error for
 * a name that is not known and for a value that cannot be.
 */
export function gatherSettings(
  flags: Pick<ServeFlags, 'config' | 'memory' | 'X'>,
  env: NodeJS.ProcessEnv,
  table: SettingsTable,
): Map<string, GivenSetting> {
  const known = new Set(table.names);
  const given = new Map<string, GivenSetting>();
  const add = (source: GivenSetting['source'], settings: Iterable<readonly [string, string]>): void => {
    for (const [name, value] of settings) {
      if (!known.has(name) && !flagNames.has(name)) throw unknownName(name, known);
      given.set(name, { value, source });
    }
  };
  if (flags.config !== undefined) add('file', readSettingsFile(flags.config));
  add('environment', fromEnvironment(env, known));
  add('flag', flags.X ?? []);
  if (flags.memory !== undefined) add('flag', [['memory.bytes', flags.memory]]);
  for (const [name, { value }] of given) {
    const problem = known.has(name) ? table.problem(name, value) : undefined;
    if (problem !== undefined) throw usage(problem);
  }
  return given;
}

/** Decides all settings. `env` is the process's environment. Throws a usage error for the first one that is wrong. */
export function decideServe(flags: ServeFlags, env: NodeJS.ProcessEnv, table: SettingsTable): ServeSettings {
  const known = new Set(table.names);
  const gathered = gatherSettings(flags, env, table);
  const given = new Map([...gathered].map(([name, { value }]) => [name, value]));
  const settings = withAuthorizer(
    flags,
    given,
    new Map([...given].filter(([name]) => known.has(name) && !decidedHere.has(name))),
  );
  const durability = flags.durability ?? (given.get('durability') as Durability | undefined);
  if (durability !== undefined) levelNumber(durability);
  return {
    kafka: flags.kafka ??
      listener(given, given.has('kafka') ? 'kafka' : 'listeners') ?? { host: '127.0.0.1', port: 9092 },
    redis: flags.redis ?? listener(given, 'redis'),
    redisSettings: decideRedis(flags),
    backupDir: flags.backupDir || undefined,
    advertised: advertisedPlain(given.get('advertised.listeners') ?? ''),
    ...decideSecure(flags, given),
    http: flags.http ?? listener(given, 'http'),
    consoleWrite: flags.consoleWrite === true,
    dir: flags.dir ?? given.get('dir') ?? given.get('log.dirs') ?? './millrace-data',
    flush: decideFlush(flags, given),
    durability,
    driver: decideDriver(flags.driver ?? given.get('driver') ?? 'auto'),
    sockets: decideSockets(flags.sockets ?? given.get('sockets') ?? 'auto'),
    settings,
  };
}

/** What is given to Redis as CONFIG SET would; what it does not understand is refused here. */
function decideRedis({ redisMaxmemory, redisMaxmemoryPolicy }: ServeFlags): Record<string, string> {
  const settings = {
    ...(redisMaxmemory === undefined ? {} : { maxmemory: redisMaxmemory }),
    ...(redisMaxmemoryPolicy === undefined ? {} : { 'maxmemory-policy': redisMaxmemoryPolicy }),
  };
  const problem = settingsProblem(settings);
  if (problem !== undefined) throw usage(problem);
  return settings;
}

/** Kafka names that are answered by a field of their own. */
const decidedHere = new Set(['listeners', 'log.dirs', 'log.flush.interval.messages', 'log.flush.interval.ms']);

/** `MILLRACE_LOG_RETENTION_MS` and the like: known names with dots as underscores. */
function* fromEnvironment(env: NodeJS.ProcessEnv, known: ReadonlySet<string>): Iterable<readonly [string, string]> {
  for (const name of known) {
    const value = env[`MILLRACE_${name.toUpperCase().replaceAll('.', '_')}`];
    if (value !== undefined) yield [name, value];
  }
}

/** Of what is told to clients, the address without TLS. */
function advertisedPlain(text: string): Address | undefined {
  try {
    return parseAdvertised(text).plain;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

/** The one plain address a setting names; undefined when it names none. */
function listener(given: ReadonlyMap<string, string>, name: string): Address | undefined {
  const text = given.get(name)?.replace(/^PLAINTEXT:\/\//i, '');
  if (text === undefined || text === '') return undefined;
  try {
    return address(text);
  } catch {
    throw usage(`${name}: '${text}' is not understood: give HOST:PORT, one only, without TLS or SASL`);
  }
}

function decideFlush(flags: ServeFlags, given: ReadonlyMap<string, string>): FlushPolicy {
  const text = flags.flush ?? given.get('flush');
  if (text !== undefined) return parseFlushText(text);
  const records = given.get('log.flush.interval.messages');
  const interval = given.get('log.flush.interval.ms');
  if (records === undefined && interval === undefined) return 'always';
  if (records === '1') return 'always';
  // Kafka's own default of either is the largest long, which means never: by itself that is the policy `os`.
  const parts = [limit('records', records), limit('interval', interval)].filter((part) => part !== undefined);
  return parts.length === 0 ? 'os' : parseFlushText(parts.join(','));
}

function limit(name: string, value: string | undefined): string | undefined {
  return value === undefined || Number(value) > Number.MAX_SAFE_INTEGER ? undefined : `${name}=${value}`;
}

function decideDriver(name: string): DriverName {
  if (name === 'auto' || name === 'ring' || name === 'pool') return name;
  throw usage(`driver must be auto, ring or pool, not '${name}'`);
}

function decideSockets(name: string): SocketsChoice {
  if (name === 'auto' || name === 'ring' || name === 'node') return name;
  throw usage(`sockets must be auto, ring or node, not '${name}'`);
}

function unknownName(name: string, known: ReadonlySet<string>): Error {
  let nearest = '';
  let best = Math.max(3, Math.ceil(name.length / 3));
  for (const candidate of [...known, ...flagNames]) {
    const distance = editDistance(name, candidate);
    if (distance < best) [nearest, best] = [candidate, distance];
  }
  return usage(`there is no setting '${name}'${nearest === '' ? '' : `; did you mean ${nearest}?`}`);
}

/** Levenshtein's distance: single characters added, removed or replaced. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...right].entries()) {
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The settings as lines for `--check-config`. */
export function describeSettings(decided: ServeSettings, flush: string): [name: string, value: string][] {
  return [
    ['kafka', formatAddress(decided.kafka)],
    ...(decided.redis === undefined ? [] : [['redis', formatAddress(decided.redis)] as [string, string]]),
    ...Object.entries(decided.redisSettings).map(([name, value]): [string, string] => [`redis-${name}`, value]),
    ...(decided.advertised === undefined
      ? []
      : [['advertised', formatAddress(decided.advertised)] as [string, string]]),
    ...(decided.http === undefined ? [] : [['http', formatAddress(decided.http)] as [string, string]]),
    ...describeSecure(decided),
    ['dir', decided.dir],
    ['flush', flush],
    ['durability', decided.durability ?? 'by acks'],
    ['driver', decided.driver],
    ['sockets', decided.sockets],
    ...[...decided.settings].sort(([left], [right]) => (left < right ? -1 : 1)),
  ];
}
