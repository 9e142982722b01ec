/**
 * Whom a batch answers: the promises of the appends it holds, in the order of the calls.
 *
 * Not when (appender.ts). To remember: an append costs one promise and two array elements here, nothing else; its offset
 * follows from the counts before it, so nothing is kept for it.
 */

import { levelName } from '../durability.ts';
import type { LevelNumber } from '../io/native-types.ts';
import { Level } from '../io/native-types.ts';
import { AppendResult, type PlacedFrame } from './append-result.ts';

type Resolve = (result: AppendResult | PromiseLike<AppendResult>) => void;

/** A share is the append's record count times this, plus its level. */
const SHARE = 4;

let taken: Resolve;
/** One executor for all promises: no closure per append. */
function take(resolve: Resolve): void {
  taken = resolve;
}

/** Someone who has been answered already. */
function nobody(): void {}

/** The appends of one batch that have not been answered. */
export class Answers {
  readonly #resolves: Resolve[];
  readonly #shares: number[];
  #length = 0;
  /** The strongest level asked for; whoever asked for less is answered earlier. */
  level: LevelNumber = Level.memory;
  #weakest: LevelNumber = Level.durable;

  /** `expected` appends fit without the arrays growing. */
  constructor(expected: number) {
    this.#resolves = new Array(expected);
    this.#shares = new Array(expected);
  }

  /** Appends added so far, answered ones included. */
  get length(): number {
    return this.#length;
  }

  /** Somebody asked for less than the strongest level. */
  get mixed(): boolean {
    return this.#weakest < this.level;
  }

  /** Adds an append of `count` records that waits for `level`; the promise is its caller's. */
  add(count: number, level: LevelNumber): Promise<AppendResult> {
    const promise = new Promise<AppendResult>(take);
    const index = this.#length;
    this.#resolves[index] = taken;
    this.#shares[index] = count * SHARE + level;
    this.#length = index + 1;
    if (level > this.level) this.level = level;
    if (level < this.#weakest) this.#weakest = level;
    return promise;
  }

  /** Answers everyone whose level is at most `reached` and who waits still. */
  answer(frame: PlacedFrame, reached: LevelNumber): void {
    const resolves = this.#resolves;
    const shares = this.#shares;
    const length = this.#length;
    let delta = 0;
    for (let index = 0; index < length; index += 1) {
      const share = shares[index] as number;
      const count = share >>> 2;
      const level = (share & 3) as LevelNumber;
      if (level <= reached) {
        const resolve = resolves[index] as Resolve;
        resolves[index] = nobody;
        if (resolve !== nobody) resolve(new AppendResult(frame, delta, count, levelName(level)));
      }
      delta += count;
    }
  }

  /** Rejects everyone who waits still. */
  fail(error: unknown): void {
    const failed = Promise.reject(error);
    // It is ours; those that follow it are their callers'.
    failed.catch(nobody);
    for (let index = 0; index < this.#length; index += 1) {
      const resolve = this.#resolves[index] as Resolve;
      this.#resolves[index] = nobody;
      resolve(failed);
    }
  }
}
