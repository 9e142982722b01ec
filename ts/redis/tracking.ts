/**
 * Client-side caching: which keys clients may hold copies of, and who is told when one changes.
 *
 * To remember: the table is bounded; a key that is forgotten is invalidated, so a client never keeps a copy that nobody
 * watches.
 */

import type { Client } from './client.ts';

/** How one client tracks. */
export interface TrackingState {
  readonly isBroadcast: boolean;
  readonly prefixes: readonly string[];
  readonly mode: 'all' | 'optin' | 'optout';
  readonly noLoop: boolean;
  /** Who gets the messages instead, 0: the client itself. */
  readonly redirect: number;
  /** CLIENT CACHING said something of the next command. */
  caching: boolean | null;
}

/** Tells a client that keys changed; null: all. */
export type Invalidate = (client: Client, keys: readonly Buffer[] | null) => void;

/** Keys that are remembered over all clients. */
const KEYS_MAX = 1_000_000;

export class Tracking {
  readonly #invalidate: Invalidate;
  readonly #keys = new Map<string, Set<Client>>();
  readonly #broadcasters = new Set<Client>();
  /** Clients that track, broadcasting or not. */
  clients = 0;

  constructor(invalidate: Invalidate) {
    this.#invalidate = invalidate;
  }

  get keys(): number {
    return this.#keys.size;
  }

  start(client: Client, state: TrackingState): void {
    if (client.tracking === null) this.clients += 1;
    client.tracking = state;
    if (state.isBroadcast) this.#broadcasters.add(client);
  }

  stop(client: Client): void {
    if (client.tracking === null) return;
    this.clients -= 1;
    client.tracking = null;
    this.#broadcasters.delete(client);
    for (const [key, clients] of this.#keys) {
      clients.delete(client);
      if (clients.size === 0) this.#keys.delete(key);
    }
  }

  /** A client has read keys. */
  read(client: Client, keys: readonly Buffer[]): void {
    const state = client.tracking;
    if (state === null || state.isBroadcast) return;
    if (state.mode === 'optin' && state.caching !== true) return;
    if (state.mode === 'optout' && state.caching === false) return;
    for (const key of keys) {
      const text = key.toString('latin1');
      const clients = this.#keys.get(text);
      if (clients) clients.add(client);
      else this.#keys.set(text, new Set([client]));
    }
    while (this.#keys.size > KEYS_MAX) {
      const [oldest] = this.#keys.keys();
      this.changed(oldest as string, null);
    }
  }

  /** A key was changed by `by` (null: by nobody in particular). */
  changed(key: string, by: Client | null): void {
    const bytes = Buffer.from(key, 'latin1');
    const clients = this.#keys.get(key);
    if (clients) {
      this.#keys.delete(key);
      for (const client of clients) if (!isOwn(client, by)) this.#invalidate(client, [bytes]);
    }
    for (const client of this.#broadcasters) {
      const prefixes = client.tracking?.prefixes ?? [];
      const isWanted = prefixes.length === 0 || prefixes.some((prefix) => key.startsWith(prefix));
      if (isWanted && !isOwn(client, by)) this.#invalidate(client, [bytes]);
    }
  }

  /** Every key may have changed. */
  flushed(clients: Iterable<Client>): void {
    this.#keys.clear();
    for (const client of clients) if (client.tracking !== null) this.#invalidate(client, null);
  }
}

function isOwn(client: Client, by: Client | null): boolean {
  return client === by && client.tracking?.noLoop === true;
}
