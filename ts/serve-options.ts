/**
 * What `serve` takes.
 *
 * Types only. To remember: where the data is, is either a directory that the server opens (`ServeOptions`) or one that the
 * process has open already (`ServeOpenOptions`); everything else is the same for both.
 */

import type { Durability } from './durability.ts';
import type { HttpOptions } from './http/http-options.ts';
import type { Kv } from './kv/kv.ts';
import type { Log } from './log/open-log.ts';
import type { SocketsChoice } from './net/choose-sockets.ts';
import type { EngineOptions } from './options.ts';
import type { RedisOptions } from './redis/redis-options.ts';
import type { TlsOptions } from './tls/tls-identity.ts';

/** Where Kafka clients connect. */
export interface KafkaOptions {
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Default 9092; 0 takes a free port. */
  port?: number | undefined;
  /** Told to clients instead of the address they are connected to. Both or none. */
  advertisedHost?: string | undefined;
  advertisedPort?: number | undefined;
  /** Another address, where clients have to speak TLS: `tls` says with which certificate. */
  tls?: { host?: string | undefined; port: number; advertisedHost?: string; advertisedPort?: number } | undefined;
  /** Clients have to log in (SASL) as one of the users that the directory knows. Default: they do not. */
  login?: boolean | undefined;
  /** What carries connections; default `auto`: sockets in a ring when the driver is one, Node's otherwise. */
  sockets?: SocketsChoice | undefined;
}

/** What a server offers, wherever its data is. */
export interface ListenOptions {
  kafka?: KafkaOptions | undefined;
  /** Redis is served when this is given. Its `appendfsync` is the flush policy: `always`, an interval, or neither. */
  redis?: RedisOptions | undefined;
  /** Metrics, health and the console by HTTP. Default: not served. Leave it on the loopback: metrics ask nobody. */
  http?: HttpOptions | undefined;
  /** Certificate and key of what listens for TLS. */
  tls?: TlsOptions | undefined;
  /** Lets addresses that other machines reach be open to everybody, or without TLS. Default: that is refused. */
  insecure?: boolean | undefined;
  /** Settings by Kafka's names, or in camelCase; and the engine's by theirs (`memory.bytes`). Options go before them. */
  settings?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** The floor under every acknowledgement (min.durability); default: as acks says. */
  durability?: Durability | undefined;
  /** Where lines about connections go. Default: nowhere. */
  print?: ((line: string) => void) | undefined;
}

/** A server with a directory of its own. */
export interface ServeOptions extends EngineOptions, ListenOptions {
  /** Data directory; created when it is not there. */
  dir: string;
  /** The floor under every acknowledgement (min.durability); default: as acks says. */
  durability?: Durability | undefined;
}

/**
 * A server on a directory that this process has open: its program and its clients work on the same topics, groups and
 * stores. What the engine runs with (`flush`, sizes) is decided by whoever opened it.
 */
export interface ServeOpenOptions extends ListenOptions {
  /** From `openLog`. This, or `kv`, or both of one directory. */
  log?: Pick<Log, 'engine' | 'assertOpen'> | undefined;
  /** From `openKv`. */
  kv?: Pick<Kv, 'engine' | 'stores'> | undefined;
}
