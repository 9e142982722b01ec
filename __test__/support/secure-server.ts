/**
 * A server in this process that demands something of its clients: logins, certificates, rules.
 *
 * To remember: the users are made before it listens, by the same way as `millrace user add --dir`; certificates are the
 * ones in __test__/broker/security/fixtures.
 */
import { pbkdf2Sync } from 'node:crypto';
import { join } from 'node:path';
import { AUTHORIZERS } from '../../ts/broker/config-keys-security.ts';
import { alterUserScramCredentialsApi } from '../../ts/broker/protocol/gen/51-alter-user-scram-credentials.gen.ts';
import { openLocal } from '../../ts/local-broker.ts';
import { type MillraceServer, type ServeOptions, serve } from '../../ts/serve.ts';
import { scratch } from './scratch.ts';

/** A file among the certificates. */
export function certificate(name: string): string {
  return join(import.meta.dirname, '../broker/security/fixtures', name);
}

export interface SecureServer extends AsyncDisposable {
  readonly server: MillraceServer;
  readonly dir: string;
  readonly lines: string[];
  /** `host:port` without TLS, and with. */
  readonly plain: string;
  readonly tls: string;
}

export const ENFORCED = { 'authorizer.class.name': AUTHORIZERS[0] ?? '', 'super.users': 'User:admin' };

/** Adds users to a directory that is not open; each has its own name as password, with `-pass` behind it. */
export async function addUsers(dir: string, names: readonly string[]): Promise<void> {
  const upsertions = names.flatMap((name) =>
    (['sha256', 'sha512'] as const).map((hash, index) => {
      const salt = Buffer.from(`salt of ${name} for ${hash}`);
      const saltedPassword = pbkdf2Sync(`${name}-pass`, salt, 4096, hash === 'sha256' ? 32 : 64, hash);
      return { name, mechanism: index + 1, iterations: 4096, salt, saltedPassword };
    }),
  );
  await using session = openLocal(dir, true);
  const { results } = await session.send(alterUserScramCredentialsApi, { deletions: [], upsertions });
  for (const { user, errorCode } of results) if (errorCode !== 0) throw new Error(`user ${user}: error ${errorCode}`);
}

/** Starts one on free ports, with the users `admin` and `worker`. */
export async function startSecure(
  kafka: ServeOptions['kafka'],
  rest: Partial<ServeOptions> = {},
): Promise<SecureServer> {
  const directory = scratch('secure');
  const dir = join(directory.path, 'data');
  await addUsers(dir, ['admin', 'worker']);
  const lines: string[] = [];
  const server = await serve({
    dir,
    kafka: { port: 0, tls: { port: 0 }, ...kafka },
    tls: { cert: certificate('server.pem'), key: certificate('server.key') },
    print: (line) => lines.push(line),
    ...rest,
  });
  return {
    server,
    dir,
    lines,
    plain: `127.0.0.1:${server.kafka.port}`,
    tls: `127.0.0.1:${server.kafkaTls?.port}`,
    async [Symbol.asyncDispose]() {
      await server.close();
      directory[Symbol.dispose]();
    },
  };
}
