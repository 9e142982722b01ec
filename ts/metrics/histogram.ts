/**
 * A histogram over fixed bounds: what a scrape needs and a counter costs.
 *
 * Not percentiles. To remember: adding is a short search and two additions, because it is done for every request.
 */

import type { HistogramNumbers } from './prometheus-text.ts';

/** Seconds: from 100 us, where a request of ours may end, to ten seconds. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Counts values by the least bound that is not below them. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #above = 0;
  #sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  add(value: number): void {
    this.#sum += value;
    const bounds = this.#bounds;
    for (let index = 0; index < bounds.length; index += 1) {
      if (value > (bounds[index] as number)) continue;
      this.#counts[index] = (this.#counts[index] as number) + 1;
      return;
    }
    this.#above += 1;
  }

  get numbers(): HistogramNumbers {
    return { bounds: this.#bounds, counts: [...this.#counts], above: this.#above, sum: this.#sum };
  }
}
