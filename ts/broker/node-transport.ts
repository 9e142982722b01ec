/**
 * A connection's bytes over a socket of node:net: chunks are cut into requests here, replies go out by `Output`.
 *
 * The correctness reference of the other transport, and what drivers without a ring use. The invariant to remember: the
 * socket is the only state that is not ours, and after `close` nothing it does reaches the connection.
 */

import type { Socket } from 'node:net';
import type { LargeBuffers } from './large-buffers.ts';
import { Output } from './output.ts';
import { type ByteBudget, FrameCutter } from './protocol/framing.ts';
import type { Writer } from './protocol/writer.ts';
import type { Addresses, RequestMemory, Transport, TransportUser } from './transport.ts';

export class NodeTransport implements Transport {
  readonly addresses: Addresses;
  readonly sendsLeases = false;
  readonly flushesItself = false;
  receivedMs: number = performance.now();
  readonly #socket: Socket;
  readonly #buffers: LargeBuffers;
  readonly #cutter: FrameCutter;
  readonly #output: Output;
  #user: TransportUser | null = null;

  constructor(
    socket: Socket,
    limits: { maxFrameBytes: number; minGatherBytes: number },
    budget: ByteBudget,
    buffers: LargeBuffers,
  ) {
    this.#socket = socket;
    this.#buffers = buffers;
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
    this.addresses = { remoteAddress, remotePort, localAddress, localPort };
    this.#cutter = new FrameCutter(limits, budget, buffers);
    this.#output = new Output(socket, buffers, () => this.#user?.progressed());
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => this.#user?.peerEnded());
    for (const event of ['error', 'close']) socket.on(event, () => this.#user?.lost(null));
  }

  /** From now on `user` is told what happens. */
  open(user: TransportUser): void {
    this.#user = user;
  }

  get bytes(): Uint8Array {
    return this.#cutter.bytes;
  }

  get start(): number {
    return this.#cutter.start;
  }

  get end(): number {
    return this.#cutter.end;
  }

  get memory(): RequestMemory {
    return this.#cutter.gathered;
  }

  get unsent(): number {
    return this.#output.unsent;
  }

  stalledMs(now: number): number {
    return now - this.#output.lastProgress;
  }

  next(): boolean {
    return this.#cutter.next();
  }

  release(memory: RequestMemory): void {
    if (typeof memory === 'object' && memory !== null) this.#buffers.give(memory);
  }

  allow(maxRequestBytes: number, minGatherBytes: number): void {
    this.#cutter.maxFrameBytes = maxRequestBytes;
    this.#cutter.minGatherBytes = minGatherBytes;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  writer(): Writer {
    return this.#output.writer();
  }

  /** The shared buffer is part of the output already. */
  wrote(): void {}

  push(bytes: Buffer, memory: Buffer | null): void {
    this.#output.push(bytes, memory);
  }

  flush(): void {
    this.#output.flush();
  }

  /** Everything comes as whole requests here. */
  arm(): void {}

  close(): void {
    this.#user = null;
    this.#cutter.release();
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    if (this.#user === null) return;
    this.receivedMs = performance.now();
    this.#cutter.push(chunk);
    this.#user.arrived();
  }
}
