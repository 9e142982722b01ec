/**
 * How many partitions clients may make and delete: `controller_mutation_rate`, partitions per second (KIP-599).
 *
 * Time is an input. To remember: it is Kafka's token bucket of eleven seconds' worth; a request that finds tokens may take
 * more than there are, and what it took too much is a debt that those after it wait for: newer versions of a request are
 * refused meanwhile, older ones, which cannot be told, are carried out and their client has to wait.
 */

import type { Exchange } from '../handler.ts';
import { QuotaChoice } from './quota-choice.ts';
import type { QuotaStore } from './quota-store.ts';

/** A bucket holds the quota of so long: Kafka's controller.quota.window.num of one second each. */
const BURST_SECONDS = 11;
/** No answer makes a client wait longer. */
const THROTTLE_MAX_MS = 30_000;
/** Clients that are remembered; beyond, the one that has been silent longest is forgotten. */
const BUCKETS_MAX = 10_000;
const KEY = 'controller_mutation_rate';

/** What Kafka says. */
export const MUTATIONS_EXCEEDED = 'The throttling quota has been exceeded.';

interface Bucket {
  tokens: number;
  /** Monotonic ms. */
  filledMs: number;
}

/** The quota of one request. */
export interface Mutations {
  /** Counts so many partitions; false, and nothing counted, when they are refused. */
  take(partitions: number): boolean;
  /** How long the client has to wait, ms; 0 for not at all. */
  readonly throttleMs: number;
}

const UNBOUNDED: Mutations = { take: () => true, throttleMs: 0 };

export class MutationQuotas {
  readonly #store: QuotaStore;
  readonly #choice: QuotaChoice;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `nowMs` is monotonic. */
  constructor(store: QuotaStore, nowMs: () => number) {
    this.#store = store;
    this.#choice = new QuotaChoice(store);
    this.#nowMs = nowMs;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The quota for a request whose versions can be told of a refusal from `strictSince` on. */
  of(
    { peer, clientId, apiVersion }: Pick<Exchange<unknown>, 'peer' | 'clientId' | 'apiVersion'>,
    strictSince: number,
  ): Mutations {
    const { principal } = peer.security;
    return this.for(principal.slice(principal.indexOf(':') + 1), clientId ?? '', apiVersion >= strictSince);
  }

  /** The quota for a request of a user and client. */
  for(user: string, clientId: string, isStrict: boolean): Mutations {
    if (this.#store.size === 0) return UNBOUNDED;
    const chosen = this.#choice.of(KEY, user, clientId);
    if (chosen === null) return UNBOUNDED;
    const { id, quota } = chosen;
    const bucketOf = () => this.#filled(id, quota);
    let throttleMs = 0;
    return {
      take(partitions) {
        const bucket = bucketOf();
        if (isStrict) throttleMs = waitMs(bucket, quota);
        if (throttleMs > 0 && isStrict) return false;
        bucket.tokens -= partitions;
        if (!isStrict) throttleMs = waitMs(bucket, quota);
        return true;
      },
      get throttleMs() {
        return throttleMs;
      },
    };
  }

  /** The bucket with what has come into it since; it is the last of all from now on. */
  #filled(id: string, quota: number): Bucket {
    const now = this.#nowMs();
    const full = quota * BURST_SECONDS;
    const bucket = this.#buckets.get(id) ?? { tokens: full, filledMs: now };
    bucket.tokens = Math.min(full, bucket.tokens + (quota * (now - bucket.filledMs)) / 1000);
    bucket.filledMs = now;
    this.#buckets.delete(id);
    this.#buckets.set(id, bucket);
    if (this.#buckets.size > BUCKETS_MAX) this.#forgetFirst();
    return bucket;
  }

  #forgetFirst(): void {
    const [first] = this.#buckets.keys();
    if (first !== undefined) this.#buckets.delete(first);
  }
}

/** How long until a bucket owes nothing, ms. */
function waitMs({ tokens }: Bucket, quota: number): number {
  return Math.min(Math.max(0, Math.round((-tokens / quota) * 1000)), THROTTLE_MAX_MS);
}
