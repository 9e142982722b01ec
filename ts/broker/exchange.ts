/**
 * One request on its way through a handler, as the connection holds it: a link of the queue that keeps replies in order.
 *
 * Not a promise: it costs one object per request. The invariant to remember: it is ended exactly once; ending it a second
 * time is a bug of the handler and throws.
 */

import type { AnyHandler, Exchange, Peer } from './handler.ts';
import { encodeResponseHeader, type RequestHead } from './protocol/header.ts';
import { Writer } from './protocol/writer.ts';

/** The connection, as an exchange sees it. */
export interface ExchangeOwner {
  readonly peer: Peer;
  readonly gone: boolean;
  ended(exchange: OpenExchange): void;
  shut(reason: string): void;
}

/** Body bytes expected when a handler says nothing: most replies are smaller. */
const DEFAULT_REPLY_BYTES = 192;
const HEAD_BYTES = 16;

export class OpenExchange implements Exchange<unknown> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly requestBytes: number;
  onAbort: (() => void) | null = null;
  /** The framed reply once ended; null for "no reply". */
  replyBytes: Buffer | null = null;
  isEnded = false;
  /** The next younger exchange of the connection. */
  next: OpenExchange | null = null;
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
    if (this.#owner.gone) {
      this.#end(null);
      return;
    }
    const writer = this.begin(DEFAULT_REPLY_BYTES);
    this.#handler.api.encodeResponse(writer, this.apiVersion, response);
    this.finish(writer);
  }

  replyNothing(): void {
    this.#end(null);
  }

  begin(sizeHint: number): Writer {
    const writer = new Writer(sizeHint + HEAD_BYTES);
    writer.int32(0);
    encodeResponseHeader(writer, this.#handler.api, this.apiVersion, this.correlationId);
    return writer;
  }

  finish(writer: Writer): void {
    writer.patchInt32(0, writer.position - 4);
    this.#end(writer.bytes());
  }

  close(reason: string): void {
    this.#end(null);
    this.#owner.shut(reason);
  }

  #end(reply: Buffer | null): void {
    if (this.isEnded) throw new Error(`request ${this.correlationId} of API ${this.apiKey} is answered twice`);
    this.isEnded = true;
    this.onAbort = null;
    this.replyBytes = reply;
    this.#owner.ended(this);
  }
}
