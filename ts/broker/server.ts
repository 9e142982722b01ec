/**
 * The Kafka listener: accepts connections, shares limits and handlers among them, and stops in order.
 *
 * Not a broker: it knows nothing of topics. The invariant to remember: `close` always ends within its grace time, and
 * every exchange that was open has then been answered or aborted.
 */

import { lookup } from 'node:dns/promises';
import { createServer, isIP, type Socket } from 'node:net';
import { NetFraming } from '../io/native-types.ts';
import type { LeaseHolder } from '../log/types.ts';
import type { RingNet } from '../net/ring-net.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';
import { listenTls } from '../tls/tls-listener.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { type ConnectionLimits, DEFAULT_LIMITS } from './connection-limits.ts';
import { ConnectionLog, type PrintLine } from './connection-log.ts';
import type { HandlerTable } from './handler.ts';
import { LargeBuffers } from './large-buffers.ts';
import { NodeTransport } from './node-transport.ts';
import { plainAddress } from './plain-address.ts';
import type { ByteBudget } from './protocol/framing.ts';
import { ReplyBudget } from './reply-budget.ts';
import { RingOutput, RingTransport } from './ring-transport.ts';
import type { ConnectionRate } from './security/connection-rate.ts';
import { type ListenerSecurity, PeerSecurity, PLAINTEXT } from './security/peer-security.ts';
import { certificatePrincipal } from './security/principal.ts';
import type { RequestThrottle } from './security/request-throttle.ts';
import type { Transport } from './transport.ts';

export interface KafkaServerOptions {
  readonly table: HandlerTable;
  /** Holds the leases of replies: the engine. */
  readonly leases: LeaseHolder;
  /** Counts the replies of all connections; nothing limits them together without. */
  readonly replies?: ReplyBudget | undefined;
  /** Counts what clients use of their quotas. */
  readonly throttle?: RequestThrottle | undefined;
  /** Counts the connections that addresses make. */
  readonly connectionRate?: ConnectionRate | undefined;
  /** Where lines about connections go; they are rate-limited. */
  readonly print: PrintLine;
  /** Overrides of `DEFAULT_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits>;
  /** `max.connections` as it is at this moment; that of `limits` without. */
  readonly maxConnections?: () => number;
  /** `max.connections.per.ip` as it is at this moment; that of `limits` without. */
  readonly maxConnectionsPerAddress?: () => number;
  /** Sockets in a ring to serve on; node:net without. They stay open when the server closes. */
  readonly ring?: RingNet | undefined;
}

/** Where one listens. */
export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/** Least capacity of the buffer for a request that arrives in pieces, before the peer has shown itself. */
const FIRST_GATHER_BYTES = 4 * 1024;
/** Longest request before somebody has logged in, where that is demanded. */
const LOGIN_REQUEST_MAX = 64 * 1024;

/** One Kafka server with any number of listening addresses. */
export class KafkaServer {
  readonly #limits: ConnectionLimits;
  readonly #maxConnections: () => number;
  readonly #maxPerAddress: () => number;
  readonly #connectionRate: ConnectionRate | undefined;
  readonly #host: ConnectionHost;
  /** Requests that are still arriving on node:net. */
  readonly #budget: ByteBudget;
  readonly #ring: RingNet | undefined;
  readonly #ringOutput = new RingOutput();
  readonly #connections = new Set<Connection>();
  /** Open connections by the address of the peer. */
  readonly #perAddress = new Map<string, number>();
  readonly #stopListening: (() => void)[] = [];
  readonly #log: ConnectionLog;
  readonly #sweeper: NodeJS.Timeout;
  #toFlush: Connection[] = [];
  #lastId = 0;
  #isClosing = false;
  #allClosed: (() => void) | null = null;

