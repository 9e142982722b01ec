/**
 * What a connection needs of whatever carries its bytes: whole requests in, replies out, and when to stop either.
 *
 * Two things carry them: node:net (node-transport.ts, the reference) and the ring (ring-transport.ts). The invariant to
 * remember: a request is a view of memory that is the transport's; it stays as it is until `release`, and after that
 * nobody may look at it.
 */

import type { OpenExchange } from './exchange.ts';
import type { FramingError } from './protocol/framing.ts';
import type { LeasedRecords, Writer } from './protocol/writer.ts';

/** By which a transport knows the memory of a request; null when there is nothing to release. */
export type RequestMemory = Buffer | number | null;

/** The connection, as its transport sees it. */
export interface TransportUser {
  /** A Produce request was appended where it arrived; it is to be answered in its place. Null: nobody is there any more. */
  placed(request: PlacedRequest): OpenExchange | null;
  /** Bytes have arrived: `next` may find requests. */
  arrived(): void;
  /** The peer's kernel has taken bytes of replies. */
  progressed(): void;
  /** The peer sends nothing more, and may still read: everything it sent has arrived. */
  peerEnded(): void;
  /** The transport is closed: by the peer (null), or because its bytes cannot be cut into requests. */
  lost(error: FramingError | null): void;
}

export interface Addresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** A Produce request that was appended where it arrived: what its exchange is made of. */
export interface PlacedRequest {
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly requestBytes: number;
}

/** One connection's bytes, both directions. */
export interface Transport {
  readonly addresses: Addresses;
  /** It sends leases itself: replies leave their bytes out. Otherwise replies hold copies of them. */
  readonly sendsLeases: boolean;
  /** Replies leave by themselves at the end of the turn, without `flush`. */
  readonly flushesItself: boolean;
  /** The request found by `next`: `bytes[start, end)`, without its length prefix. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** What to `release` when that request is done with. */
  readonly memory: RequestMemory;
  /** Monotonic ms of the last time bytes arrived. */
  readonly receivedMs: number;
  /** Bytes of replies that the peer's kernel has not taken. */
  readonly unsent: number;

  /** How long the peer has taken nothing of what is unsent, ms, at `now`; asked now and then, so it may say too little. */
  stalledMs(now: number): number;
  /** Finds the next whole request; false when more bytes are needed. May throw `FramingError`; the stream is then done. */
  next(): boolean;
  /** The memory of a request is not looked at any more. Also to be called after `close`. */
  release(memory: RequestMemory): void;
  /** From now on requests may be so long, and the buffer one is gathered in has at least so many bytes. */
  allow(maxRequestBytes: number, minGatherBytes: number): void;
  /** Takes no more bytes from the peer until `resume`; `next` may still find requests. Both may be called any time. */
  pause(): void;
  resume(): void;
  /**
   * The writer behind which the next reply may be put at once, instead of `push`: replies that come in order share a
   * buffer. `wrote` is to be called in the same breath, or what was written truncated.
   */
  writer(): Writer;
  /** A reply has been put behind `writer`; `leased` are the records that it leaves out, which are the transport's now. */
  wrote(leased: readonly LeasedRecords[]): void;
  /** Queues a reply. `memory`, if any, is used again when the peer's kernel has it. */
  push(bytes: Buffer, memory: Buffer | null, leased: readonly LeasedRecords[]): void;
  /** Sends what was queued; called before the turn ends. */
  flush(): void;
  /** Everything that has arrived is answered: plain Produce requests may be appended where they arrive. */
  arm(): void;
  /** Closes at once, whatever is unsent. Nothing is reported afterwards. */
  close(): void;
}
