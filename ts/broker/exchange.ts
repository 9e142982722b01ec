/**
 * One request on its way through a handler, as the connection holds it: a link of the queue that keeps replies in order.
 *
 * Not a promise: it costs one object per request. The invariant to remember: it is ended exactly once; ending it a second
 * time is a bug of the handler and throws.
 */

import { type KafkaRequestNews, kafkaRequests } from '../channels.ts';
import type { LeaseHolder } from '../log/types.ts';
import type { AnyHandler, Exchange, Peer } from './handler.ts';
import type { LargeBuffers } from './large-buffers.ts';
import { encodeResponseHeader } from './protocol/header.ts';
import { type LeasedRecords, Writer } from './protocol/writer.ts';
import type { RequestMemory } from './transport.ts';

/** The connection, as an exchange sees it. */
export interface ExchangeOwner {
  readonly peer: Peer;
  readonly gone: boolean;
  readonly buffers: LargeBuffers;
  readonly leases: LeaseHolder;
  /** Whether leased records of a reply are sent from where they lie. */
  readonly sendsLeases: boolean;
  /**
   * The writer of the connection's output if `exchange` is the oldest open one and the peer keeps up, so that its reply can
   * go there at once.
   */
  outputFor(exchange: OpenExchange): Writer | null;
  /** The reply is behind the writer that `outputFor` gave. */
  wrote(leased: readonly LeasedRecords[]): void;
  ended(exchange: OpenExchange): void;
  /** The request, and so many record bytes of its reply, count for quotas; answers how long its client has to wait, ms. */
  used(exchange: OpenExchange, recordBytes: number): number;
  shut(reason: string): void;
  /** Closes the connection because a reply could not be made: a bug of ours, which must not reach the engine's callback. */
  failed(error: unknown): void;
}

/** Body bytes expected when a handler says nothing: most replies are smaller. */
const DEFAULT_REPLY_BYTES = 192;
const HEAD_BYTES = 16;
/** Bytes of a reply around the records of one partition, roughly. */
const PARTITION_BYTES = 64;
const NO_LEASES: readonly LeasedRecords[] = [];
/** Replies from here on lie in memory that is used again. */
const LARGE_REPLY = 64 * 1024;