  constructor(options: KafkaServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#maxConnections = options.maxConnections ?? (() => this.#limits.maxConnections);
    this.#maxPerAddress = options.maxConnectionsPerAddress ?? (() => this.#limits.maxConnectionsPerAddress);
    this.#connectionRate = options.connectionRate;
    this.#log = new ConnectionLog(options.print);
    this.#host = {
      limits: this.#limits,
      table: options.table,
      log: this.#log,
      buffers: new LargeBuffers(),
      leases: options.leases,
      throttle: options.throttle,
      replies: options.replies ?? new ReplyBudget(Number.POSITIVE_INFINITY),
      flushSoon: (connection) => this.#flushSoon(connection),
      closed: (connection) => this.#closed(connection),
    };
    this.#ring = options.ring;
    this.#budget = sharedBudget(this.#limits.maxArrivingBytes);
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs);
    this.#sweeper.unref();
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Listens on one more address; port 0 takes a free one. Rejects with the system's error (EADDRINUSE, EACCES...). */
  listen(port: number, host: string, security: ListenerSecurity = PLAINTEXT): Promise<BoundAddress> {
    if (this.#ring === undefined) return this.#listenNode(port, host, security);
    return this.#listenRing(this.#ring, port, host, security);
  }

  /** As `listen`, for TLS: always on sockets of Node. */
  async listenTls(
    port: number,
    host: string,
    security: ListenerSecurity,
    identity: TlsIdentity,
  ): Promise<BoundAddress> {
    const first = { maxFrameBytes: this.#maxFirstBytes(security), minGatherBytes: FIRST_GATHER_BYTES };
    const listener = await listenTls({
      identity,
      port,
      host,
      mayBegin: (address) => this.#mayCome(address),
      accept: (socket) => {
        // Others may have come while the handshake went on.
        if (this.#isFull(socket.remoteAddress ?? '')) {
          socket.destroy();
          return;
        }
        const subject = identity.wantsCertificates ? socket.getPeerX509Certificate()?.subject : undefined;
        const transport = new NodeTransport(socket, first, this.#budget, this.#host.buffers);
        const peer = new PeerSecurity(security, subject === undefined ? undefined : certificatePrincipal(subject));
        transport.open(this.#accept(transport, peer));
      },
      failed: (address, reason) => this.#log.say('tls', `no TLS with ${address}: ${reason}`),
    });
    this.#stopListening.push(() => listener.close());
    return { address: listener.address, port: listener.port };
  }

  async #listenNode(port: number, host: string, security: ListenerSecurity): Promise<BoundAddress> {
    const first = { maxFrameBytes: this.#maxFirstBytes(security), minGatherBytes: FIRST_GATHER_BYTES };
    const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
      if (!this.#mayCome(socket.remoteAddress ?? '')) {
        socket.destroy();
        return;
      }
      const transport = new NodeTransport(socket, first, this.#budget, this.#host.buffers);
      transport.open(this.#accept(transport, new PeerSecurity(security)));
    });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ port, host, backlog: 1024 }, () => {
        listener.off('error', reject);
        resolve();
      });
    });
    listener.on('error', (error) => this.#log.say('accept', `accepting connections failed: ${error.message}`));
    this.#stopListening.push(() => listener.close());
    return listener.address() as BoundAddress;
  }

  /** Who has yet to log in sends names and tokens, nothing large. */
  #maxFirstBytes({ mechanisms }: ListenerSecurity): number {
    const { maxFirstRequestBytes } = this.#limits;
    return mechanisms.length === 0 ? maxFirstRequestBytes : Math.min(maxFirstRequestBytes, LOGIN_REQUEST_MAX);
  }

  async #listenRing(ring: RingNet, port: number, host: string, security: ListenerSecurity): Promise<BoundAddress> {
    const maxFirstRequestBytes = this.#maxFirstBytes(security);
    const numeric = isIP(host) === 0 ? (await lookup(host)).address : host;
    const bound = ring.listen(numeric, port, NetFraming.lengthPrefixed, maxFirstRequestBytes, {
      accept: (connection, peer) => {
        if (!this.#mayCome(peer.remoteAddress)) return null;
        const { buffers } = this.#host;
        const transport = new RingTransport(ring, connection, peer, this.#ringOutput, buffers, maxFirstRequestBytes);
        transport.open(this.#accept(transport, new PeerSecurity(security)));
        return transport;
      },
      refused: (errno, count) => {
        const why = errno === 0 ? `${this.#connections.size} are open` : `error ${errno}`;
        this.#log.say('refused', `refused ${count} connections: ${why}`);
      },
    });
    this.#stopListening.push(() => ring.unlisten(bound.listener));
    return bound;
  }

  /** Closes every open connection at once, whatever it waits for; new ones are accepted. Answers how many there were. */
  dropConnections(): number {
    const open = this.#connections.size;
    this.#destroyAll();
    return open;
  }

  /**
   * Stops accepting and reading, lets open requests be answered for at most `graceMs`, then closes what is left.
   * Resolves when no connection is left.
   */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const stop of this.#stopListening) stop();
    for (const connection of [...this.#connections]) connection.stop();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => this.#destroyAll(), graceMs);
        this.#allClosed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(this.#sweeper);
  }

  /** Whether an address may have one more connection now, which then counts; says why not. */
  #mayCome(address: string): boolean {
    if (this.#isFull(address)) return false;
    if (this.#connectionRate?.take(plainAddress(address)) ?? true) return true;
    this.#log.say('rate', `refused a connection of ${address}: it is over its quota of connections`);
    return false;
  }

  /** Whether one more connection is one too many; says so. */
  #isFull(address: string): boolean {
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (this.#isClosing || this.#connections.size >= this.#maxConnections()) {
      this.#log.say('refused', `refused a connection: ${this.#connections.size} are open`);
      return true;
    }
    if (ofAddress < this.#maxPerAddress()) return false;
    this.#log.say('refused address', `refused a connection of ${address}: ${ofAddress} of it are open`);
    return true;
  }

  #accept(transport: Transport, security: PeerSecurity): Connection {
    this.#lastId += 1;
    const connection = new Connection(this.#host, transport, this.#lastId, security);
    this.#connections.add(connection);
    const { remoteAddress } = transport.addresses;
    this.#perAddress.set(remoteAddress, (this.#perAddress.get(remoteAddress) ?? 0) + 1);
    return connection;
  }

  /** Replies of one turn leave together: connections are flushed once, after the JavaScript that is running now. */
  #flushSoon(connection: Connection): void {
    if (connection.isFlushDue) return;
    connection.isFlushDue = true;
    if (this.#toFlush.length === 0) process.nextTick(() => this.#flush());
    this.#toFlush.push(connection);
  }

  #flush(): void {
    const connections = this.#toFlush;
    this.#toFlush = [];
    for (const connection of connections) {
      connection.isFlushDue = false;
      connection.flush();
    }
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.checkDeadlines(now);
    this.#host.buffers.trim();
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    const { remoteAddress } = connection.peer;
    const left = (this.#perAddress.get(remoteAddress) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(remoteAddress);
    else this.#perAddress.set(remoteAddress, left);
    if (this.#connections.size === 0) this.#allClosed?.();
  }

  #destroyAll(): void {
    for (const connection of [...this.#connections]) connection.destroy();
  }
}

function sharedBudget(limit: number): ByteBudget {
  let used = 0;
  return {
    take(bytes) {
      if (used + bytes > limit) return false;
      used += bytes;
      return true;
    },
    give(bytes) {
      used -= bytes;
    },
  };
}
