/**
 * How many connections an address may make: `connection_creation_rate`, connections per second.
 *
 * Time is an input. To remember: a second's worth may come at once; a connection that is refused counts for nothing, so
 * whoever keeps trying gets exactly its rate; without such a quota nothing is measured.
 */

import type { QuotaStore } from './quota-store.ts';

const BURST_MS = 1000;
/** Addresses that are remembered; beyond, the one that has been away longest is forgotten. */
const ADDRESSES_MAX = 10_000;
const KEY = 'connection_creation_rate';

export class ConnectionRate {
  readonly #store: QuotaStore;
  readonly #nowMs: () => number;
  /** Monotonic ms when the connections of an address so far are paid for. */
  readonly #paidMs = new Map<string, number>();

  /** `nowMs` is monotonic. */
  constructor(store: QuotaStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#paidMs.size;
  }

  /** Counts one more connection of an address; false, and nothing counted, when it is one too many now. */
  take(address: string): boolean {
    const rate = this.#rateOf(address);
    if (rate === undefined) return true;
    const now = this.#nowMs();
    const costMs = 1000 / rate;
    const paidMs = Math.max(this.#paidMs.get(address) ?? 0, now - Math.max(BURST_MS, costMs)) + costMs;
    if (paidMs > now) return false;
    // The last one is who came last, so the first is who has been away longest.
    this.#paidMs.delete(address);
    this.#paidMs.set(address, paidMs);
    if (this.#paidMs.size > ADDRESSES_MAX) this.#forgetFirst();
    return true;
  }

  /** The quota of the address itself, else the default of all. */
  #rateOf(address: string): number | undefined {
    if (this.#store.size === 0) return undefined;
    return this.#store.get({ ip: address })?.get(KEY) ?? this.#store.get({ ip: null })?.get(KEY);
  }

  #forgetFirst(): void {
    const [first] = this.#paidMs.keys();
    if (first !== undefined) this.#paidMs.delete(first);
  }
}
