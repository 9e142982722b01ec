/**
 * The bytes of one turn's replies and messages, in order, with the client each piece is for.
 *
 * To remember: they leave only when everything the turn wrote, and everything it may have seen, has reached the level that
 * `appendfsync` demands; until then they are held here.
 */

import type { Client } from './client.ts';
import type { PieceSink } from './protocol/reply-writer.ts';

export class TurnOutput implements PieceSink {
  /** Whose the next pieces are. */
  owner: Client | null = null;
  /** Frames of the turn that have not reached their level. */
  undone = 0;
  /** A frame of the turn was refused, or its outcome is unknown. */
  isRefused = false;
  /** Clients to be closed when their replies are sent. */
  readonly ending: Client[] = [];
  /** Clients that have run commands in this turn: they learn nothing when its frame is refused. */
  readonly writers: Client[] = [];
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

  /** Gives every piece to its client's transport. */
  send(): void {
    let last: Client | null = null;
    for (let index = 0; index < this.#buffers.length; index += 1) {
      const client = this.#clients[index] ?? null;
      this.#uncount(index);
      if (client === null || client.isGone) continue;
      if (client !== last) last?.transport.flush();
      last = client;
      client.transport.send(
        this.#buffers[index] as Buffer,
        this.#ranges[index * 2] as number,
        this.#ranges[index * 2 + 1] as number,
      );
    }
    last?.transport.flush();
    for (const client of this.ending) client.finish();
  }

  /** The outcome of the turn's frame is unknown, or it was refused: whoever took part hears nothing more. */
  abandon(): void {
    for (let index = 0; index < this.#buffers.length; index += 1) this.#uncount(index);
    for (const client of this.writers) client.close();
  }
}
