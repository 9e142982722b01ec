/**
 * Which quota holds for a client, and with whom it shares what is measured.
 *
 * Not a measurement. To remember: the answer is remembered until the quotas change, so a request asks once for a client.
 */

import { entitiesOf, meterId, type QuotaKey } from './quota.ts';
import type { QuotaStore } from './quota-store.ts';

/** Clients whose answer is remembered. */
const REMEMBERED_MAX = 10_000;

/** A quota, and what tells its measurements apart. */
export interface ChosenQuota {
  readonly id: string;
  readonly quota: number;
}

export class QuotaChoice {
  readonly #store: QuotaStore;
  #version = 0;
  /** As of `#version`. */
  #chosen = new Map<string, ChosenQuota | null>();

  constructor(store: QuotaStore) {
    this.#store = store;
  }

  /** The quota of this kind that holds for a client; null: it has none. */
  of(key: QuotaKey, user: string, clientId: string): ChosenQuota | null {
    if (this.#version !== this.#store.version || this.#chosen.size > REMEMBERED_MAX) {
      this.#version = this.#store.version;
      this.#chosen = new Map();
    }
    const asked = JSON.stringify([key, user, clientId]);
    const known = this.#chosen.get(asked);
    if (known !== undefined) return known;
    const chosen = this.#choose(key, user, clientId);
    this.#chosen.set(asked, chosen);
    return chosen;
  }

  #choose(key: QuotaKey, user: string, clientId: string): ChosenQuota | null {
    for (const entity of entitiesOf(user, clientId)) {
      const quota = this.#store.get(entity)?.get(key);
      if (quota !== undefined) return { id: `${key} ${meterId(entity, user, clientId)}`, quota };
    }
    return null;
  }
}
