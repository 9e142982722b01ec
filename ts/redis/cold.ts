/**
 * What a command is ended by when it needs a value that is not in memory: it is undone, and run again when that has come.
 *
 * To remember: commands are plain functions that see memory only; this is the one way in which they wait for the disk.
 */

/** Reads that are on their way; whoever needs one of them is told when all have come. */
export class PendingReads {
  #waiters: (() => void)[] = [];

  whenArrived(waiter: () => void): void {
    this.#waiters.push(waiter);
  }

  arrived(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}

/** Thrown by a read; not an error. */
export class Cold {
  readonly reads: PendingReads;

  constructor(reads: PendingReads) {
    this.reads = reads;
  }
}
