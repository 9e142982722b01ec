/**
 * What `serve` is to do about TLS, logins and access rules, decided from flags, environment and file.
 *
 * Decides only; what may not go together is refused by the server before it opens anything. Invariant: what is not given
 * is undefined, and nothing here weakens what is.
 */
import { AUTHORIZERS } from '../broker/config-keys-security.ts';
import type { TlsOptions } from '../serve.ts';
import { usage } from './exit.ts';
import { type Address, address, formatAddress } from './options.ts';

/** The flags as commander hands them over. */
export interface SecureFlags {
  readonly kafkaTls?: Address;
  readonly redisTls?: Address;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly auth?: 'none' | 'sasl';
  readonly acls?: boolean;
  readonly insecure?: boolean;
}

/** Everything decided. */
export interface SecureSettings {
  /** Where Kafka clients connect that speak TLS. */
  readonly kafkaTls: Address | undefined;
  readonly redisTls: Address | undefined;
  readonly tls: TlsOptions | undefined;
  /** Kafka clients have to log in. */
  readonly login: true | undefined;
  /** Other machines may reach what is open. */
  readonly insecure: true | undefined;
}

/** Names of these flags in a file or after `-X`. */
export const SECURE_NAMES: readonly string[] = [
  'kafka-tls',
  'redis-tls',
  'tls-cert',
  'tls-key',
  'tls-ca',
  'auth',
  'acls',
  'insecure',
];

/** Decides. `given` is what was given by name. Throws a usage error. */
export function decideSecure(flags: SecureFlags, given: ReadonlyMap<string, string>): SecureSettings {
  const cert = flags.tlsCert ?? given.get('tls-cert');
  const key = flags.tlsKey ?? given.get('tls-key');
  const ca = flags.tlsCa ?? given.get('tls-ca');
  if ((cert === undefined) !== (key === undefined)) throw usage('--tls-cert and --tls-key belong together');
  if (ca !== undefined && cert === undefined) throw usage('--tls-ca needs --tls-cert and --tls-key');
  const auth = flags.auth ?? given.get('auth') ?? 'none';
  if (auth !== 'none' && auth !== 'sasl') throw usage(`auth must be none or sasl, not '${auth}'`);
  return {
    kafkaTls: flags.kafkaTls ?? addressOf(given, 'kafka-tls'),
    redisTls: flags.redisTls ?? addressOf(given, 'redis-tls'),
    tls: cert === undefined || key === undefined ? undefined : { cert, key, ...(ca === undefined ? {} : { ca }) },
    login: auth === 'sasl' ? true : undefined,
    insecure: flags.insecure === true || isTrue(given, 'insecure') ? true : undefined,
  };
}

/** `--acls` under Kafka's name, unless that is given itself. */
export function withAuthorizer(
  flags: SecureFlags,
  given: ReadonlyMap<string, string>,
  settings: Map<string, string>,
): Map<string, string> {
  const name = 'authorizer.class.name';
  if ((flags.acls === true || isTrue(given, 'acls')) && !settings.has(name)) settings.set(name, AUTHORIZERS[0] ?? '');
  return settings;
}

/** As lines for `--check-config`, only what was given. */
export function describeSecure(decided: SecureSettings): [name: string, value: string][] {
  const { kafkaTls, redisTls, tls, login, insecure } = decided;
  const lines: [string, string | undefined][] = [
    ['kafka-tls', kafkaTls && formatAddress(kafkaTls)],
    ['redis-tls', redisTls && formatAddress(redisTls)],
    ['tls-cert', tls?.cert],
    ['tls-key', tls?.key],
    ['tls-ca', tls?.ca],
    ['auth', login && 'sasl'],
    ['insecure', insecure && 'true'],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== undefined);
}

function isTrue(given: ReadonlyMap<string, string>, name: string): boolean {
  const value = given.get(name);
  if (value === undefined || value === 'true' || value === 'false') return value === 'true';
  throw usage(`${name} must be true or false, not '${value}'`);
}

function addressOf(given: ReadonlyMap<string, string>, name: string): Address | undefined {
  const text = given.get(name);
  if (text === undefined || text === '') return undefined;
  try {
    return address(text);
  } catch {
    throw usage(`${name}: '${text}' is not understood: give HOST:PORT`);
  }
}
