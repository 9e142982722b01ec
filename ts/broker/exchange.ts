/**
 * One request on its way through a handler, as the connection holds it: a link of the queue that keeps replies in order.
 *
 * Not a promise: it costs one object per request. The invariant to remember: it is ended exactly once; ending it a second
 * time is a bug of the handler and throws.
 */

import type { AnyHandler, Exchange, Peer } from './handler.ts';
import type { LargeBuffers } from './large-buffers.ts';
import { encodeResponseHeader, type RequestHead } from './protocol/header.ts';
import { Writer } from './protocol/writer.ts';
import type { RequestMemory } from './transport.ts';

/** The connection, as an exchange sees it. */
export interface ExchangeOwner {
  readonly peer: Peer;
  readonly gone: boolean;
  readonly buffers: LargeBuffers;
  /** The writer of the connection's output if `exchange` is the oldest open one, so that its reply can go there at once. */
  outputFor(exchange: OpenExchange): Writer | null;
  ended(exchange: OpenExchange): void;
  shut(reason: string): void;
  /** Closes the connection because a reply could not be made: a bug of ours, which must not reach the engine's callback. */
  failed(error: unknown): void;
}

/** Body bytes expected when a handler says nothing: most replies are smaller. */
const DEFAULT_REPLY_BYTES = 192;
const HEAD_BYTES = 16;
/** Replies from here on lie in memory that is used again. */
const LARGE_REPLY = 64 * 1024;

export class OpenExchange implements Exchange<unknown> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly requestBytes: number;
  onAbort: (() => void) | null = null;
  /** The framed reply once ended; null for "no reply", and for one that went to the output at once. */
  replyBytes: Buffer | null = null;
  /** What the request lies in, when its handler holds it until the exchange has ended. */
  requestMemory: RequestMemory = null;
  /** What `replyBytes` lies in, to be given back when the peer has it; null when it is not worth it. */
  replyMemory: Buffer | null = null;
  isEnded = false;
  /** The next younger exchange of the connection. */
  next: OpenExchange | null = null;
  /** Memory of an earlier `begin`, from which the present reply is still being copied. */
  #superseded: Buffer | null = null;
  readonly #owner: ExchangeOwner;
  readonly #handler: AnyHandler;

  constructor(
    owner: ExchangeOwner,
    handler: AnyHandler,
    head: RequestHead,
    clientId: string | null,
    requestBytes: number,
  ) {
    this.#owner = owner;
    this.#handler = handler;
    this.apiKey = head.apiKey;
    this.apiVersion = head.apiVersion;
    this.correlationId = head.correlationId;
    this.clientId = clientId;
    this.requestBytes = requestBytes;
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  get aborted(): boolean {
    return this.#owner.gone;
  }

  reply(response: unknown): void {
    this.#assertOpen();
    if (this.#owner.gone) {
      this.#end(null);
      return;
    }
    try {
      const writer = this.#owner.outputFor(this);
      if (writer === null) this.#replyAlone(response);
      else this.#replyInto(writer, response);
    } catch (error) {
      this.#owner.failed(error);
    }
  }

  replyNothing(): void {
    this.#end(null);
  }

  begin(sizeHint: number): Writer {
    const bytes = sizeHint + HEAD_BYTES;
    this.#superseded = this.replyMemory;
    this.replyMemory = bytes < LARGE_REPLY ? null : this.#owner.buffers.take(bytes);
    const writer = new Writer(this.replyMemory ?? bytes);
    this.#head(writer);
    return writer;
  }

  finish(writer: Writer): void {
    writer.patchInt32(0, writer.position - 4);
    // A writer that grew has left its memory to whoever else still looks at it.
    if (writer.buffer !== this.replyMemory) this.replyMemory = null;
    if (this.#superseded !== null) this.#owner.buffers.give(this.#superseded);
    this.#superseded = null;
    this.#end(writer.bytes());
  }

  close(reason: string): void {
    this.#end(null);
    this.#owner.shut(reason);
  }

  #assertOpen(): void {
    if (this.isEnded) throw new Error(`request ${this.correlationId} of API ${this.apiKey} is answered twice`);
  }

  #head(writer: Writer): void {
    writer.int32(0);
    encodeResponseHeader(writer, this.#handler.api, this.apiVersion, this.correlationId);
  }

  #replyAlone(response: unknown): void {
    const writer = this.begin(DEFAULT_REPLY_BYTES);
    this.#handler.api.encodeResponse(writer, this.apiVersion, response);
    this.finish(writer);
  }

  #replyInto(writer: Writer, response: unknown): void {
    const start = writer.position;
    try {
      this.#head(writer);
      this.#handler.api.encodeResponse(writer, this.apiVersion, response);
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
    writer.patchInt32(start, writer.position - start - 4);
    this.#end(null);
  }

  #end(reply: Buffer | null): void {
    this.#assertOpen();
    this.isEnded = true;
    this.onAbort = null;
    this.replyBytes = reply;
    this.#owner.ended(this);
  }
}
