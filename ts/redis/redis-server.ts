/**
 * The Redis listener: sockets in a ring or those of Node, connections, deadlines, and the end in order.
 *
 * Not commands. To remember: who is refused is told why; `close` answers what was executed before it ends connections.
 */

import { lookup } from 'node:dns/promises';
import { createServer, isIP } from 'node:net';
import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode } from '../io/native-error.ts';
import { Code, NetFraming } from '../io/native-types.ts';
import type { Store } from '../kv/store.ts';
import { Stores } from '../kv/stores.ts';
import type { RingNet } from '../net/ring-net.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';
import { listenTls } from '../tls/tls-listener.ts';
import type { MakeBackup } from './backup-place.ts';
import { type ByteTransport, NodeBytes, RingBytes } from './byte-transport.ts';
import type { Client } from './client.ts';
import { type DatabaseStores, RedisCore } from './redis-core.ts';
import { RedisSettings } from './settings.ts';

/** Redis' names of flush policies. */
export type AppendFsync = 'always' | 'everysec' | 'no';

export interface RedisServerOptions {
  readonly engine: NodeEngine;
  /** Sockets in a ring to serve on; node:net without. */
  readonly ring?: RingNet | undefined;
  /** The policy in force, which the engine has already. */
  readonly appendFsync: AppendFsync;
  /** A password that connections have to give; empty: none. */
  readonly password?: string | undefined;
  /** Where lines about connections go. */
  readonly print: (line: string) => void;
  /** Ends the whole program, for SHUTDOWN; without, it is refused. */
  readonly shutdown?: (() => void) | undefined;
  /** Copies the data directory, for clients on this machine; without, that is refused. */
  readonly makeBackup?: MakeBackup | undefined;
  /** Settings by Redis' names. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Partial<RedisLimits>;
}

export interface RedisLimits {
  /** Before it has authenticated a connection has so long, ms. */
  authenticateMs: number;
  /** A command that has begun has so long for its next bytes, ms. */
  partialMs: number;
  /** A client that reads nothing of what waits for it has so long, ms. */
  unsentMs: number;
  sweepMs: number;
}

const DEFAULT_LIMITS: RedisLimits = { authenticateMs: 10_000, partialMs: 60_000, unsentMs: 60_000, sweepMs: 1000 };
const DATABASES = 16;
/** Raw framing has no frames: what a slot holds comes as it is. */
const FRAME_BYTES = 64 * 1024;
const TOO_MANY: Buffer = Buffer.from('-ERR max number of clients reached\r\n');

const policies = { always: 'always', everysec: { intervalMs: 1000 }, no: 'os' } as const;

/** What is known of a client that reads too slowly. */
interface Progress {
  unsent: number;
  since: number;
}

/** Opens the stores of all databases, creating those that are not there. */
async function openStores(engine: NodeEngine): Promise<DatabaseStores[]> {
  const stores = Stores.of(engine);
  const open = (name: string): Promise<Store> =>
    new Promise((resolve, reject) => {
      stores.open(name, (store, code) => {
        if (store === undefined || code !== Code.ok) reject(fromCode(code));
        else resolve(store);
      });
    });
  return Promise.all(
    Array.from({ length: DATABASES }, async (_, index) => {
      const names = ['', '-heads', '-members'].map((part) => open(`redis-${index}${part}`));
      const [strings, heads, members] = (await Promise.all(names)) as [Store, Store, Store];
      return { strings, heads, members };
    }),
  );
}

export class RedisServer {
  readonly core: RedisCore;
  readonly #options: RedisServerOptions;
  readonly #limits: RedisLimits;
  readonly #stopListening: (() => void)[] = [];
  readonly #progress = new WeakMap<Client, Progress>();
  readonly #sweeper: NodeJS.Timeout;
  readonly #forgetFailure: () => void;
  #isClosing = false;

  /** Opens the databases. Rejects with the typed error of the engine. */
  static async open(options: RedisServerOptions): Promise<RedisServer> {
    return new RedisServer(options, await openStores(options.engine));
  }

