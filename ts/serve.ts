/**
 * `serve`: a server over one data directory. It speaks Kafka, and Redis when asked to.
 *
 * Not the command line, which decides the options. To remember: a port that is taken is found out before the data
 * directory is touched, and closing twice is closing once.
 */

import { createServer } from 'node:net';
import { Broker } from './broker/broker.ts';
import { brokerConfigKey, brokerConfigKeys, configProblem } from './broker/config-table.ts';
import { oauthSettings } from './broker/security/oauth/oauth-settings.ts';
import { BrokerSettings } from './broker/settings.ts';
import { type FlushInput, flushNumbers, parseFlush } from './durability.ts';
import { engineSetting, engineSettingProblem, engineSettings, takeEngineSettings } from './engine-settings.ts';
import { MillraceError } from './errors.ts';
import { HTTP_HOST, HTTP_PORT, type HttpEndpoint, type HttpOptions } from './http/http-options.ts';
import type { NodeEngine } from './io/engine.ts';
import type { DriverReport, RecoveryAccount } from './io/native-types.ts';
import { chooseSockets, type SocketsChoice, type SocketsReport } from './net/choose-sockets.ts';
import type { RingNet } from './net/ring-net.ts';
import type { EngineOptions } from './options.ts';
import { REDIS_HOST, REDIS_PORT, type RedisEndpoint, type RedisOptions } from './redis/redis-options.ts';
import { bindingsOf, identityOf, KAFKA_HOST, listenersText, secureListeners } from './secure-listeners.ts';
import type { KafkaOptions, ListenOptions, ServeOpenOptions, ServeOptions } from './serve-options.ts';
import { joinServed, openServed, type ServedEngine } from './serve-source.ts';
import { type ServerParts, setParts } from './server-parts.ts';
import { type Advertised, parseAdvertised } from './tls/advertised-listeners.ts';
import { assertBindings, isLoopback } from './tls/bind-rules.ts';
import type { TlsIdentity, TlsOptions } from './tls/tls-identity.ts';
import { parseSize } from './units.ts';

export type {
  HttpOptions,
  KafkaOptions,
  ListenOptions,
  RedisOptions,
  ServeOpenOptions,
  ServeOptions,
  SocketsChoice,
  SocketsReport,
  TlsOptions,
};

/** A running server. */
export interface MillraceServer extends AsyncDisposable {
  /** Where Kafka is served. */
  readonly kafka: { readonly host: string; readonly port: number };
  /** Where Kafka is served over TLS, if it is. */
  readonly kafkaTls: { readonly host: string; readonly port: number } | undefined;
  /** Where Redis is served, if it is. */
  readonly redis: { readonly host: string; readonly port: number } | undefined;
  /** Where Redis is served over TLS, if it is. */
  readonly redisTls: { readonly host: string; readonly port: number } | undefined;
  /** Where metrics and health are, when they are served. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly driver: DriverReport;
  /** What carries connections, and why. */
  readonly sockets: SocketsReport;
  readonly recovery: RecoveryAccount;
  /** Counters of the engine: crossings, flushes, bytes; and of sockets in a ring, as `sockets.enters` and the like. */
  counters(): Record<string, number>;
  /** Runs `listener` when a flush has failed: from then on everything that writes is refused. */
  onFailure(listener: (code: number) => void): () => void;
  /**
   * Runs `listener` with true when writes are refused because the disk is full, and with false when they are taken again,
   * which happens by itself. Meanwhile reads, deletes and retention go on. Returns what takes the listener away.
   */
  onDiskFull(listener: (isFull: boolean) => void): () => void;
  /** Reads certificate and key again, for connections to come. Throws MILLRACE_OPTION when they cannot be used. */
  reloadTls(): void;
  /**
   * Stops accepting, answers who waits, flushes, leaves the mark of a clean shutdown. A directory that was open before the
   * server stays open.
   */
  close(): Promise<void>;
}

/** The settings `serve` knows, for whoever decides them: names, and what is wrong with a value. */
export const settingsTable: {
  readonly names: readonly string[];
  readonly problem: (name: string, value: string) => string | undefined;
} = {
  names: [...[...brokerConfigKeys()].map((key) => key.name), ...engineSettings.map((one) => one.name)],
  /** Why `value` cannot be used for `name`, or undefined. */
  problem(name: string, value: string): string | undefined {
    const ours = engineSetting(name);
    if (ours) return engineSettingProblem(ours, value);
    const key = brokerConfigKey(name);
    return key ? configProblem(key, value) : `there is no setting ${name}`;
  },
};

/** Throws what `serve` would before it opens anything (MILLRACE_OPTION), and reads nothing but certificate and key. */
export function checkServe(options: ServeOptions): void {
  decide(options, brokerSettings(options));
}

/** What options come to, before anything is opened. */
function decide(options: ListenOptions, settings: BrokerSettings) {
  const { kafka = {}, tls, insecure = false } = options;
  const host = kafka.host ?? KAFKA_HOST;
  const port = kafka.port ?? 9092;
  const advertised = advertisedAddresses(kafka, settings);
  const secure = secureListeners(options);
  if (kafka.login === true) oauthSettings(settings);
  assertBindings(bindingsOf(options, settings), insecure);
  const identity = identityOf(tls, secure);
  return { host, port, settings, advertised, secure, identity };
}

