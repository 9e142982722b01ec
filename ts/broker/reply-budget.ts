/**
 * One memory budget for all replies that peers have not taken yet, over every connection of a broker.
 *
 * Not a queue: nobody waits here, replies become smaller. The invariant to remember: what is counted is what is held, so
 * whoever charges bytes gives back exactly these when they are sent or dropped; and a spent budget never stops progress,
 * for a fetch still gets the one batch that rule 26 owes it.
 */

/** Counted by connections, asked by Fetch. */
export class ReplyBudget {
  readonly #limitBytes: number;
  #heldBytes = 0;

  /** `limitBytes`: held bytes from which on replies are limited to the least that keeps progress. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes held now: replies that are being made, that wait for an older one, or that are unsent. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** From now until something is sent, no connection should be given a second reply to hold. */
  get isSpent(): boolean {
    return this.#heldBytes >= this.#limitBytes;
  }

  /** Bytes of records a reply may hold, at most `wanted`; 0 means the first batch and no more. */
  allowance(wanted: number): number {
    return Math.max(0, Math.min(wanted, this.#limitBytes - this.#heldBytes));
  }

  /**
   * Charges a reply that is being made (its bytes may still come from a disk). Call what is returned once, when the reply
   * has been handed over or given up; calling it again does nothing.
   */
  charge(bytes: number): () => void {
    this.move(bytes);
    let isOpen = true;
    return () => {
      if (isOpen) this.move(-bytes);
      isOpen = false;
    };
  }

  /** A connection holds so many bytes more (or, below 0, fewer) than it said before. */
  move(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes < 0) throw new Error('more bytes of replies were given back than were charged');
  }
}

/** What one connection has charged: it says how much it holds, and the difference is moved. */
export class ReplyAccount {
  readonly #budget: ReplyBudget;
  #charged = 0;

  constructor(budget: ReplyBudget) {
    this.#budget = budget;
  }

  /** The connection holds `bytes` now. 0 when it ends. */
  holds(bytes: number): void {
    if (bytes === this.#charged) return;
    this.#budget.move(bytes - this.#charged);
    this.#charged = bytes;
  }
}