  private constructor(options: RedisServerOptions, stores: readonly DatabaseStores[]) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { engine } = options;
    const settings = new RedisSettings({
      ...options.settings,
      appendfsync: options.appendFsync,
      requirepass: options.password ?? '',
    });
    const kv = Stores.of(engine);
    this.core = new RedisCore({
      stores,
      settings,
      engine,
      submit: (effects, level, done) => kv.write(effects, level, done),
      schedule: options.ring === undefined ? (turn) => setImmediate(turn) : (turn) => process.nextTick(turn),
      direct: {
        run: engine.kv.run,
        commitQueued: () => {
          if (!kv.frames.overlay.isEmpty) engine.commitNow();
          return kv.frames.overlay.isEmpty && !kv.frames.isHeldUp;
        },
        kept: options.ring,
      },
      whenReached: (lsn, level, done) => engine.wait(level, { lsn, release: done }),
      refreshClients: () => options.ring?.tellUsed(),
      print: options.print,
      shutdown: options.shutdown,
      makeBackup: options.makeBackup,
    });
    this.core.isAlways = options.appendFsync === 'always';
    options.ring?.keepFor(this.core.executor, this.core.stores);
    settings.onChange((name, value) => this.#changed(name, value));
    this.#forgetFailure = engine.onFailure(() => {
      this.core.isFailed = true;
    });
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs);
    this.#sweeper.unref();
  }

  #changed(name: string, value: string): void {
    if (name === 'appendfsync') {
      const policy = value as AppendFsync;
      this.#options.engine.setFlushPolicy(policies[policy]);
      this.core.isAlways = policy === 'always';
    }
    if (name === 'proto-max-bulk-len') for (const client of this.core.clients.values()) client.setLimits();
    this.core.refreshWatched();
    if (name.startsWith('maxmemory')) this.core.eviction.refresh();
  }

  /** Listens on one more address; port 0 takes a free one. Rejects with the system's error (EADDRINUSE, EACCES...). */
  async listen(port: number, host: string): Promise<{ address: string; port: number }> {
    const { ring } = this.#options;
    const bound = ring === undefined ? await this.#listenNode(port, host) : await this.#listenRing(ring, port, host);
    this.core.port = bound.port;
    return bound;
  }

  /** As `listen`, for TLS: always on sockets of Node. */
  async listenTls(port: number, host: string, identity: TlsIdentity): Promise<{ address: string; port: number }> {
    const listener = await listenTls({
      identity,
      port,
      host,
      mayBegin: () => !this.#isClosing,
      accept: (socket) => new NodeBytes(socket, (transport) => this.#accept(transport)),
      failed: (address, reason) => this.#options.print(`no TLS with ${address}: ${reason}`),
    });
    this.#stopListening.push(() => listener.close());
    return { address: listener.address, port: listener.port };
  }

  async #listenNode(port: number, host: string): Promise<{ address: string; port: number }> {
    const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      new NodeBytes(socket, (transport) => this.#accept(transport));
    });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ port, host, backlog: 1024 }, () => {
        listener.off('error', reject);
        resolve();
      });
    });
    listener.on('error', (error) => this.#options.print(`accepting connections failed: ${error.message}`));
    this.#stopListening.push(() => listener.close());
    const bound = listener.address();
    if (bound === null || typeof bound === 'string') throw new MillraceError('MILLRACE_IO', 'no address to listen on');
    return { address: bound.address, port: bound.port };
  }

  async #listenRing(ring: RingNet, port: number, host: string): Promise<{ address: string; port: number }> {
    const numeric = isIP(host) === 0 ? (await lookup(host)).address : host;
    const bound = ring.listen(numeric, port, NetFraming.raw, FRAME_BYTES, {
      accept: (connection, peer) => {
        const transport = new RingBytes(ring, connection, peer);
        transport.open(this.#accept(transport));
        return transport;
      },
      refused: (errno, count) => {
        this.#options.print(`refused ${count} connections: ${errno === 0 ? 'too many are open' : `error ${errno}`}`);
      },
    });
    this.#stopListening.push(() => ring.unlisten(bound.listener));
    return { address: bound.address, port: bound.port };
  }

  #accept(transport: ByteTransport): Client {
    const client = this.core.connect(transport);
    if (this.#isClosing || this.core.clients.size > this.core.settings.number('maxclients')) {
      this.core.statistics.rejectedConnections += 1;
      this.#options.print(`refused a connection: ${this.core.clients.size - 1} are open`);
      // The transport has to know its user before it can be closed.
      setImmediate(() => {
        if (client.isGone) return;
        transport.send(TOO_MANY, 0, TOO_MANY.length);
        client.finish();
      });
    }
    return client;
  }

  /** Ends connections whose time is over. */
  #sweep(): void {
    const now = Date.now();
    this.core.refreshClients();
    this.core.statistics.sample(performance.now());
    this.core.executor.chore(() => this.core.collections.sweepExpired(this.core.databases, now));
    const idleMs = this.core.settings.number('timeout') * 1000;
    for (const client of [...this.core.clients.values()]) {
      const quietMs = now - client.lastMs;
      if (!client.isAuthenticated && now - client.createdMs > this.#limits.authenticateMs) client.close();
      else if (client.parser.heldBytes > 0 && quietMs > this.#limits.partialMs && client.waiting === null)
        client.close();
      else if (idleMs > 0 && quietMs > idleMs && !client.isSubscribed && client.waiting === null) client.close();
      else if (this.#isStalled(client, now)) client.close();
    }
  }

  #isStalled(client: Client, now: number): boolean {
    const { unsent } = client.transport;
    const known = this.#progress.get(client);
    if (unsent === 0 || known === undefined || unsent < known.unsent) {
      this.#progress.set(client, { unsent, since: now });
      return false;
    }
    known.unsent = unsent;
    return now - known.since > this.#limits.unsentMs;
  }

  /** Accepts no more, lets what was executed be answered for at most `graceMs`, then ends all connections. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#forgetFailure();
    for (const stop of this.#stopListening) stop();
    for (const client of this.core.clients.values()) client.pause(true);
    const deadline = performance.now() + graceMs;
    while (!this.#isQuiet() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
    for (const client of [...this.core.clients.values()]) client.close();
    clearInterval(this.#sweeper);
  }

  #isQuiet(): boolean {
    if (this.core.executor.heldTurns > 0) return false;
    this.core.refreshClients();
    return [...this.core.clients.values()].every((client) => client.transport.unsent === 0);
  }
}
