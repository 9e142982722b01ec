/**
 * What settings called `redis.NAME` come to: NAME is Redis' own, from a `redis.conf` or the section `redis` of another file.
 *
 * Decides only. To remember: everything is in the journal, so that `save` and `appendonly` change nothing, and
 * `appendfsync` is the flush policy of the whole directory.
 */
import { join } from 'node:path';
import type { FlushPolicy } from '../log/types.ts';
import { settingNames, settingsProblem } from '../redis/settings.ts';
import { type Address, address } from './options.ts';

/** Before every name. */
export const REDIS_PREFIX = 'redis.';

/** Databases that are there; neither more nor fewer. */
const DATABASES = 16;

/** Flush policies under Redis' names. */
const policies: ReadonlyMap<string, FlushPolicy> = new Map<string, FlushPolicy>([
  ['always', 'always'],
  ['everysec', { intervalMs: 1000 }],
  ['no', 'os'],
]);

/** What is understood here and not by a running server: reads the value, and answers what is wrong with it. */
const startOnly: ReadonlyMap<string, (value: string) => string | undefined> = new Map([
  [
    'bind',
    (value: string) => (bindAddress(value) === undefined ? 'give one address, or loopback addresses only' : undefined),
  ],
  ['port', portProblem],
  ['tls-port', portProblem],
  ['tls-cert-file', anything],
  ['tls-key-file', anything],
  ['tls-ca-cert-file', anything],
  ['tls-auth-clients', oneOf('yes', 'no', 'optional')],
  ['dir', anything],
  ['dbfilename', anything],
  ['protected-mode', oneOf('yes', 'no')],
  [
    'databases',
    (value: string) =>
      /^\d{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= DATABASES
        ? undefined
        : `there are ${DATABASES}: give at most that`,
  ],
  ['appendonly', oneOf('yes', 'no')],
]);

/** Names that are understood, without the prefix. */
export const redisSettingNames: ReadonlySet<string> = new Set([...startOnly.keys(), ...settingNames()]);

/** Whether Redis' `name` is understood. */
export function isRedisSetting(name: string): boolean {
  return redisSettingNames.has(name);
}

/** Why `value` cannot be used for Redis' `name`, or undefined. Secrets are not repeated. */
export function redisSettingProblem(name: string, value: string): string | undefined {
  const own = startOnly.get(name);
  if (own === undefined) return settingsProblem({ [name]: value });
  const problem = own(value);
  return problem === undefined ? undefined : `${name} of Redis cannot be '${value}': ${problem}`;
}

/** What they come to; undefined where nothing is said. */
export interface RedisDecided {
  readonly address: Address | undefined;
  readonly tlsAddress: Address | undefined;
  readonly password: string | undefined;
  readonly flush: FlushPolicy | undefined;
  readonly dir: string | undefined;
  readonly tls: {
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly ca: string | undefined;
  };
  /** For CONFIG GET and SET. */
  readonly settings: Readonly<Record<string, string>>;
  /** What is understood and changes nothing. */
  readonly notes: readonly string[];
}

/** Decides from settings by Redis' names, each of which has been judged. */
export function decideRedisSettings(given: ReadonlyMap<string, string>): RedisDecided {
  const host = bindAddress(given.get('bind') ?? '127.0.0.1') ?? '127.0.0.1';
  const at = (port: string | undefined): Address | undefined =>
    port === undefined || port === '0' ? undefined : { host, port: Number(port) };
  const isServed =
    given.size > 0 && given.get('port') !== '0' && (given.has('port') || given.has('bind') || !given.has('tls-port'));
  const dir = given.get('dir');
  return {
    address: isServed ? at(given.get('port') ?? '6379') : undefined,
    tlsAddress: at(given.get('tls-port')),
    password: given.get('requirepass') || undefined,
    flush: policies.get(given.get('appendfsync') ?? ''),
    dir: dir === undefined ? undefined : join(dir, 'millrace-data'),
    tls: {
      cert: given.get('tls-cert-file'),
      key: given.get('tls-key-file'),
      ca: given.get('tls-auth-clients') === 'no' ? undefined : given.get('tls-ca-cert-file'),
    },
    settings: Object.fromEntries([...given].filter(([name]) => !startOnly.has(name) && !decidedElsewhere.has(name))),
    notes: notesOf(given),
  };
}

const decidedElsewhere = new Set(['requirepass', 'appendfsync', 'save']);

function notesOf(given: ReadonlyMap<string, string>): string[] {
  const notes: string[] = [];
  const save = given.get('save');
  if (save !== undefined && save !== '')
    notes.push('save: there are no snapshots; every write is in the journal, and a backup is `millrace backup`');
  if (given.get('appendonly') === 'no') notes.push('appendonly no: every write is kept all the same, in the journal');
  if (given.get('protected-mode') === 'no')
    notes.push(
      'protected-mode no: what may be reached from other machines is decided by requirepass, TLS and --insecure',
    );
  if (given.has('dbfilename')) notes.push('dbfilename: there is no dump file');
  return notes;
}

/** The one address of `bind`; several that are all loopback are the first. A dash before one means nothing here. */
function bindAddress(value: string): string | undefined {
  const hosts = value.split(/\s+/).map((word) => word.replace(/^-/, ''));
  const [first = ''] = hosts;
  if (hosts.length > 1 && !hosts.every((host) => /^(127\.[\d.]+|::1|localhost)$/i.test(host))) return undefined;
  const host = first === '*' ? '0.0.0.0' : first;
  try {
    return address(host.includes(':') ? `[${host}]:1` : `${host}:1`).host;
  } catch {
    return undefined;
  }
}

function portProblem(value: string): string | undefined {
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? undefined : 'give a number from 0 to 65535';
}

function oneOf(...words: string[]): (value: string) => string | undefined {
  return (value) => (words.includes(value.toLowerCase()) ? undefined : `give ${words.join(' or ')}`);
}

function anything(): undefined {
  return undefined;
}
