/**
 * Randomness of a test, from one printed seed. MILLRACE_SEED replays it.
 *
 * Invariant: whoever reports a failure has the seed in the message, by `seeded`.
 */

/** Draws that follow from the seed alone (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** At least 0, below 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }
}

/** Runs `body` with a seed from MILLRACE_SEED or the clock; an error is thrown again with the seed in its message. */
export async function seeded(test: string, body: (random: Random) => Promise<void>): Promise<void> {
  const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 2 ** 32) >>> 0;
  try {
    await body(new Random(seed));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\nreplay: MILLRACE_SEED=${seed} npx vitest run -t '${test}'`, { cause: error });
  }
}
