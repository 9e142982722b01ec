/**
 * The bytes of one turn's replies and messages, in order, with the client each piece is for.
 *
 * To remember: they leave only when everything the turn wrote, and everything it may have seen, has reached the level that
 * `appendfsync` demands; until then they are held here.
 */

import type { Client } from './client.ts';
import type { PieceSink } from './protocol/reply-writer.ts';

/** Replies that were made where commands arrived. */
export interface KeptReplies {
  /** They leave; answers how many bytes. */
  sendRan(): number;
  /** They never do: who waits for them is closed. */
  dropRan(): void;
}

export class TurnOutput implements PieceSink {
  /** Replies that leave in front of the pieces. */
  kept: KeptReplies | null = null;
  /** Whose the next pieces are. */
  owner: Client | null = null;
  /** Frames of the turn that have not reached their level. */
  undone = 0;
  /** Frames of the turn. When one of several is refused, who has taken part in which is not known. */
  frames = 0;
  /** The outcome of a frame of the turn is unknown. */
  isUnknown = false;
  /** A frame of the turn was refused, and this is why. */
  refusal: string | null = null;
  /** Clients to be closed when their replies are sent. */
  readonly ending: Client[] = [];
  /** Clients that have run commands in this turn: they learn nothing of its replies when its frame is refused. */
  readonly writers: Client[] = [];
  /** How many replies each writer waits for; -1: an error in the place of one would not be understood. */
  readonly expected: number[] = [];
  /** The first pieces are replies to what has been done before, whatever becomes of the turn. */
  #done = 0;
  readonly #clients: (Client | null)[] = [];
  readonly #buffers: Buffer[] = [];
  readonly #ranges: number[] = [];

  get count(): number {
    return this.#buffers.length;
  }

  piece(bytes: Buffer, start: number, end: number): void {
    this.#clients.push(this.owner);
    this.#buffers.push(bytes);
    this.#ranges.push(start, end);
    if (this.owner !== null) this.owner.heldBytes += end - start;
  }

  /** What is here by now is true whatever becomes of the turn's frames. */
  keep(): void {
    this.#done = this.#buffers.length;
  }

  truncate(count: number): void {
    for (let index = count; index < this.#buffers.length; index += 1) this.#uncount(index);
    this.#clients.length = count;
    this.#buffers.length = count;
    this.#ranges.length = count * 2;
  }

  #uncount(index: number): void {
    const client = this.#clients[index];
    if (client) client.heldBytes -= (this.#ranges[index * 2 + 1] as number) - (this.#ranges[index * 2] as number);
  }

  /** Gives every piece to its client's transport; answers how many bytes. */
  send(): number {
    const kept = this.kept?.sendRan() ?? 0;
    const bytes = kept + this.#sendPieces(this.#buffers.length);
    for (const client of this.ending) client.finish();
    return bytes;
  }

  #sendPieces(count: number): number {
    let last: Client | null = null;
    let bytes = 0;
    for (let index = 0; index < count; index += 1) {
      const client = this.#clients[index] ?? null;
      this.#uncount(index);
      if (client === null || client.isGone) continue;
      if (client !== last) last?.transport.flush();
      last = client;
      const start = this.#ranges[index * 2] as number;
      const end = this.#ranges[index * 2 + 1] as number;
      bytes += end - start;
      client.transport.send(this.#buffers[index] as Buffer, start, end);
    }
    last?.transport.flush();
    return bytes;
  }

  /**
   * A frame was refused, so nothing of it was done: whoever took part is answered `error` for each of his commands, and
   * closed where that would not be understood. Answers how many bytes were sent.
   */
  refuse(error: string): number {
    let bytes = this.#sendPieces(this.#done);
    for (let index = this.#done; index < this.#buffers.length; index += 1) this.#uncount(index);
    const line = Buffer.from(`-${error}\r\n`);
    this.writers.forEach((client, index) => {
      const count = this.expected[index] as number;
      if (client.isGone || count === 0) return;
      if (count < 0) {
        client.close();
        return;
      }
      if (client.queue !== null) client.isQueueBad = true;
      const lines = Buffer.concat(new Array<Buffer>(count).fill(line));
      bytes += lines.length;
      client.transport.send(lines, 0, lines.length);
      client.transport.flush();
    });
    for (const client of this.ending) client.finish();
    return bytes;
  }

  /** The outcome of the turn's frame is unknown: whoever took part hears nothing more. */
  abandon(): void {
    for (let index = 0; index < this.#buffers.length; index += 1) this.#uncount(index);
    this.kept?.dropRan();
    for (const client of this.writers) client.close();
  }
}
