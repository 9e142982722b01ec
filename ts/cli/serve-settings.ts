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
import { nearestName } from './nearest-name.ts';
import { type Address, address, formatAddress } from './options.ts';
import {
  decideRedisSettings,
  isRedisSetting,
  REDIS_PREFIX,
  type RedisDecided,
  redisSettingNames,
  redisSettingProblem,
} from './redis-settings.ts';
import {
  decideSecure,
  describeSecure,
  SECURE_NAMES,
  type SecureFlags,
  type SecureSettings,
  withAuthorizer,
} from './secure-settings.ts';
import { type PlacedValue, readSettingsFile } from './settings-file.ts';

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
  readonly mode?: 'dev' | 'prod';
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
  /** What Redis clients have to give; from the environment or a file. */
  readonly redisPassword: string | undefined;
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
  /** What was given, is understood and changes nothing: lines for people. */
  readonly notes: readonly string[];
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
export type SettingSource = 'default' | 'mode' | 'file' | 'environment' | 'flag';

/** A value that was given, and by whom. */
export interface GivenSetting {
  readonly value: string;
  readonly source: Exclude<SettingSource, 'default'>;
  /** Where in the file it stands, if it comes from there. */
  readonly place?: string | undefined;
}

/** Everything that was given by name. */
export interface GatheredSettings {
  readonly given: Map<string, GivenSetting>;
  /** Of the file, what is understood and changes nothing: lines for people. */
  readonly notes: readonly string[];
}

/** What `--mode dev` comes to: nothing waits for a device unless a client asks for it, and groups begin at once. */
const devMode: readonly (readonly [name: string, value: string])[] = [
  ['flush', 'os'],
  ['group.initial.rebalance.delay.ms', '0'],
  ['memory.bytes', '64mb'],
];
/** Names that say when the journal is flushed. */
const flushNames = ['flush', 'log.flush.interval.messages', 'log.flush.interval.ms', `${REDIS_PREFIX}appendfsync`];

/**
 * Everything given by name: in the file, the environment and `-X`, the strongest of each name. Throws a usage error for
 * a name that is not known and for a value that cannot be.
 */
export function gatherSettings(
  flags: Pick<ServeFlags, 'config' | 'memory' | 'mode' | 'X'>,
  env: NodeJS.ProcessEnv,
  table: SettingsTable,
): GatheredSettings {
  const known = new Set(table.names);
  const given = new Map<string, GivenSetting>();
  const add = (source: GivenSetting['source'], settings: Iterable<readonly [string, PlacedValue | string]>): void => {
    for (const [name, setting] of settings) {
      const { value, place } = typeof setting === 'string' ? { value: setting, place: undefined } : setting;
      if (!known.has(name) && !flagNames.has(name) && redisName(name) === undefined)
        throw usage(at(place, unknownName(name, known)));
      given.set(name, { value, source, place });
    }
  };
  const file = flags.config === undefined ? undefined : readSettingsFile(flags.config);
  if (file !== undefined) add('file', file.settings);
  add('environment', fromEnvironment(env, known));
  if (flags.X?.has(PASSWORD_NAME))
    throw usage(
      `${PASSWORD_NAME}: others see what stands in a command: give it in a --config file or as MILLRACE_REDIS_PASSWORD`,
    );
  add('flag', flags.X ?? []);
  if (flags.memory !== undefined) add('flag', [['memory.bytes', flags.memory]]);
  if (flags.mode === 'dev') {
    const isFlushGiven = flushNames.some((name) => given.has(name));
    for (const [name, value] of devMode) {
      const isGiven = given.has(name) || (name === 'flush' && isFlushGiven);
      if (!isGiven && (known.has(name) || flagNames.has(name))) given.set(name, { value, source: 'mode' });
    }
  }
  for (const [name, { value, place }] of given) {
    const problem = known.has(name) ? table.problem(name, value) : redisProblem(name, value);
    if (problem !== undefined) throw usage(at(place, problem));
  }
  return { given, notes: file?.notes ?? [] };
}

/** Secrets are in no command line. */
const PASSWORD_NAME = `${REDIS_PREFIX}requirepass`;

/** Redis' own name of a setting, if it is one of Redis'. */
function redisName(name: string): string | undefined {
  const own = name.startsWith(REDIS_PREFIX) ? name.slice(REDIS_PREFIX.length) : undefined;
  return own !== undefined && isRedisSetting(own) ? own : undefined;
}

function redisProblem(name: string, value: string): string | undefined {
  const own = redisName(name);
  return own === undefined ? undefined : redisSettingProblem(own, value);
}

function at(place: string | undefined, what: string): string {
  return place === undefined ? what : `${place}: ${what}`;
}

