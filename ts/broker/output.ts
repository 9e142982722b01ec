/**
 * The bytes that a connection still has to send, in order, and how far the peer has taken them.
 *
 * Not the order of replies: that is the connection's. The invariant to remember: at most `WINDOW` bytes are handed to the
 * socket at a time, so that what is unsent is known exactly and a slow peer is told from one that never reads.
 */

import type { Socket } from 'node:net';
import type { LargeBuffers } from './large-buffers.ts';
import { Writer } from './protocol/writer.ts';

/** Bytes given to the socket at once; a longer reply goes out in pieces, each of which is a sign of life. */
const WINDOW = 2 * 1024 * 1024;
/** First capacity of the writer that replies of one turn share. */
const SHARED_BYTES = 512;

/** Bytes in the queue, and the memory to give back when the last of them has been taken. */
interface Piece {
  bytes: Buffer;
  readonly memory: Buffer | null;
}

export class Output {
  readonly #socket: Socket;
  readonly #buffers: LargeBuffers;
  readonly #onProgress: () => void;
  #queue: Piece[] = [];
  /** Memory whose last bytes are in the window that the socket has. */
  #writingMemory: Buffer[] = [];
  #queuedBytes = 0;
  #writingBytes = 0;
  /** The youngest bytes, younger than all of the queue. */
  #shared: Writer | null = null;
  /** Monotonic ms of the last time the peer took something, or of the first byte after it had taken everything. */
  lastProgress = 0;

  /** `onProgress` runs after the peer has taken what was handed to the socket. */
  constructor(socket: Socket, buffers: LargeBuffers, onProgress: () => void) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.#onProgress = onProgress;
  }

  /** Bytes not yet taken by the peer's kernel, queued or handed to the socket. */
  get unsent(): number {
    return this.#queuedBytes + this.#writingBytes + (this.#shared?.position ?? 0);
  }

  /**
   * The writer behind which the next bytes may be put at once, instead of `push`: replies that come in order share a
   * buffer. It must not be used after the turn.
   */
  writer(): Writer {
    this.#started();
    this.#shared ??= new Writer(SHARED_BYTES);
    return this.#shared;
  }

  /** Queues bytes; nothing is sent before `flush`. `memory`, if any, is given back when the peer's kernel has them. */
  push(bytes: Buffer, memory: Buffer | null): void {
    this.#started();
    this.#seal();
    this.#enqueue(bytes, memory);
  }

  /** Hands the next window to the socket, unless the last one is still under way. */
  flush(): void {
    if (this.#writingBytes > 0 || this.#socket.destroyed) return;
    this.#seal();
    if (this.#queuedBytes === 0) return;
    const pieces = this.#takeWindow();
    this.#writingBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const last = pieces.pop() as Buffer;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last, (error) => {
      if (!error) this.#taken();
    });
    this.#socket.uncork();
  }

  #started(): void {
    if (this.unsent === 0) this.lastProgress = performance.now();
  }

  #enqueue(bytes: Buffer, memory: Buffer | null): void {
    this.#queue.push({ bytes, memory });
    this.#queuedBytes += bytes.length;
  }

  #seal(): void {
    if (this.#shared === null || this.#shared.position === 0) return;
    this.#enqueue(this.#shared.bytes(), null);
    this.#shared = null;
  }

  #taken(): void {
    this.#writingBytes = 0;
    for (const memory of this.#writingMemory) this.#buffers.give(memory);
    this.#writingMemory = [];
    this.lastProgress = performance.now();
    this.flush();
    this.#onProgress();
  }

  /** Removes up to `WINDOW` bytes from the head of the queue. */
  #takeWindow(): Buffer[] {
    const pieces: Buffer[] = [];
    let room = WINDOW;
    let index = 0;
    for (; index < this.#queue.length && room > 0; index += 1) {
      const piece = this.#queue[index] as Piece;
      const { bytes, memory } = piece;
      if (bytes.length > room) {
        pieces.push(bytes.subarray(0, room));
        piece.bytes = bytes.subarray(room);
        room = 0;
        break;
      }
      pieces.push(bytes);
      if (memory !== null) this.#writingMemory.push(memory);
      room -= bytes.length;
    }
    this.#queue.splice(0, index);
    this.#queuedBytes -= WINDOW - room;
    return pieces;
  }
}
