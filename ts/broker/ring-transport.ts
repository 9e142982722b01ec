/**
 * A connection's bytes over sockets in a ring: requests come whole, replies are named where they lie and never copied
 * here. See ts/net for the ring's side of it.
 *
 * The invariants to remember: all connections of a server write their small replies into one buffer, one after another,
 * and a written range is never written again; every request's memory is released exactly once, also after the end.
 */

import { NetClosed, type NetClosedNumber } from '../io/native-types.ts';
import type { RingNet, RingUser } from '../net/ring-net.ts';
import type { OpenExchange } from './exchange.ts';
import type { LargeBuffers } from './large-buffers.ts';
import { type FramingError, lengthProblem, outOfMemory } from './protocol/framing.ts';
import { type LeasedRecords, Writer } from './protocol/writer.ts';
import type { Addresses, PlacedRequest, RequestMemory, Transport, TransportUser } from './transport.ts';

/** One buffer for small replies; a full one is left to the garbage collector when the last of it has been sent. */
const CHUNK_BYTES = 64 * 1024;
/** With less room than this a new chunk is begun, for a writer that grows copies what lies before. */
const ROOM_BYTES = 4 * 1024;

/** What the transports of one server share. */
export class RingOutput {
  #writer = new Writer(CHUNK_BYTES, true);

  /** Where the next small reply goes. */
  writer(): Writer {
    if (this.#writer.buffer.length - this.#writer.position < ROOM_BYTES) this.#writer = new Writer(CHUNK_BYTES, true);
    return this.#writer;
  }
}

/** Of all slots of a ring, what requests that wait may hold: behind it they are copied, so that others can arrive. */
const WAITING_SLOTS_MAX = 256;
/** A request that is not longer may lie in a slot. */
const SLOT_REQUEST_MAX = 16 * 1024;

/** A request that has arrived and not been taken. */
interface Arrived {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Null: a copy. */
  readonly token: number | null;
}

/** A buffer to be given back when the peer's kernel has everything up to `end`. */
interface Lent {
  readonly memory: Buffer;
  readonly end: number;
}

const NOTHING = new Uint8Array(0);

export class RingTransport implements Transport, RingUser {
  readonly addresses: Addresses;
  readonly sendsLeases = true;
  readonly flushesItself = true;
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  memory: RequestMemory = null;
  receivedMs: number;
  readonly #net: RingNet;
  readonly #connection: number;
  readonly #shared: RingOutput;
  readonly #buffers: LargeBuffers;
  #maxRequestBytes: number;
  #user: TransportUser | null = null;
  /** Requests that were handed over here, and whether plain ones are appended where they arrive. */
  #frames = 0;
  #isArmed = false;
  /** The request that has just arrived, unless others wait before it. */
  #hasFresh = false;
  #waiting: Arrived[] = [];
  /** Where the reply that is being written into the shared buffer begins. */
  #writer: Writer | null = null;
  #writtenFrom = 0;
  /** Monotonic ms since when `#stalledAt` bytes had been sent: as of the last look, no clock is read for a reply. */
  #stalledSince = 0;
  #stalledAt = -1;
  #queuedBytes = 0;
  #sentBytes = 0;
  #lent: Lent[] = [];

  constructor(
    net: RingNet,
    connection: number,
    addresses: Addresses,
    shared: RingOutput,
    buffers: LargeBuffers,
    maxFirstRequestBytes: number,
  ) {
    this.#net = net;
    this.#connection = connection;
    this.addresses = addresses;
    this.#shared = shared;
    this.#buffers = buffers;
    this.#maxRequestBytes = maxFirstRequestBytes;
    this.receivedMs = net.nowMs;
  }

  /** From now on `user` is told what happens. */
  open(user: TransportUser): void {
    this.#user = user;
  }

  get unsent(): number {
    return this.#queuedBytes - this.#sentBytes;
  }

  stalledMs(now: number): number {
    if (this.#stalledAt !== this.#sentBytes) {
      this.#stalledAt = this.#sentBytes;
      this.#stalledSince = now;
    }
    return now - this.#stalledSince;
  }

