/**
 * The requests of one connection that wait for replies, oldest first.
 *
 * The invariant to remember: a Kafka server answers in request order, so a reply belongs to the oldest request or the
 * stream is broken.
 */

import { Reader } from '../broker/protocol/reader.ts';
import { ClientError } from './client-error.ts';

export interface PendingRequest {
  readonly correlationId: number;
  /** Monotonic ms after which the connection is given up. */
  readonly deadline: number;
  /** Decodes the reply after its correlation id and hands it on; throws when it is malformed. */
  readonly accept: (reader: Reader) => void;
  readonly reject: (error: unknown) => void;
}

/** A reply may hold every partition asked for, each with as many elements: far more than a request. */
const MAX_REPLY_ITEMS = 10_000_000;

export class PendingRequests {
  readonly #queue: PendingRequest[] = [];
  #failure: ClientError | null = null;

  get size(): number {
    return this.#queue.length;
  }

  /** Why the connection is gone; null while it is not. */
  get failure(): ClientError | null {
    return this.#failure;
  }

  add(request: PendingRequest): void {
    this.#queue.push(request);
  }

  /** Decodes the reply in `bytes[start, end)` for the oldest request. Throws when it is not the one expected. */
  settle(bytes: Uint8Array, start: number, end: number): void {
    const reader = new Reader(bytes, start, end, MAX_REPLY_ITEMS);
    const correlationId = reader.int32();
    const request = this.#queue.shift();
    if (request?.correlationId !== correlationId) {
      const expected = request === undefined ? 'no reply' : `the reply to request ${request.correlationId}`;
      if (request !== undefined) this.#queue.unshift(request);
      throw new ClientError('protocol', `the server answered request ${correlationId}, expected was ${expected}`);
    }
    try {
      request.accept(reader);
    } catch (error) {
      this.#queue.unshift(request);
      throw error;
    }
  }

  /** True when the reply of some request is overdue. */
  isOverdue(now: number): boolean {
    return this.#queue.some((request) => request.deadline <= now);
  }

  /** Rejects everything that waits, and everything to come. */
  fail(failure: ClientError): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    for (const request of this.#queue.splice(0)) request.reject(failure);
  }
}
