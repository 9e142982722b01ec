/** What `serve` takes for Redis, and what it gets: apart, so that knowing it loads no server. */

/** Where Redis clients connect when nothing else is said. */
export const REDIS_HOST = '127.0.0.1';
export const REDIS_PORT = 6379;

/** How Redis is served. */
export interface RedisOptions {
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Default 6379; 0 takes a free port. */
  port?: number | undefined;
  /** Another address, where clients have to speak TLS. */
  tls?: { host?: string | undefined; port: number } | undefined;
  /** What connections have to give by AUTH or HELLO; default none. */
  password?: string | undefined;
  /** Settings by Redis' names, as CONFIG SET takes them: `maxmemory`, `maxmemory-policy`... */
  settings?: Readonly<Record<string, string>> | undefined;
  /** Where clients on this machine may have the data directory copied to, by MILLRACE.BACKUP; without, that is refused. */
  backupDir?: string | undefined;
  /** Ends the program, for SHUTDOWN; without, the command is refused. */
  shutdown?: (() => void) | undefined;
}

/** A Redis server that runs. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  /** Where TLS is spoken, if it is. */
  readonly tls: { readonly host: string; readonly port: number } | undefined;
  /** What INFO counts, by name. */
  counters(): Record<string, number>;
  /** Answers what was executed, then ends all connections. */
  close(): Promise<void>;
}
