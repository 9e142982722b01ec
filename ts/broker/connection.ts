/**
 * One client connection: whole requests from its transport in order to handlers, replies in order back.
 *
 * Not the protocol, not the handlers, and not the socket. The invariants to remember: replies leave in request order
 * whatever finishes first (rule 1); requests are taken only while those that are open and the replies that are unsent
 * are below their limits; what goes wrong on one connection ends that connection and nothing else.
 */

import type { LeaseHolder } from '../log/types.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import type { ConnectionLog } from './connection-log.ts';
import { dispatch, type Opener } from './dispatch.ts';
import { type ExchangeOwner, OpenExchange, releaseAll } from './exchange.ts';
import type { AnyHandler, HandlerTable, Peer } from './handler.ts';
import type { LargeBuffers } from './large-buffers.ts';
import { ErrorCode } from './protocol/error-codes.ts';
import { FramingError, recognise } from './protocol/framing.ts';
import { ProtocolError } from './protocol/protocol-error.ts';
import type { LeasedRecords, Writer } from './protocol/writer.ts';
import { ReplyAccount, type ReplyBudget } from './reply-budget.ts';
import type { PeerSecurity, SecurityOwner } from './security/peer-security.ts';
import { rawTokenFrame } from './security/raw-token.ts';
import type { RequestThrottle } from './security/request-throttle.ts';
import type { PlacedRequest, Transport, TransportUser } from './transport.ts';

/** Least capacity of the buffer for a request that arrives in pieces, after the first whole request. */
const TRUSTED_GATHER_BYTES = 1024 * 1024;

/**
 * With so many bytes unsent a reply gets memory of its own: the shared buffer would stay for one reply of many, as long as
 * the peer likes.
 */
const SHARED_UNSENT_MAX = 16 * 1024;

const NO_LEASES: readonly LeasedRecords[] = [];
const PRODUCE = 0;

/** What a connection has from its server. */
export interface ConnectionHost {
  readonly limits: ConnectionLimits;
  readonly table: HandlerTable;
  readonly log: ConnectionLog;
  readonly buffers: LargeBuffers;
  readonly leases: LeaseHolder;
  /** Counts what clients use of their quotas; nobody has one without. */
  readonly throttle: RequestThrottle | undefined;
  /** Counts the replies of all connections. */
  readonly replies: ReplyBudget;
  /** Runs `connection.flush` once before this turn of the event loop ends. */
  flushSoon(connection: Connection): void;
  closed(connection: Connection): void;
}

export class Connection implements ExchangeOwner, TransportUser, Opener, SecurityOwner {
  readonly peer: Peer;
  gone = false;
  /** Set by the server while the connection is in its list of connections to flush. */
  isFlushDue = false;
  readonly #host: ConnectionHost;
  readonly #transport: Transport;
  readonly #openedMs = performance.now();
  readonly #account: ReplyAccount;
  #hasSpoken = false;
  #first: OpenExchange | null = null;
  #last: OpenExchange | null = null;
  #open = 0;
  #openBytes = 0;
  /** Replies that wait for an older request. */
  #heldBytes = 0;
  /** The handler of the request that is being dispatched looks at its bytes until the exchange has ended. */
  #isRequestHeld = false;
  /** When a request was last seen open: as of the last look, no clock is read for a reply. */
  #busyMs = 0;
  #isPumping = false;
  #isPaused = false;
  #isStopping = false;
  /** When the peer sent its end, monotonic ms; 0: it has not. */
  #peerEndedMs = 0;
  /** Over a quota: monotonic ms until when no request is taken; 0 for not at all. */
  #mutedUntilMs = 0;
  #unmute: NodeJS.Timeout | undefined;

  constructor(host: ConnectionHost, transport: Transport, id: number, security: PeerSecurity) {
    this.#host = host;
    this.#transport = transport;
    this.#account = new ReplyAccount(host.replies);
    this.peer = { id, ...transport.addresses, softwareName: '', softwareVersion: '', security };
    security.attach(this);
  }

  /** True when nothing is open and nothing is unsent. */
  get isQuiet(): boolean {
    return this.#open === 0 && this.#transport.unsent === 0;
  }

  get buffers(): LargeBuffers {
    return this.#host.buffers;
  }

  get leases(): LeaseHolder {
    return this.#host.leases;
  }

  get sendsLeases(): boolean {
    return this.#transport.sendsLeases;
  }

  /** Sends what is ready, then goes on with requests that had to wait. */
  flush(): void {
    if (this.gone) return;
    this.#transport.flush();
    this.progressed();
  }

  outputFor(exchange: OpenExchange): Writer | null {
    const isShared = exchange === this.#first && this.#transport.unsent < SHARED_UNSENT_MAX;
    return isShared ? this.#transport.writer() : null;
  }

  wrote(leased: readonly LeasedRecords[]): void {
    this.#transport.wrote(leased);
  }

