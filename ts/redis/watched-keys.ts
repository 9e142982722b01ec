/** Who watches which keys for a transaction. To remember: a client is marked by any change, its own included. */

import type { Client, WatchedKey } from './client.ts';

export class WatchedKeys {
  readonly #clients = new Map<string, Set<Client>>();

  get size(): number {
    return this.#clients.size;
  }

  add(client: Client, watched: WatchedKey): void {
    const name = nameOf(watched.db.index, watched.key.toString('latin1'));
    const clients = this.#clients.get(name);
    if (clients?.has(client)) return;
    client.watched.push(watched);
    if (clients) clients.add(client);
    else this.#clients.set(name, new Set([client]));
  }

  /** A client watches nothing any more. */
  forget(client: Client): void {
    for (const { db, key } of client.watched) {
      const name = nameOf(db.index, key.toString('latin1'));
      const clients = this.#clients.get(name);
      clients?.delete(client);
      if (clients?.size === 0) this.#clients.delete(name);
    }
    client.watched = [];
  }

  /** A key was changed; null: all of the database are gone. */
  touched(db: number, key: string | null): void {
    if (this.#clients.size === 0) return;
    if (key !== null) {
      for (const client of this.#clients.get(nameOf(db, key)) ?? []) client.isDirty = true;
      return;
    }
    for (const clients of this.#clients.values()) {
      for (const client of clients) {
        if (client.watched.some((watched) => watched.db.index === db && watched.wasThere)) client.isDirty = true;
      }
    }
  }
}

function nameOf(db: number, key: string): string {
  return `${db} ${key}`;
}
