/**
 * One client connection: a socket in front of pure framing, requests in order to handlers, replies in order back.
 *
 * Not the protocol and not the handlers. The invariants to remember: replies leave in request order whatever finishes
 * first (rule 1); the socket is read only while open requests and unsent replies are below their limits; what goes wrong
 * on one connection ends that connection and nothing else.
 */

import type { Socket } from 'node:net';
import type { ConnectionLimits } from './connection-limits.ts';
import type { ConnectionLog } from './connection-log.ts';
import { dispatch } from './dispatch.ts';
import { type ExchangeOwner, OpenExchange } from './exchange.ts';
import type { HandlerTable, Peer } from './handler.ts';
import type { LargeBuffers } from './large-buffers.ts';
import { Output } from './output.ts';
import { type ByteBudget, FrameCutter, FramingError, recognise } from './protocol/framing.ts';
import { ProtocolError } from './protocol/protocol-error.ts';
import type { Writer } from './protocol/writer.ts';

/** Least capacity of the buffer for a request that arrives in pieces, before and after the first whole request. */
const FIRST_GATHER_BYTES = 4 * 1024;
const TRUSTED_GATHER_BYTES = 1024 * 1024;

/** What a connection has from its server. */
export interface ConnectionHost {
  readonly limits: ConnectionLimits;
  readonly table: HandlerTable;
  readonly budget: ByteBudget;
  readonly log: ConnectionLog;
  readonly buffers: LargeBuffers;
  /** Runs `connection.flush` once before this turn of the event loop ends. */
  flushSoon(connection: Connection): void;
  closed(connection: Connection): void;
}

export class Connection implements ExchangeOwner {
  readonly peer: Peer;
  gone = false;
  /** Set by the server while the connection is in its list of connections to flush. */
  isFlushDue = false;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #cutter: FrameCutter;
  readonly #output: Output;
  readonly #openedMs = performance.now();
  #receivedMs = this.#openedMs;
  #hasSpoken = false;
  #first: OpenExchange | null = null;
  #last: OpenExchange | null = null;
  #open = 0;
  #openBytes = 0;
  /** Replies that wait for an older request. */
  #heldBytes = 0;
  #isPumping = false;
  #isStopping = false;
  /** What the first bytes look like when they are not Kafka's; undefined before there were any. */
  #guess: string | null | undefined;

