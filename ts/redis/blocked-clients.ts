/**
 * Clients that wait for a key to hold something: BLPOP and its kin.
 *
 * To remember: who has waited longest is served first; a wait ends by a key, by its time, by CLIENT UNBLOCK, or with its
 * connection, and by one of them only.
 */

import type { Client } from './client.ts';
import type { Call } from './command.ts';
import { textOf } from './store-view.ts';
import { Unfinished } from './unfinished.ts';

/** What a command waits for. */
export interface Wait {
  readonly keys: readonly Buffer[];
  /** ms from now; 0 = for ever. */
  readonly timeoutMs: number;
  /** Tries again; throws `Unfinished` when there is still nothing. */
  readonly retry: (call: Call) => void;
  /** Answers that the time is over. */
  readonly timedOut: (call: Call) => void;
}

interface Waiter {
  readonly client: Client;
  readonly wake: () => void;
}

/** Longest delay of a timer, ms. */
const DELAY_MAX = 2 ** 31 - 1;

export class BlockedClients {
  readonly #byKey = new Map<string, Waiter[]>();
  readonly #changed: () => void;
  size = 0;

  /** `changed` is told when the first begins to wait, and when the last has ended. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** What a command throws that has nothing to answer yet. */
  wait({ client, db }: Call, { keys, timeoutMs, retry, timedOut }: Wait): Unfinished {
    const names = keys.map((key) => `${db.index} ${textOf(key)}`);
    return new Unfinished((resume) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (): void => {
        clearTimeout(timer);
        client.unblock = null;
        for (const name of names) this.#remove(name, waiter);
        this.size -= 1;
        this.#changed();
      };
      const finish = (step: (call: Call) => void): void => {
        end();
        resume(step);
      };
      const waiter: Waiter = { client, wake: () => finish(retry) };
      for (const name of names) {
        const waiters = this.#byKey.get(name);
        if (waiters) waiters.push(waiter);
        else this.#byKey.set(name, [waiter]);
      }
      this.size += 1;
      this.#changed();
      if (timeoutMs > 0) timer = setTimeout(() => finish(timedOut), Math.min(timeoutMs, DELAY_MAX));
      client.unblock = (isError) => {
        finish(isError ? ({ reply }) => reply.error('UNBLOCKED client unblocked via CLIENT UNBLOCK') : timedOut);
        return true;
      };
      return end;
    });
  }

  #remove(name: string, waiter: Waiter): void {
    const waiters = this.#byKey.get(name);
    const index = waiters?.indexOf(waiter) ?? -1;
    if (index >= 0) waiters?.splice(index, 1);
    if (waiters?.length === 0) this.#byKey.delete(name);
  }

  /** A key was changed: all who wait for it try again, in the order in which they came. */
  touched(db: number, key: string): void {
    for (const waiter of [...(this.#byKey.get(`${db} ${key}`) ?? [])]) waiter.wake();
  }
}
