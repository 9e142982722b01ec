/**
 * Redis beside Kafka, over the engine that a server has already.
 *
 * Loaded only where it is wanted. To remember: its `appendfsync` is the engine's flush policy under Redis' name.
 */

import { type FlushInput, flushNumbers, parseFlush } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import type { RingNet } from '../net/ring-net.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';
import { backupsInto } from './backup-place.ts';
import { REDIS_HOST, REDIS_PORT, type RedisEndpoint, type RedisOptions } from './redis-options.ts';
import { type AppendFsync, RedisServer } from './redis-server.ts';
import { settingsProblem } from './settings.ts';

/** How long commands that were executed may take to be answered when the server closes. */
const GRACE_MS = 5000;

/** Redis' name for a flush policy. */
function appendFsyncOf(policy: FlushInput): AppendFsync {
  const { always, intervalMs } = flushNumbers(parseFlush(policy));
  if (always) return 'always';
  return intervalMs > 0 ? 'everysec' : 'no';
}

/** Opens the databases and listens. Rejects with the system's error when the port cannot be taken. */
export async function serveRedis(
  {
    engine,
    dir,
    ring,
    print,
    identity,
  }: {
    engine: NodeEngine;
    /** The data directory; undefined where there is none on a disk. */
    dir: string | undefined;
    ring: RingNet | undefined;
    print: (line: string) => void;
    /** For the address where TLS is spoken. */
    identity?: TlsIdentity | undefined;
  },
  flush: FlushInput,
  options: RedisOptions,
): Promise<RedisEndpoint> {
  const { host = REDIS_HOST, port = REDIS_PORT, password, shutdown, settings, backupDir } = options;
  const problem = settingsProblem(settings ?? {});
  if (problem !== undefined) throw new MillraceError('MILLRACE_ARGUMENT', problem);
  const server = await RedisServer.open({
    engine,
    ring,
    print,
    password,
    shutdown,
    settings,
    makeBackup: dir === undefined || backupDir === undefined ? undefined : backupsInto(engine, dir, backupDir),
    appendFsync: appendFsyncOf(flush),
  });
  try {
    const bound = await server.listen(port, host);
    const secure =
      options.tls && identity && (await server.listenTls(options.tls.port, options.tls.host ?? REDIS_HOST, identity));
    return {
      host: bound.address,
      port: bound.port,
      tls: secure && { host: secure.address, port: secure.port },
      counters: () => server.core.counters(),
      close: () => server.close(GRACE_MS),
    };
  } catch (error) {
    await server.close(0);
    throw error;
  }
}
