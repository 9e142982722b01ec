/**
 * How client verbs log in and speak TLS: rpk's names after `-X`, and the environment for what must not be on a command
 * line.
 *
 * Invariant: a password is never printed, and one without a user is refused rather than ignored.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { type Credentials, isMechanism } from '../client/sasl.ts';
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

/** Decides from `-X` and the environment (MILLRACE_USER, MILLRACE_PASSWORD, MILLRACE_SASL_MECHANISM). Throws a usage error. */
export function decideClientSecurity(given: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): ClientSecurity {
  return { credentials: credentialsOf(given, env), tls: tlsOf(given) };
}

function credentialsOf(given: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): Credentials | undefined {
  const user = given.get('user') ?? env.MILLRACE_USER;
  const password = given.get('pass') ?? env.MILLRACE_PASSWORD;
  const mechanism = given.get('sasl.mechanism') ?? env.MILLRACE_SASL_MECHANISM ?? 'SCRAM-SHA-256';
  if (user === undefined) {
    if (given.has('pass') || given.has('sasl.mechanism')) throw usage('a login needs a name: -X user=NAME');
    return undefined;
  }
  if (password === undefined) throw usage(`user ${user} needs a password: set MILLRACE_PASSWORD`);
  if (!isMechanism(mechanism)) {
    throw usage(`sasl.mechanism must be SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN, not '${mechanism}'`);
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
