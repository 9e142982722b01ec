/**
 * How client verbs log in and speak TLS: rpk's names after `-X`, and the environment for what must not be on a command
 * line.
 *
 * Invariant: neither a password nor a token is ever printed; a token comes from a file, never from the command line; what is
 * given and of no use is refused rather than ignored.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { type Credentials, isPasswordMechanism } from '../client/sasl.ts';
import { usage } from './exit.ts';

/** Names after `-X` that are decided here. */
export const SECURITY_NAMES: ReadonlySet<string> = new Set([
  'user',
  'pass',
  'sasl.mechanism',
  'tls.enabled',
  'tls.ca',
  'tls.cert',
  'tls.key',
]);

export interface ClientSecurity {
  readonly credentials: Credentials | undefined;
  readonly tls: ConnectionOptions | undefined;
}

/** What options say of the login. */
export interface LoginOptions {
  /** `--sasl`: the mechanism. */
  readonly sasl?: string;
  /** `--token-file`: where the token is, read anew for every connection. */
  readonly tokenFile?: string;
}

/**
 * Decides from options, `-X` and the environment (MILLRACE_USER, MILLRACE_PASSWORD, MILLRACE_SASL_MECHANISM). Throws a
 * usage error.
 */
export function decideClientSecurity(
  given: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
  options: LoginOptions = {},
): ClientSecurity {
  if (given.has('pass')) throw usage('others can read arguments: give a password as MILLRACE_PASSWORD, not by -X pass');
  const mechanism = (options.sasl ?? given.get('sasl.mechanism') ?? env.MILLRACE_SASL_MECHANISM)?.toUpperCase();
  const wantsToken = mechanism === undefined ? options.tokenFile !== undefined : mechanism === 'OAUTHBEARER';
  const credentials = wantsToken
    ? tokenCredentials(given, options.tokenFile)
    : passwordCredentials(given, env, mechanism, options);
  return { credentials, tls: tlsOf(given) };
}

/** Characters that a token may have (RFC 6750), so that none of it is anything else of the message. */
const TOKEN = /^[\w.~+/-]+=*$/;

function tokenCredentials(given: ReadonlyMap<string, string>, tokenFile: string | undefined): Credentials {
  if (tokenFile === undefined) throw usage('a login by token needs it in a file: --token-file PATH');
  if (given.has('user')) throw usage('a token says itself whose it is: give no user');
  const token = file(tokenFile).toString('utf8').trim();
  if (!TOKEN.test(token)) throw usage(`${tokenFile} does not hold a token`);
  return { mechanism: 'OAUTHBEARER', token };
}

function passwordCredentials(
  given: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
  asked: string | undefined,
  options: LoginOptions,
): Credentials | undefined {
  if (options.tokenFile !== undefined) throw usage('--token-file is for --sasl oauthbearer');
  const user = given.get('user') ?? env.MILLRACE_USER;
  const password = env.MILLRACE_PASSWORD;
  const mechanism = asked ?? 'SCRAM-SHA-256';
  if (user === undefined) {
    if (given.has('sasl.mechanism') || options.sasl !== undefined) {
      throw usage('a login needs a name: -X user=NAME');
    }
    return undefined;
  }
  if (password === undefined) throw usage(`user ${user} needs a password: set MILLRACE_PASSWORD`);
  if (!isPasswordMechanism(mechanism)) {
    throw usage(`sasl.mechanism must be SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or OAUTHBEARER, not '${mechanism}'`);
  }
  return { mechanism, user, password };
}

function tlsOf(given: ReadonlyMap<string, string>): ConnectionOptions | undefined {
  const enabled = given.get('tls.enabled');
  if (enabled !== undefined && enabled !== 'true' && enabled !== 'false')
    throw usage('tls.enabled must be true or false');
  const files = { ca: given.get('tls.ca'), cert: given.get('tls.cert'), key: given.get('tls.key') };
  if (enabled === 'false') return undefined;
  if (enabled === undefined && Object.values(files).every((path) => path === undefined)) return undefined;
  const read = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, file(path)] as const],
  );
  return Object.fromEntries(read);
}

function file(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw usage(`${path} cannot be read: ${(cause as Error).message}`);
  }
}
