/**
 * Decided settings as the options that `serve` of the library takes.
 *
 * Decides nothing. To remember: `config diff` with a server asks what would be in force by the same options.
 */
import type { ServeOptions } from '../serve.ts';
import type { ServeSettings } from './serve-settings.ts';

export function serveOptions(settings: ServeSettings): ServeOptions {
  const { kafka, redis, advertised, http, dir, flush, durability, driver, sockets } = settings;
  const { kafkaTls, redisTls, tls, login, insecure, consoleWrite } = settings;
  // An empty variable is none: a console that everybody opens with nothing would be no console that asks.
  const token = process.env.MILLRACE_CONSOLE_TOKEN || undefined;
  return {
    dir,
    flush,
    durability,
    driver,
    kafka: {
      ...kafka,
      sockets,
      advertisedHost: advertised?.host,
      advertisedPort: advertised?.port,
      tls: kafkaTls,
      login,
    },
    tls,
    insecure,
    http: http && { ...http, console: { write: consoleWrite, token } },
    // With TLS alone the other address is the loopback one.
    redis: (redis ?? redisTls) && {
      ...redis,
      tls: redisTls,
      password: settings.redisPassword,
      settings: settings.redisSettings,
      backupDir: settings.backupDir,
      shutdown: stopSelf,
    },
    settings: Object.fromEntries(settings.settings),
  };
}

/** As Ctrl-C: everything is closed in order. */
function stopSelf(): void {
  process.kill(process.pid, 'SIGTERM');
}
