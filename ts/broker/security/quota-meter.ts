/**
 * How much clients have used of their quotas, and how long they have to wait for it.
 *
 * Time is an input. The invariants to remember: what is over the quota is a debt that is paid by waiting, whatever the
 * connection; without any quota nothing is measured; memory is bounded, however many clients owe.
 */

import type { QuotaKey } from './quota.ts';
import { QuotaChoice } from './quota-choice.ts';
import type { QuotaStore } from './quota-store.ts';

/** What a client may use at once after it was idle: the quota of so long. */
const BURST_MS = 1000;
/** No answer makes a client wait longer; what is left of its debt is told with the next. */
const THROTTLE_MAX_MS = 30_000;
/** Clients that are remembered; beyond, the one that has been silent longest is forgotten. */
const METERS_MAX = 10_000;

interface Meter {
  /** Monotonic ms when everything used so far is paid for. */
  paidMs: number;
}

export class QuotaMeter {
  readonly #store: QuotaStore;
  readonly #meters = new Map<string, Meter>();
  readonly #choice: QuotaChoice;

  constructor(store: QuotaStore) {
    this.#store = store;
    this.#choice = new QuotaChoice(store);
  }

  /** Whether anybody has a quota at all. */
  get isIdle(): boolean {
    return this.#store.size === 0;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#meters.size;
  }

  /** A client has used so much of a quota; answers how long it has to wait, ms, 0 for not at all. */
  use(key: QuotaKey, user: string, clientId: string, amount: number, nowMs: number): number {
    const chosen = this.#choice.of(key, user, clientId);
    if (chosen === null || amount <= 0) return 0;
    const meter = this.#meterOf(chosen.id, nowMs);
    meter.paidMs = Math.max(meter.paidMs, nowMs - BURST_MS) + (amount / chosen.quota) * 1000;
    return Math.min(Math.ceil(Math.max(0, meter.paidMs - nowMs)), THROTTLE_MAX_MS);
  }

  /** The meter, which is the last of all from now on. */
  #meterOf(id: string, nowMs: number): Meter {
    const meter = this.#meters.get(id) ?? { paidMs: nowMs - BURST_MS };
    this.#meters.delete(id);
    this.#meters.set(id, meter);
    if (this.#meters.size > METERS_MAX) this.#forgetFirst();
    return meter;
  }

  #forgetFirst(): void {
    const [first] = this.#meters.keys();
    if (first !== undefined) this.#meters.delete(first);
  }
}
