/**
 * The bytes that a connection still has to send, in order, and how far the peer has taken them.
 *
 * Not the order of replies: that is the connection's. The invariant to remember: at most `WINDOW` bytes are handed to the
 * socket at a time, so that what is unsent is known exactly and a slow peer is told from one that never reads.
 */

import type { Socket } from 'node:net';

/** Bytes given to the socket at once; a longer reply goes out in pieces, each of which is a sign of life. */
const WINDOW = 2 * 1024 * 1024;
/** Replies up to this size are packed together, because an iovec each costs more than the copy. */
const SMALL = 4096;
const PACK = 64 * 1024;

export class Output {
  readonly #socket: Socket;
  readonly #onProgress: () => void;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writingBytes = 0;
  /** Monotonic ms of the last time the peer took something, or of the first byte after it had taken everything. */
  lastProgress = 0;

  /** `onProgress` runs after the peer has taken what was handed to the socket. */
  constructor(socket: Socket, onProgress: () => void) {
    this.#socket = socket;
    this.#onProgress = onProgress;
  }

  /** Bytes not yet taken by the peer's kernel, queued or handed to the socket. */
  get unsent(): number {
    return this.#queuedBytes + this.#writingBytes;
  }

  /** Queues bytes; nothing is sent before `flush`. */
  push(bytes: Buffer): void {
    if (this.unsent === 0) this.lastProgress = performance.now();
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** Hands the next window to the socket, unless the last one is still under way. */
  flush(): void {
    if (this.#writingBytes > 0 || this.#queuedBytes === 0 || this.#socket.destroyed) return;
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

  #taken(): void {
    this.#writingBytes = 0;
    this.lastProgress = performance.now();
    this.flush();
    this.#onProgress();
  }

  /** Removes up to `WINDOW` bytes from the queue, small buffers packed together. */
  #takeWindow(): Buffer[] {
    const pieces: Buffer[] = [];
    let taken = 0;
    let index = 0;
    while (index < this.#queue.length && taken < WINDOW) {
      const bytes = this.#queue[index] as Buffer;
      if (bytes.length > WINDOW - taken) {
        pieces.push(bytes.subarray(0, WINDOW - taken));
        this.#queue[index] = bytes.subarray(WINDOW - taken);
        taken = WINDOW;
        break;
      }
      const run = this.#smallRun(index);
      const piece = run > 1 ? Buffer.concat(this.#queue.slice(index, index + run)) : bytes;
      pieces.push(piece);
      taken += piece.length;
      index += run;
    }
    this.#queue = index === this.#queue.length ? [] : this.#queue.slice(index);
    this.#queuedBytes -= taken;
    return pieces;
  }

  /** How many buffers from `index` on are packed into one: at least 1. */
  #smallRun(index: number): number {
    let bytes = 0;
    let run = 0;
    while (index + run < this.#queue.length) {
      const { length } = this.#queue[index + run] as Buffer;
      if (length > SMALL || bytes + length > PACK) break;
      bytes += length;
      run += 1;
    }
    return Math.max(1, run);
  }
}