type Decided = ReturnType<typeof decide>;

/**
 * Serves a directory, or one that this process has open already (`log`, `kv`): then the program's records, groups and stores
 * are those of its clients, and closing the server leaves the directory open. Rejects with the system's error when the port
 * cannot be taken (the directory is then untouched), and with MILLRACE_LOCKED, MILLRACE_FORMAT, MILLRACE_DRIVER,
 * MILLRACE_OPTION, MILLRACE_IO, MILLRACE_CLOSED.
 */
export async function serve(options: ServeOptions | ServeOpenOptions): Promise<MillraceServer> {
  if (!isOpen(options)) {
    const decided = decide(options, brokerSettings(options));
    await assertAllFree(options, decided);
    const { engine: given } = takeEngineSettings(options.settings ?? {});
    return listenAll(openServed(options, { ...kafkaSettings(decided.settings), ...given }), options, decided);
  }
  const served = joinServed(options);
  try {
    const decided = decide(options, openSettings(options, served));
    await assertAllFree(options, decided);
    return await listenAll(served, options, decided);
  } catch (error) {
    await served.release();
    throw error;
  }
}

function isOpen(options: ServeOptions | ServeOpenOptions): options is ServeOpenOptions {
  const hasDirectory = 'dir' in options && options.dir !== undefined;
  const hasHandle = ('log' in options && options.log !== undefined) || ('kv' in options && options.kv !== undefined);
  if (hasDirectory !== hasHandle) return hasHandle;
  throw new MillraceError('MILLRACE_OPTION', 'serve takes a directory (dir), or an open log or kv, and not both');
}

async function assertAllFree({ redis, http }: ListenOptions, { host, port, secure }: Decided): Promise<void> {
  await assertFree(port, host);
  for (const one of secure) await assertFree(one.port, one.host);
  if (redis) await assertFree(redis.port ?? REDIS_PORT, redis.host ?? REDIS_HOST);
  if (http) await assertFree(http.port ?? HTTP_PORT, http.host ?? HTTP_HOST);
}

/** Everything that listens, on an engine; lets go of it when something of it cannot. */
async function listenAll(
  { engine, dir, release }: ServedEngine,
  options: ListenOptions,
  { host, port, settings, advertised, identity }: Decided,
): Promise<MillraceServer> {
  const { kafka = {}, http, insecure = false, print = () => {} } = options;
  let ring: RingNet | undefined;
  let broker: Broker | undefined;
  let redis: RedisEndpoint | undefined;
  try {
    const chosen = chooseSockets(kafka.sockets ?? 'auto', engine);
    ring = chosen.ring;
    broker = new Broker({
      engine,
      settings,
      print,
      advertised: advertised.plain,
      advertisedTls: advertised.tls,
      ring,
    });
    const { login = false } = kafka;
    const bound = await broker.listen(port, host, { login, isTrusted: insecure || isLoopback(host) });
    const boundTls =
      kafka.tls && identity && (await broker.listen(kafka.tls.port, kafka.tls.host ?? KAFKA_HOST, { login }, identity));
    const parts: ServerParts = {
      engine,
      broker,
      kafka: { host: bound.address, port: bound.port },
      dir,
      get flush() {
        return engine.flushPolicy;
      },
      knowsClients: asksClients(options, settings),
      counters: () => ({
        ...engine.counters(),
        ...(ring ? named('sockets', ring.counters()) : {}),
        ...(redis ? named('redis', redis.counters()) : {}),
      }),
    };
    redis = await listenRedis({ engine, dir, ring, print, identity }, options);
    const kafkaTls = boundTls && { host: boundTls.address, port: boundTls.port };
    return running(parts, chosen, release, {
      http: http && (await listenHttp(parts, http)),
      redis,
      kafkaTls,
      identity,
    });
  } catch (error) {
    await redis?.close();
    await broker?.close();
    await ring?.close();
    await release();
    throw error;
  }
}

/** Whether anybody who connects has to show who they are, or may not do everything. */
function asksClients({ kafka, redis, tls }: ListenOptions, settings: BrokerSettings): boolean {
  const hasPassword = redis?.password !== undefined && redis.password !== '';
  return kafka?.login === true || hasPassword || tls?.ca !== undefined || settings.text('authorizer.class.name') !== '';
}

/** Loads the endpoint only where it is wanted. */
async function listenHttp(parts: ServerParts, options: HttpOptions): Promise<HttpEndpoint> {
  const { serveHttp } = await import('./http/http-server.ts');
  return serveHttp(parts, options);
}

/** As `listenHttp`. */
async function listenRedis(
  parts: {
    engine: NodeEngine;
    dir: string | undefined;
    ring: RingNet | undefined;
    print: (line: string) => void;
    identity: TlsIdentity | undefined;
  },
  { redis }: ListenOptions,
): Promise<RedisEndpoint | undefined> {
  if (!redis) return undefined;
  const { serveRedis } = await import('./redis/serve-redis.ts');
  return serveRedis(parts, parts.engine.flushPolicy, redis);
}