  constructor(host: ConnectionHost, socket: Socket, id: number) {
    this.#host = host;
    this.#socket = socket;
    this.peer = {
      id,
      remoteAddress: socket.remoteAddress ?? '',
      remotePort: socket.remotePort ?? 0,
      localAddress: socket.localAddress ?? '',
      localPort: socket.localPort ?? 0,
      softwareName: '',
      softwareVersion: '',
    };
    const { limits } = host;
    this.#cutter = new FrameCutter(
      { maxFrameBytes: limits.maxFirstRequestBytes, minGatherBytes: FIRST_GATHER_BYTES },
      host.budget,
      host.buffers,
    );
    this.#output = new Output(socket, host.buffers, () => this.#afterProgress());
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => this.#end());
    socket.on('error', () => this.#end());
    socket.on('close', () => this.#end());
  }

  /** True when nothing is open and nothing is unsent. */
  get isQuiet(): boolean {
    return this.#open === 0 && this.#output.unsent === 0;
  }

  get buffers(): LargeBuffers {
    return this.#host.buffers;
  }

  /** Sends what is ready, then goes on with requests that had to wait. */
  flush(): void {
    if (this.gone) return;
    this.#output.flush();
    if (this.#isStopping && this.isQuiet) this.#end();
    else this.#pump();
  }

  outputFor(exchange: OpenExchange): Writer | null {
    return exchange === this.#first ? this.#output.writer() : null;
  }

  /** An exchange was ended by its handler: moves every reply that is now in order to the output. */
  ended(exchange: OpenExchange): void {
    if (this.gone) return;
    if (exchange !== this.#first) {
      this.#heldBytes += exchange.replyBytes?.length ?? 0;
      return;
    }
    let head: OpenExchange | null = exchange;
    while (head?.isEnded) {
      if (head !== exchange) this.#heldBytes -= head.replyBytes?.length ?? 0;
      if (head.replyBytes !== null) this.#output.push(head.replyBytes, head.replyMemory);
      this.#open -= 1;
      this.#openBytes -= head.requestBytes;
      if (head.requestMemory !== null) this.#host.buffers.give(head.requestMemory);
      head = head.next;
    }
    this.#first = head;
    if (head === null) this.#last = null;
    this.#host.flushSoon(this);
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
      this.shut(this.#guess == null ? error.message : `${error.message}; it looks like ${this.#guess}`);
    } else if (error instanceof ProtocolError) {
      this.shut(error.message);
    } else {
      // A handler must not throw: a bug of ours, and the peer is not to wait for an answer that will never come.
      this.#host.log.say('bug', `request of ${this.#name()} failed: ${error instanceof Error ? error.stack : error}`);
      this.#end();
    }
  }

  /** Reads no more requests; closes as soon as what is open has been answered and sent. */
  stop(): void {
    this.#isStopping = true;
    this.#socket.pause();
    if (this.isQuiet) this.#end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#end();
  }

  /** Closes the connection if one of its deadlines has passed. `now` as of `performance.now`. */
  checkDeadlines(now: number): void {
    const { limits } = this.#host;
    if (this.#output.unsent > 0) {
      const waited = now - this.#output.lastProgress;
      if (waited > limits.unsentMs)
        this.shut(`${this.#output.unsent} bytes of replies not read for ${seconds(waited)}`);
    } else if (!this.#hasSpoken) {
      if (now - this.#openedMs > limits.firstRequestMs)
        this.shut(`no whole request within ${seconds(limits.firstRequestMs)}`);
    } else if (this.#open === 0 && now - this.#receivedMs > limits.idleMs) {
      this.#end();
    }
  }

  #received(chunk: Buffer): void {
    if (this.gone) return;
    this.#receivedMs = performance.now();
    if (!this.#hasSpoken) this.#guess ??= recognise(chunk) ?? null;
    this.#cutter.push(chunk);
    this.#pump();
  }

  /** Dispatches requests until the bytes are used up or a limit is reached; pauses or resumes the socket accordingly. */
  #pump(): void {
    if (this.#isPumping || this.gone || this.#isStopping) return;
    this.#isPumping = true;
    try {
      while (!this.gone && !this.#isFull() && this.#cutter.next()) this.#request();
    } catch (error) {
      this.failed(error);
    } finally {
      this.#isPumping = false;
    }
    if (this.gone) return;
    if (this.#isFull()) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #request(): void {
    const { bytes, start, end, gathered } = this.#cutter;
    dispatch(this.#host.table, bytes, start, end, (handler, head, clientId) => {
      if (!this.#hasSpoken) this.#trust();
      const exchange = new OpenExchange(this, handler, head, clientId, end - start);
      if (handler.forgetsRequest === true) exchange.requestMemory = gathered;
      return this.#enqueue(exchange);
    });
  }

  #enqueue(exchange: OpenExchange): OpenExchange {
    if (this.#last === null) this.#first = exchange;
    else this.#last.next = exchange;
    this.#last = exchange;
    this.#open += 1;
    this.#openBytes += exchange.requestBytes;
    return exchange;
  }

  /** The peer speaks Kafka: from now on it may send what the limits allow. */
  #trust(): void {
    this.#hasSpoken = true;
    this.#cutter.maxFrameBytes = this.#host.limits.maxRequestBytes;
    this.#cutter.minGatherBytes = TRUSTED_GATHER_BYTES;
  }

  #isFull(): boolean {
    const { limits } = this.#host;
    return (
      this.#open >= limits.maxOpenRequests ||
      this.#openBytes >= limits.maxOpenRequestBytes ||
      this.#output.unsent + this.#heldBytes >= limits.maxUnsentBytes
    );
  }

  #afterProgress(): void {
    if (this.gone) return;
    if (this.#isStopping && this.isQuiet) this.#end();
    else this.#pump();
  }

  /** The one way a connection ends: everything that waits for it is told. */
  #end(): void {
    if (this.gone) return;
    this.gone = true;
    this.#cutter.release();
    this.#socket.destroy();
    let exchange = this.#first;
    this.#first = null;
    this.#last = null;
    while (exchange !== null) {
      const { onAbort } = exchange;
      exchange.onAbort = null;
      onAbort?.();
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
