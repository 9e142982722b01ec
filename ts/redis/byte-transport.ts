/**
 * The bytes of one connection, whatever carries them: a ring's sockets, or those of Node.
 *
 * Not commands. To remember: what `received` hands over stays as it is until `releaseInput`; what `send` is given stays as
 * it is for ever.
 */

import type { Socket } from 'node:net';
import type { NetClosedNumber, NetPeer } from '../io/native-types.ts';
import type { RingNet, RingUser } from '../net/ring-net.ts';

/** Whoever owns the connection. */
export interface ByteUser {
  received(bytes: Buffer, start: number, end: number): void;
  /** The peer has taken bytes. */
  progressed(): void;
  /** The peer sends nothing more, and may still read. */
  peerEnded(): void;
  /** The connection is gone. */
  lost(): void;
  /** Its commands were run where they arrived, since it was last told of that; the last one, as its place in `RUN_COMMANDS`. */
  ran(command: number): void;
}

export interface ByteTransport {
  readonly addresses: NetPeer;
  /** Bytes given to `send` that the peer's kernel has not taken, as far as is known. */
  readonly unsent: number;
  send(bytes: Buffer, start: number, end: number): void;
  /** What was sent leaves with this turn. */
  flush(): void;
  /** Everything handed over so far is not looked at any more. */
  releaseInput(): void;
  /** From here on simple commands may be run where they arrive, if nothing has arrived that the user has not seen. */
  arm?(database: number, protocol: number): void;
  pause(): void;
  resume(): void;
  /** Closes when everything has been sent. */
  finish(): void;
  /** Closes at once; nothing is reported afterwards. */
  close(): void;
}

/** A connection of a ring, with raw framing. */
export class RingBytes implements ByteTransport, RingUser {
  readonly addresses: NetPeer;
  readonly #net: RingNet;
  readonly #connection: number;
  #user: ByteUser | null = null;
  #tokens: number[] = [];
  #queued = 0;
  #taken = 0;
  /** Bytes that were queued where commands arrived. */
  #queuedThere = 0;
  /** Frames that were handed over here, and whether those that follow may be kept. */
  #frames = 0;
  #isArmed = false;

  constructor(net: RingNet, connection: number, peer: NetPeer) {
    this.#net = net;
    this.#connection = connection;
    this.addresses = peer;
  }

  open(user: ByteUser): void {
    this.#user = user;
  }

  /** What was queued where commands arrived may not be known yet. */
  get unsent(): number {
    return Math.max(0, this.#queued + this.#queuedThere - this.#taken);
  }

  frame(bytes: Uint8Array, start: number, end: number, token: number): void {
    this.#frames += 1;
    this.#isArmed = false;
    if (this.#user === null) {
      this.#net.release(token);
      return;
    }
    this.#tokens.push(token);
    this.#user.received(bufferOf(bytes), start, end);
  }

  sent(bytes: number): void {
    this.#taken = bytes;
    this.#user?.progressed();
  }

  ended(): void {
    this.#user?.peerEnded();
  }

  used(queued: number, taken: number, command: number): void {
    this.#queuedThere = queued;
    this.#taken = Math.max(this.#taken, taken);
    this.#user?.ran(command);
  }

  arm(database: number, protocol: number): void {
    if (this.#isArmed || this.#user === null) return;
    this.#isArmed = true;
    this.#net.arm(this.#connection, this.#frames, database, protocol);
  }

  closed(_reason: NetClosedNumber, _detail: number): void {
    const user = this.#user;
    this.#user = null;
    this.releaseInput();
    user?.lost();
  }

  send(bytes: Buffer, start: number, end: number): void {
    this.#queued += end - start;
    this.#net.send(this.#connection, bytes, start, end);
  }

  flush(): void {}

  releaseInput(): void {
    if (this.#tokens.length === 0) return;
    for (const token of this.#tokens) this.#net.release(token);
    this.#tokens = [];
  }

  pause(): void {
    this.#net.pause(this.#connection);
  }

  resume(): void {
    this.#net.resume(this.#connection);
  }

  finish(): void {
    this.#net.finish(this.#connection);
  }

  close(): void {
    if (this.#user === null) return;
    this.#user = null;
    this.releaseInput();
    this.#net.drop(this.#connection);
  }
}

const buffers = new WeakMap<Uint8Array, Buffer>();

/** The same memory as a Buffer; the ring names few memories, again and again. */
function bufferOf(bytes: Uint8Array): Buffer {
  let buffer = buffers.get(bytes);
  if (buffer === undefined) {
    buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    buffers.set(bytes, buffer);
  }
  return buffer;
}

/** A connection of node:net. */
export class NodeBytes implements ByteTransport {
  readonly addresses: NetPeer;
  readonly #socket: Socket;
  #user: ByteUser | null;
  #pieces: Buffer[] = [];

  constructor(socket: Socket, open: (transport: NodeBytes) => ByteUser) {
    this.#socket = socket;
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
    this.addresses = { remoteAddress, remotePort, localAddress, localPort };
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    this.#user = open(this);
    socket.on('data', (chunk: Buffer) => this.#user?.received(chunk, 0, chunk.length));
    socket.on('drain', () => this.#user?.progressed());
    socket.on('end', () => this.#user?.peerEnded());
    for (const event of ['error', 'close']) socket.on(event, () => this.#lost());
  }

  #lost(): void {
    const user = this.#user;
    this.#user = null;
    this.#socket.destroy();
    user?.lost();
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Buffer, start: number, end: number): void {
    this.#pieces.push(bytes.subarray(start, end));
  }

  flush(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0 || this.#socket.destroyed) return;
    this.#pieces = [];
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  releaseInput(): void {}

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  finish(): void {
    this.flush();
    this.#user = null;
    this.#socket.end(() => this.#socket.destroy());
  }

  close(): void {
    this.#user = null;
    this.#socket.destroy();
  }
}