  frame(bytes: Uint8Array, start: number, end: number, token: number): void {
    this.#frames += 1;
    this.#isArmed = false;
    if (this.#user === null) {
      this.#net.release(token);
      return;
    }
    this.receivedMs = this.#net.nowMs;
    if (this.#waiting.length > 0) {
      this.#wait(bytes, start, end, token);
      return;
    }
    this.#found(bytes, start, end, token);
    this.#hasFresh = true;
    this.#user.arrived();
    if (!this.#hasFresh) return;
    // The connection has enough to do: this one waits, and so do those behind it.
    this.#hasFresh = false;
    this.#wait(bytes, start, end, token);
  }

  arm(): void {
    if (this.#isArmed || this.#hasFresh || this.#waiting.length > 0) return;
    this.#isArmed = true;
    this.#net.plain(this.#connection, this.#frames);
  }

  /** A request was appended where it arrived. */
  placed(request: PlacedRequest): OpenExchange | null {
    this.receivedMs = this.#net.nowMs;
    return this.#user?.placed(request) ?? null;
  }

  /** A peer that does not take its replies must not hold the slots that everybody needs. */
  #wait(bytes: Uint8Array, start: number, end: number, token: number): void {
    if (end - start > SLOT_REQUEST_MAX || this.#net.slotsHeld < WAITING_SLOTS_MAX) {
      this.#waiting.push({ bytes, start, end, token });
      return;
    }
    this.#waiting.push({ bytes: bytes.slice(start, end), start: 0, end: end - start, token: null });
    this.#net.release(token);
  }

  next(): boolean {
    if (this.#hasFresh) {
      this.#hasFresh = false;
      return true;
    }
    const arrived = this.#waiting.shift();
    if (arrived === undefined) return false;
    this.#found(arrived.bytes, arrived.start, arrived.end, arrived.token);
    return true;
  }

  #found(bytes: Uint8Array, start: number, end: number, token: number | null): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.memory = token;
  }

  sent(bytes: number): void {
    this.#sentBytes = bytes;
    let taken = 0;
    for (const { memory, end } of this.#lent) {
      if (end > bytes) break;
      this.#buffers.give(memory);
      taken += 1;
    }
    if (taken > 0) this.#lent.splice(0, taken);
    this.#user?.progressed();
  }

  ended(): void {
    this.#user?.peerEnded();
  }

  closed(reason: NetClosedNumber, detail: number): void {
    this.#user?.lost(this.#problem(reason, detail));
  }

  #problem(reason: NetClosedNumber, detail: number): FramingError | null {
    if (reason === NetClosed.memory) return outOfMemory(detail);
    return reason === NetClosed.length ? (lengthProblem(detail, this.#maxRequestBytes) ?? null) : null;
  }

  release(memory: RequestMemory): void {
    if (typeof memory === 'number') this.#net.release(memory);
  }

  allow(maxRequestBytes: number, minGatherBytes: number): void {
    this.#maxRequestBytes = maxRequestBytes;
    this.#net.limit(this.#connection, maxRequestBytes, minGatherBytes);
  }

  pause(): void {
    this.#net.pause(this.#connection);
  }

  resume(): void {
    this.#net.resume(this.#connection);
  }

  writer(): Writer {
    const writer = this.#shared.writer();
    this.#writer = writer;
    this.#writtenFrom = writer.position;
    return writer;
  }

  wrote(leased: readonly LeasedRecords[]): void {
    const writer = this.#writer as Writer;
    this.#send(writer.buffer, this.#writtenFrom, writer.position, leased);
  }

  push(bytes: Buffer, memory: Buffer | null, leased: readonly LeasedRecords[]): void {
    this.#send(bytes, 0, bytes.length, leased);
    if (memory !== null) this.#lent.push({ memory, end: this.#queuedBytes });
  }

  flush(): void {}

  /** Names the pieces of a reply in order: bytes, the lease that lies between them, bytes... */
  #send(bytes: Buffer, start: number, end: number, leased: readonly LeasedRecords[]): void {
    let from = start;
    for (const { lease, length, position } of leased) {
      if (position > from) this.#net.send(this.#connection, bytes, from, position);
      this.#net.sendLease(this.#connection, lease, 0, length);
      this.#queuedBytes += length;
      from = position;
    }
    if (end > from) this.#net.send(this.#connection, bytes, from, end);
    this.#queuedBytes += end - start;
  }

  close(): void {
    if (this.#user === null) return;
    this.#user = null;
    for (const { token } of this.#waiting) this.release(token);
    this.#waiting = [];
    if (this.#hasFresh) this.#net.release(this.memory as number);
    this.#hasFresh = false;
    this.#net.drop(this.#connection);
  }
}