/** What listens beside Kafka's first address, as far as it is wanted. */
interface Endpoints {
  readonly http: HttpEndpoint | undefined;
  readonly redis: RedisEndpoint | undefined;
  readonly kafkaTls: { readonly host: string; readonly port: number } | undefined;
  readonly identity: TlsIdentity | undefined;
}

function running(
  parts: ServerParts,
  { ring, report }: ReturnType<typeof chooseSockets>,
  release: () => Promise<void>,
  { http, redis, kafkaTls, identity }: Endpoints,
): MillraceServer {
  const { engine, broker, kafka, counters } = parts;
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    await http?.close();
    await Promise.all([broker.close(), redis?.close()]);
    await ring?.close();
    await release();
  };
  const close = (): Promise<void> => {
    closing ??= closeAll();
    return closing;
  };
  const server: MillraceServer = {
    kafka,
    kafkaTls,
    redis: redis && { host: redis.host, port: redis.port },
    redisTls: redis?.tls,
    http: http && { host: http.host, port: http.port },
    driver: engine.driver,
    sockets: report,
    recovery: engine.recovery,
    counters,
    onFailure: (listener) => engine.onFailure(listener),
    onDiskFull: (listener) => engine.onSpace(listener),
    reloadTls: () => identity?.reload(),
    close,
    [Symbol.asyncDispose]: close,
  };
  setParts(server, parts);
  return server;
}

function named(prefix: string, counters: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix}.${name}`, value]));
}

/** Every Kafka setting a broker would be started with. Throws MILLRACE_OPTION on an unknown key or a bad value. */
export function startSettings(options: ServeOptions): ReadonlyMap<string, string> {
  const settings = brokerSettings(options);
  return new Map(Array.from(brokerConfigKeys(), ({ name }) => [name, settings.text(name)]));
}

function brokerSettings(options: ServeOptions): BrokerSettings {
  const { rest } = takeEngineSettings(options.settings ?? {});
  const { flush = 'always', segmentBytes, indexIntervalBytes } = options;
  const sizes = {
    ...(segmentBytes === undefined ? {} : { 'log.segment.bytes': String(parseSize('segmentBytes', segmentBytes)) }),
    ...(indexIntervalBytes === undefined
      ? {}
      : { 'log.index.interval.bytes': String(parseSize('indexIntervalBytes', indexIntervalBytes)) }),
  };
  return new BrokerSettings({ ...inForce(options, options.dir, flush), ...sizes, ...rest });
}

/** As `brokerSettings`, on an engine that runs. */
function openSettings(options: ServeOpenOptions, { engine, share }: ReturnType<typeof joinServed>): BrokerSettings {
  return new BrokerSettings({
    ...inForce(options, share.dir, engine.flushPolicy),
    'log.segment.bytes': share.native.segmentBytes,
    'log.index.interval.bytes': share.native.indexIntervalBytes,
    ...options.settings,
  });
}

/** What the options decide of the broker settings, so that DescribeConfigs reports what is in force. */
function inForce({ kafka, durability }: ListenOptions, dir: string, flush: FlushInput): Record<string, string> {
  const { records, intervalMs, always } = flushNumbers(parseFlush(flush));
  const never = '9223372036854775807';
  return {
    listeners: listenersText(kafka, kafka?.host ?? KAFKA_HOST, kafka?.port ?? 9092),
    'log.dirs': dir,
    ...(always ? {} : { 'log.flush.interval.messages': records > 0 ? String(records) : never }),
    ...(intervalMs > 0 ? { 'log.flush.interval.ms': String(intervalMs) } : {}),
    ...(durability === undefined ? {} : { 'min.durability': durability }),
  };
}

/** The engine's options that have a name among Kafka's settings. */
function kafkaSettings(settings: BrokerSettings): EngineOptions {
  return {
    segmentBytes: settings.number('log.segment.bytes'),
    indexIntervalBytes: settings.number('log.index.interval.bytes'),
  };
}

/** What clients are told, from the options, else from advertised.listeners. */
function advertisedAddresses(kafka: KafkaOptions, settings: BrokerSettings): Advertised {
  const { plain, tls } = parseAdvertised(settings.text('advertised.listeners'));
  const given = (name: string, host: string | undefined, port: number | undefined) => {
    if (host !== undefined && port !== undefined) return { host, port };
    if (host === undefined && port === undefined) return undefined;
    throw new MillraceError('MILLRACE_OPTION', `advertisedHost and advertisedPort of ${name} belong together`);
  };
  return {
    plain: given('kafka', kafka.advertisedHost, kafka.advertisedPort) ?? plain,
    tls: given('kafka.tls', kafka.tls?.advertisedHost, kafka.tls?.advertisedPort) ?? tls,
  };
}

/** Binds and lets go again. Rejects with the system's error (EADDRINUSE, EACCES, ENOTFOUND). */
async function assertFree(port: number, host: string): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ port, host }, () => probe.close(() => resolve()));
  });
}
