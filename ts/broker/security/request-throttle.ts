/**
 * What one request counts for quotas: bytes of records written and read, and requests by their share of one core.
 *
 * Not the waiting: a connection takes no requests while its client is over a quota. To remember: what a request costs is
 * told with its reply, so a client knows before it sends the next; the share of a core is taken from the bytes and number
 * of requests by a fixed rate, because the work of one cannot be told from that of others.
 */

import type { Principal } from './principal.ts';
import { QuotaMeter } from './quota-meter.ts';
import type { QuotaStore } from './quota-store.ts';

const PRODUCE = 0;
const FETCH = 1;
/** Rough cost of a request, and of a byte that is carried: microseconds of one core. */
const REQUEST_US = 20;
const BYTE_US = 0.001;

export class RequestThrottle {
  readonly #meter: QuotaMeter;
  readonly #nowMs: () => number;

  /** `nowMs` is monotonic. */
  constructor(store: QuotaStore, nowMs: () => number) {
    this.#meter = new QuotaMeter(store);
    this.#nowMs = nowMs;
  }

  /** Whether nobody has a quota. */
  get isIdle(): boolean {
    return this.#meter.isIdle;
  }

  /** Counts one request; answers how long its client has to wait, ms. */
  used(
    principal: Principal,
    clientId: string | null,
    apiKey: number,
    requestBytes: number,
    recordBytes: number,
  ): number {
    const user = principal.slice(principal.indexOf(':') + 1);
    const client = clientId ?? '';
    const nowMs = this.#nowMs();
    const percentSeconds = (REQUEST_US + (requestBytes + recordBytes) * BYTE_US) / 10_000;
    const waits = [this.#meter.use('request_percentage', user, client, percentSeconds, nowMs)];
    if (apiKey === PRODUCE) waits.push(this.#meter.use('producer_byte_rate', user, client, requestBytes, nowMs));
    if (apiKey === FETCH) waits.push(this.#meter.use('consumer_byte_rate', user, client, recordBytes, nowMs));
    return Math.max(...waits);
  }
}