/**
 * Runs `decide`, which reads settings called `names`. What it throws gets the place of those that stand in a file, so that
 * the line can be mended.
 */
function placed<T>(gathered: ReadonlyMap<string, GivenSetting>, names: readonly string[], decide: () => T): T {
  try {
    return decide();
  } catch (cause) {
    const place = names.map((name) => gathered.get(name)?.place).find((one) => one !== undefined);
    if (place === undefined) throw cause;
    throw usage(at(place, cause instanceof Error ? cause.message : String(cause)), { cause });
  }
}

/** Decides all settings. `env` is the process's environment. Throws a usage error for the first one that is wrong. */
export function decideServe(flags: ServeFlags, env: NodeJS.ProcessEnv, table: SettingsTable): ServeSettings {
  const known = new Set(table.names);
  const { given: gathered, notes } = gatherSettings(flags, env, table);
  const given = new Map([...gathered].map(([name, { value }]) => [name, value]));
  const settings = withAuthorizer(
    flags,
    given,
    new Map([...given].filter(([name]) => known.has(name) && !decidedHere.has(name))),
  );
  const redis = decideRedisSettings(redisGiven(given));
  const addressOf = (name: string) => placed(gathered, [name], () => listener(given, name));
  return {
    kafka: flags.kafka ?? addressOf(given.has('kafka') ? 'kafka' : 'listeners') ?? { host: '127.0.0.1', port: 9092 },
    redis: flags.redis ?? addressOf('redis') ?? redis.address,
    redisSettings: { ...redis.settings, ...decideRedis(flags) },
    redisPassword: env.MILLRACE_REDIS_PASSWORD ?? redis.password,
    backupDir: flags.backupDir || undefined,
    advertised: placed(gathered, ['advertised.listeners'], () =>
      advertisedPlain(given.get('advertised.listeners') ?? ''),
    ),
    ...placed(gathered, SECURE_NAMES, () => withRedisTls(decideSecure(flags, withRedisFiles(given, redis)), redis)),
    http: flags.http ?? addressOf('http'),
    consoleWrite: flags.consoleWrite === true,
    dir: flags.dir ?? given.get('dir') ?? given.get('log.dirs') ?? redis.dir ?? './millrace-data',
    flush: placed(gathered, flushNames, () => decideFlush(flags, given, redis)),
    durability: placed(gathered, ['durability'], () => decideDurability(flags, given)),
    driver: placed(gathered, ['driver'], () => decideDriver(flags.driver ?? given.get('driver') ?? 'auto')),
    sockets: placed(gathered, ['sockets'], () => decideSockets(flags.sockets ?? given.get('sockets') ?? 'auto')),
    settings,
    notes: [...notes, ...redis.notes],
  };
}

function decideDurability(flags: ServeFlags, given: ReadonlyMap<string, string>): Durability | undefined {
  const durability = flags.durability ?? (given.get('durability') as Durability | undefined);
  if (durability !== undefined) levelNumber(durability);
  return durability;
}

/** What is given by Redis' names, without what stands before them. */
function redisGiven(given: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...given].flatMap(([name, value]): [string, string][] => {
      const own = redisName(name);
      return own === undefined ? [] : [[own, value]];
    }),
  );
}

/** Certificate and key by Redis' names, where none are given by ours. */
function withRedisFiles(given: ReadonlyMap<string, string>, { tls }: RedisDecided): Map<string, string> {
  const files = { 'tls-cert': tls.cert, 'tls-key': tls.key, 'tls-ca': tls.ca };
  const ours = Object.entries(files).filter((one): one is [string, string] => one[1] !== undefined);
  return new Map([...ours, ...given]);
}

function withRedisTls(secure: SecureSettings, { tlsAddress }: RedisDecided): SecureSettings {
  return { ...secure, redisTls: secure.redisTls ?? tlsAddress };
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

function decideFlush(flags: ServeFlags, given: ReadonlyMap<string, string>, redis: RedisDecided): FlushPolicy {
  const text = flags.flush ?? given.get('flush');
  if (text !== undefined) return parseFlushText(text);
  const records = given.get('log.flush.interval.messages');
  const interval = given.get('log.flush.interval.ms');
  if (records === undefined && interval === undefined) return redis.flush ?? 'always';
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

function unknownName(name: string, known: ReadonlySet<string>): string {
  const redisNames = [...redisSettingNames].map((one) => `${REDIS_PREFIX}${one}`);
  const nearest = nearestName(name, [...known, ...flagNames, ...(name.startsWith(REDIS_PREFIX) ? redisNames : [])]);
  const shown = name.length > 80 ? `${name.slice(0, 80)}...` : name;
  return `there is no setting '${shown}'${nearest === undefined ? ': take it out' : `; did you mean ${nearest}?`}`;
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
