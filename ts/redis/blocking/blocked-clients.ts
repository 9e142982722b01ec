/**
 * Who waits for which key to hold something, in the order in which they began to wait.
 *
 * Not what they take (commands/blocking.ts) and not their turn (executor.ts). The invariants to remember: a key serves
 * whoever has waited longest; a client is served by one key, once, and within the turn that filled it, so that what it
 * takes is part of the same frame and its reply leaves no earlier.
 */

import type { Client } from '../client.ts';
import { Cold } from '../cold.ts';
import type { Call } from '../command.ts';
import type { Database, KeyType } from '../database.ts';
import type { Resume } from '../unfinished.ts';

/** One client that waits. */
export interface Waiter {
  readonly client: Client;
  readonly db: Database;
  readonly keys: readonly Buffer[];
  readonly type: Extract<KeyType, 'list' | 'zset'>;
  /** Takes from one of `keys` and replies; false when there is nothing. */
  readonly take: (call: Call, keys: readonly Buffer[]) => boolean;
  readonly resume: Resume;
}

/** How a waiter goes on within the turn that runs; false when it has to wait any longer. May throw `Cold`. */
export type GoOn = (client: Client, step: (call: Call) => boolean) => boolean;

interface Filled {
  readonly db: Database;
  readonly key: Buffer;
}

/** Timers of Node take no more ms. */
const TIMER_MAX = 2 ** 31 - 1;

export class BlockedClients {
  readonly #byKey = new Map<string, Set<Waiter>>();
  readonly #byClient = new Map<Client, Waiter>();
  readonly #timers = new Map<Waiter, NodeJS.Timeout>();
  /** Keys that were touched and that somebody waits for, in that order. */
  #filled = new Map<string, Filled>();
  /** Keys whose first waiter waits for the disk. */
  readonly #cold = new Set<string>();
  readonly #goOn: GoOn;
  readonly #later: (chore: () => void) => void;
  readonly #changed: () => void;

  /** `later` runs a chore within a turn, soon; `changed` hears that somebody began or ended to wait. */
  constructor(goOn: GoOn, later: (chore: () => void) => void, changed: () => void) {
    this.#goOn = goOn;
    this.#later = later;
    this.#changed = changed;
  }

  get size(): number {
    return this.#byClient.size;
  }

  has(client: Client): boolean {
    return this.#byClient.has(client);
  }

  /** Whether a key is about to serve somebody who waits: others go behind. */
  isTaken(db: Database, key: Buffer): boolean {
    return this.#cold.size > 0 && this.#cold.has(nameOf(db.index, key.toString('latin1')));
  }

  /** Waits; after `timeoutMs` (0: never) the waiter goes on with `expire`. */
  add(waiter: Waiter, timeoutMs: number, expire: (call: Call) => void): void {
    this.#byClient.set(waiter.client, waiter);
    for (const name of namesOf(waiter)) {
      const waiters = this.#byKey.get(name);
      if (waiters) waiters.add(waiter);
      else this.#byKey.set(name, new Set([waiter]));
    }
    if (timeoutMs > 0) this.#arm(waiter, performance.now() + timeoutMs, expire);
    this.#changed();
  }

  #arm(waiter: Waiter, atMs: number, expire: (call: Call) => void): void {
    const leftMs = atMs - performance.now();
    const timer = setTimeout(
      () => {
        if (leftMs > TIMER_MAX) this.#arm(waiter, atMs, expire);
        else this.release(waiter.client, expire);
      },
      Math.max(1, Math.min(leftMs, TIMER_MAX)),
    );
    this.#timers.set(waiter, timer);
  }

  remove(waiter: Waiter): void {
    if (this.#byClient.get(waiter.client) !== waiter) return;
    this.#byClient.delete(waiter.client);
    clearTimeout(this.#timers.get(waiter));
    this.#timers.delete(waiter);
    for (const name of namesOf(waiter)) {
      const waiters = this.#byKey.get(name);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#byKey.delete(name);
    }
    this.#changed();
  }

  /** Ends the waiting of a client, which goes on with `step`; false when it does not wait. */
  release(client: Client, step: (call: Call) => void): boolean {
    const waiter = this.#byClient.get(client);
    if (waiter === undefined) return false;
    this.remove(waiter);
    waiter.resume(step);
    return true;
  }

  /** A key was changed (null: all of the database); `serve` has to run when the command is done. */
  touched(db: Database, key: string | null): void {
    if (key === null || this.#byClient.size === 0) return;
    const name = nameOf(db.index, key);
    if (this.#byKey.has(name)) this.#filled.set(name, { db, key: Buffer.from(key, 'latin1') });
  }

  /** Somebody may be served. */
  get isPending(): boolean {
    return this.#filled.size > 0;
  }

  /** Serves whoever waits for a key that holds something now; what they do may fill further keys. */
  serve(): void {
    while (this.#filled.size > 0) {
      const filled = this.#filled;
      this.#filled = new Map();
      for (const [name, { db, key }] of filled) if (!this.#cold.has(name)) this.#serveKey(name, db, key);
    }
  }

  #serveKey(name: string, db: Database, key: Buffer): void {
    try {
      for (const waiter of [...(this.#byKey.get(name) ?? [])]) {
        const type = db.entry(key)?.type;
        if (type === undefined) return;
        if (type !== waiter.type) continue;
        if (this.#goOn(waiter.client, (call) => waiter.take(call, [key]))) this.remove(waiter);
      }
    } catch (reason) {
      if (!(reason instanceof Cold)) throw reason;
      this.#cold.add(name);
      reason.reads.whenArrived(() =>
        this.#later(() => {
          this.#cold.delete(name);
          this.#filled.set(name, { db, key });
          this.serve();
        }),
      );
    }
  }
}

function namesOf({ db, keys }: Waiter): string[] {
  return keys.map((key) => nameOf(db.index, key.toString('latin1')));
}

function nameOf(db: number, key: string): string {
  return `${db} ${key}`;
}