  /** An exchange was ended by its handler: moves every reply that is now in order to the output. */
  ended(exchange: OpenExchange): void {
    if (exchange.requestMemory !== null) this.#transport.release(exchange.requestMemory);
    if (this.gone) return;
    if (exchange !== this.#first) {
      this.#heldBytes += exchange.replyLength;
      this.#count();
      return;
    }
    let head: OpenExchange | null = exchange;
    while (head?.isEnded) {
      if (head.replyBytes !== null) {
        if (head !== exchange) this.#heldBytes -= head.replyLength;
        this.#transport.push(head.replyBytes, head.replyMemory, head.replyLeased);
      }
      this.#open -= 1;
      this.#openBytes -= head.requestBytes;
      head = head.next;
    }
    this.#first = head;
    if (head === null) this.#last = null;
    this.#count();
    if (head === null && exchange.isPlain) this.#arm();
    // Otherwise there is nothing to flush, nothing that had to wait, and nothing to end.
    if (!this.#transport.flushesItself || this.#isPaused || this.#isStopping || this.#peerEndedMs > 0)
      this.#host.flushSoon(this);
  }

  /** Whoever has to log in, or has a quota, is looked at before its request is taken. */
  #arm(): void {
    const { throttle } = this.#host;
    const isFree = this.peer.security.listener.mechanisms.length === 0 && (throttle === undefined || throttle.isIdle);
    if (isFree && !this.#isStopping) this.#transport.arm();
  }

  placed({ apiVersion, correlationId, clientId, requestBytes }: PlacedRequest): OpenExchange | null {
    if (this.gone) return null;
    const handler = this.#host.table.lookup(PRODUCE) as AnyHandler;
    const exchange = new OpenExchange(this, handler, apiVersion, correlationId, clientId, requestBytes);
    exchange.isPlain = true;
    this.#append(exchange);
    this.#pace();
    return exchange;
  }

  /** Closes the connection because of its peer; one rate-limited line says why. */
  shut(reason: string): void {
    if (this.gone) return;
    this.#host.log.say('closed', `closed ${this.#name()}: ${reason}`);
    this.#end();
  }

  /** Closes the connection after an error; whose fault it was decides what is said. */
  failed(error: unknown): void {
    if (error instanceof FramingError) {
      const guess = this.#hasSpoken ? undefined : recognise(error.claimed);
      this.shut(guess === undefined ? error.message : `${error.message}; it looks like ${guess}`);
    } else if (error instanceof ProtocolError) {
      this.shut(error.message);
    } else {
      // A handler must not throw: a bug of ours, and the peer is not to wait for an answer that will never come.
      this.#host.log.say('bug', `request of ${this.#name()} failed: ${error instanceof Error ? error.stack : error}`);
      this.#end();
    }
  }

  used({ apiKey, clientId, requestBytes, throttleMs }: OpenExchange, recordBytes: number): number {
    const { throttle } = this.#host;
    if (throttle === undefined || throttle.isIdle) return 0;
    const used = throttle.used(this.peer.security.principal, clientId, apiKey, requestBytes, recordBytes);
    return this.#mute(Math.max(used, throttleMs));
  }

  /** Takes no requests for so long. */
  #mute(ms: number): number {
    if (ms === 0 || this.gone) return ms;
    this.#mutedUntilMs = performance.now() + ms;
    // What is appended where it arrives asks nobody: nothing more is to arrive.
    this.#pace();
    clearTimeout(this.#unmute);
    this.#unmute = setTimeout(() => {
      this.#mutedUntilMs = 0;
      this.progressed();
    }, ms);
    return ms;
  }

  /** Takes no more requests; closes as soon as what is open has been answered and sent. */
  stop(): void {
    this.#isStopping = true;
    this.#transport.pause();
    if (this.isQuiet) this.#end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#end();
  }

  /** Closes the connection if one of its deadlines has passed. `now` as of `performance.now`. */
  checkDeadlines(now: number): void {
    const { limits } = this.#host;
    const { unsent } = this.#transport;
    if (unsent > 0) {
      const waited = this.#transport.stalledMs(now);
      if (waited > limits.unsentMs) this.shut(`${unsent} bytes of replies not read for ${seconds(waited)}`);
    } else if (!this.#hasSpoken) {
      if (now - this.#openedMs > limits.firstRequestMs)
        this.shut(`no whole request within ${seconds(limits.firstRequestMs)}`);
    } else if (this.#peerEndedMs > 0 && now - this.#peerEndedMs > limits.unsentMs) {
      // Whoever has gone looks the same as whoever waits for its last replies.
      this.#end();
    } else if (this.#open > 0) {
      this.#busyMs = now;
    } else if (this.#isIdle(now)) {
      this.#end();
    }
  }

  /** Nothing has been received or worked on for the idle time. */
  #isIdle(now: number): boolean {
    return now - Math.max(this.#busyMs, this.#transport.receivedMs) > this.#host.limits.idleMs;
  }

  arrived(): void {
    this.#pump();
  }

  progressed(): void {
    if (this.gone) return;
    this.#count();
    if (this.#isStopping && this.isQuiet) this.#end();
    else this.#pump();
  }

  peerEnded(): void {
    if (this.gone) return;
    this.#peerEndedMs = performance.now();
    this.#pump();
  }

  lost(error: FramingError | null): void {
    if (error === null) this.#end();
    else this.failed(error);
  }

  admit(apiKey: number): void {
    const refusal = this.peer.security.refusal(apiKey, performance.now());
    if (refusal !== undefined) throw new ProtocolError(refusal);
  }

  authenticated(): void {
    this.#trust();
  }

  endSoon(reason: string): void {
    if (this.gone) return;
    this.#host.log.say('login', `closing ${this.#name()}: ${reason}`);
    this.stop();
  }

  /** Puts a new exchange at the end of the queue; called by `dispatch` with the request that `#request` hands to it. */
  open(handler: AnyHandler, apiVersion: number, correlationId: number, clientId: string | null): OpenExchange {
    if (!this.#hasSpoken && this.peer.security.isAuthenticated) this.#trust();
    const { start, end, memory } = this.#transport;
    const exchange = new OpenExchange(this, handler, apiVersion, correlationId, clientId, end - start);
    if (handler.holdsRequest === true) {
      exchange.requestMemory = memory;
      this.#isRequestHeld = true;
    }
    this.#append(exchange);
    return exchange;
  }

  #append(exchange: OpenExchange): void {
    if (this.#last === null) this.#first = exchange;
    else this.#last.next = exchange;
    this.#last = exchange;
    this.#open += 1;
    this.#openBytes += exchange.requestBytes;
  }

  /** Dispatches requests until the bytes are used up or a limit is reached; pauses or resumes the peer accordingly. */
  #pump(): void {
    if (this.#isPumping || this.gone || this.#isStopping) return;
    this.#isPumping = true;
    try {
      while (!this.gone && !this.#isFull() && this.#transport.next()) this.#request();
    } catch (error) {
      this.failed(error);
    } finally {
      this.#isPumping = false;
    }
    if (this.gone) return;
    if (this.#peerEndedMs > 0) this.#hurry(this.#isFull());
    this.#pace();
  }

  /** Pauses or resumes the peer, as there is enough to do or not. */
  #pace(): void {
    if (this.gone) return;
    const isFull = this.#isFull();
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#transport.pause();
    else this.#transport.resume();
  }

  /** Answers what waits for others, and closes when everything has been answered and sent. */
  #hurry(isFull: boolean): void {
    for (let exchange = this.#first; exchange !== null; exchange = exchange.next) exchange.onHurry?.();
    if (this.isQuiet && !isFull) this.#end();
  }

  #request(): void {
    const { bytes, start, end, memory } = this.#transport;
    this.#isRequestHeld = false;
    try {
      if (this.peer.security.takesRawToken) this.#rawToken(bytes.subarray(start, end));
      else dispatch(this.#host.table, bytes, start, end, this);
    } finally {
      // Also of a request that could not be decoded: no handler has seen it.
      if (memory !== null && !this.#isRequestHeld) this.#transport.release(memory);
    }
  }

  /** A token of the old handshake: neither it nor its answer has a header, and a login that fails has no answer. */
  #rawToken(token: Uint8Array): void {
    if (this.#open > 0) throw new ProtocolError('a token before the handshake was answered');
    this.peer.security.token(token, ({ error, token: answer }) => {
      if (this.gone || error !== ErrorCode.NONE) return;
      this.#transport.push(rawTokenFrame(answer), null, NO_LEASES);
      this.#host.flushSoon(this);
    });
  }

  /** The peer speaks Kafka: from now on it may send what the limits allow. */
  #trust(): void {
    this.#hasSpoken = true;
    this.#transport.allow(this.#host.limits.maxRequestBytes, TRUSTED_GATHER_BYTES);
  }

  #count(): void {
    this.#account.holds(this.#transport.unsent + this.#heldBytes);
  }

  #isFull(): boolean {
    const { limits, replies } = this.#host;
    // When all connections together hold too much, each holds one reply at a time.
    const maxUnsentBytes = replies.isSpent ? 1 : limits.maxUnsentBytes;
    return (
      this.peer.security.isBusy ||
      this.#mutedUntilMs > 0 ||
      this.#open >= limits.maxOpenRequests ||
      this.#openBytes >= limits.maxOpenRequestBytes ||
      this.#transport.unsent + this.#heldBytes >= maxUnsentBytes
    );
  }

  /** The one way a connection ends: everything that waits for it is told. */
  #end(): void {
    if (this.gone) return;
    this.gone = true;
    clearTimeout(this.#unmute);
    this.#account.holds(0);
    this.#transport.close();
    let exchange = this.#first;
    this.#first = null;
    this.#last = null;
    while (exchange !== null) {
      const { onAbort } = exchange;
      exchange.onAbort = null;
      onAbort?.();
      releaseAll(this.#host.leases, exchange.replyLeased);
      exchange = exchange.next;
    }
    this.#host.closed(this);
  }

  #name(): string {
    return `${this.peer.remoteAddress}:${this.peer.remotePort}`;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