export class OpenExchange implements Exchange<unknown> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly requestBytes: number;
  onAbort: (() => void) | null = null;
  onHurry: (() => void) | null = null;
  throttleMs = 0;
  /** The framed reply once ended; null for "no reply", and for one that went to the output at once. */
  replyBytes: Buffer | null = null;
  /** What the request lies in, when its handler holds it until the exchange has ended. */
  requestMemory: RequestMemory = null;
  /** What `replyBytes` lies in, to be given back when the peer has it; null when it is not worth it. */
  replyMemory: Buffer | null = null;
  /** Records that `replyBytes` leaves out; released by whoever drops the reply. */
  replyLeased: readonly LeasedRecords[] = NO_LEASES;
  isEnded = false;
  isPlain = false;
  /** The next younger exchange of the connection. */
  next: OpenExchange | null = null;
  readonly #owner: ExchangeOwner;
  readonly #handler: AnyHandler;
  /** When it was opened, for who listens; 0 when nobody does. */
  readonly #openedMs: number = kafkaRequests.hasSubscribers ? performance.now() : 0;

  constructor(
    owner: ExchangeOwner,
    handler: AnyHandler,
    apiVersion: number,
    correlationId: number,
    clientId: string | null,
    requestBytes: number,
  ) {
    this.#owner = owner;
    this.#handler = handler;
    this.apiKey = handler.api.key;
    this.apiVersion = apiVersion;
    this.correlationId = correlationId;
    this.clientId = clientId;
    this.requestBytes = requestBytes;
  }

  /** Bytes of the framed reply, with those it leaves out; 0 without one. */
  get replyLength(): number {
    return this.replyBytes === null ? 0 : this.replyBytes.length + lengthOf(this.replyLeased);
  }

  get peer(): Peer {
    return this.#owner.peer;
  }

  get aborted(): boolean {
    return this.#owner.gone;
  }

  reply(response: unknown, leased: readonly LeasedRecords[] = NO_LEASES): void {
    this.#assertOpen();
    if (this.#owner.gone) {
      releaseAll(this.#owner.leases, leased);
      this.#end(null);
      return;
    }
    const throttleMs = this.#owner.used(this, lengthOf(leased));
    // Every response has the field but those of the login and of marker writing; their encoders do not look at it.
    if (throttleMs > 0) (response as { throttleTimeMs?: number }).throttleTimeMs = throttleMs;
    try {
      const isCopy = leased.length > 0 && !this.#owner.sendsLeases;
      const writer = isCopy ? null : this.#owner.outputFor(this);
      if (writer === null) this.#replyAlone(response, leased, isCopy);
      else this.#replyInto(writer, response, leased);
    } catch (error) {
      releaseAll(this.#owner.leases, leased);
      this.#owner.failed(error);
    }
  }

  replyNothing(): void {
    if (!this.#owner.gone) this.#owner.used(this, 0);
    this.#end(null);
  }

  begin(sizeHint: number): Writer {
    const bytes = sizeHint + HEAD_BYTES;
    this.replyMemory = bytes < LARGE_REPLY ? null : this.#owner.buffers.take(bytes);
    const writer = new Writer(this.replyMemory ?? bytes, this.#owner.sendsLeases);
    this.#head(writer);
    return writer;
  }

  finish(writer: Writer): void {
    writer.patchInt32(0, writer.position - 4 + lengthOf(this.replyLeased));
    // A writer that grew has left its memory to whoever else still looks at it.
    if (writer.buffer !== this.replyMemory) this.replyMemory = null;
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

  #replyAlone(response: unknown, leased: readonly LeasedRecords[], isCopy: boolean): void {
    const size = DEFAULT_REPLY_BYTES + leased.length * PARTITION_BYTES + (isCopy ? lengthOf(leased) : 0);
    const writer = this.begin(size);
    this.#handler.api.encodeResponse(writer, this.apiVersion, response);
    if (isCopy) copyAll(this.#owner.leases, leased, writer.buffer);
    else this.replyLeased = leased;
    this.finish(writer);
  }

  #replyInto(writer: Writer, response: unknown, leased: readonly LeasedRecords[]): void {
    const start = writer.position;
    try {
      this.#head(writer);
      this.#handler.api.encodeResponse(writer, this.apiVersion, response);
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
    writer.patchInt32(start, writer.position - start - 4 + lengthOf(leased));
    this.#owner.wrote(leased);
    this.#end(null);
  }

  #end(reply: Buffer | null): void {
    this.#assertOpen();
    this.isEnded = true;
    this.onAbort = null;
    this.onHurry = null;
    this.replyBytes = reply;
    if (this.#openedMs > 0) this.#publish();
    this.#owner.ended(this);
  }

  #publish(): void {
    const { apiKey, apiVersion, clientId, requestBytes } = this;
    const durationMs = performance.now() - this.#openedMs;
    kafkaRequests.publish({ apiKey, apiVersion, clientId, requestBytes, durationMs } satisfies KafkaRequestNews);
  }
}

/** Releases leases that nobody will send. */
export function releaseAll(holder: LeaseHolder, leased: readonly LeasedRecords[]): void {
  for (const { lease } of leased) holder.releaseLease(lease);
}

/** Fills the gaps for leased records and releases them. */
function copyAll(holder: LeaseHolder, leased: readonly LeasedRecords[], buffer: Buffer): void {
  for (const { lease, length, position } of leased) {
    const copied = holder.copyLease(lease, buffer, position);
    if (copied !== length) throw new Error(`a lease of ${length} bytes holds ${copied}`);
  }
  releaseAll(holder, leased);
}

function lengthOf(leased: readonly LeasedRecords[]): number {
  let length = 0;
  for (const records of leased) length += records.length;
  return length;
}
