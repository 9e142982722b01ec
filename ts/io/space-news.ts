/**
 * Whether frames are refused because the disk is full, as far as the latest commits tell: told when it begins and when it
 * is over.
 *
 * Not the refusal, which its writer gets. To remember: small frames may still fit where large ones do not, so it is over
 * only when one is taken and none was refused for a while.
 */

import { Code } from './native-types.ts';
import type { Plan } from './plan.ts';

/** After a refusal it takes so long, ms, until a frame that is taken means that there is room again. */
export const CALM_MS = 5000;

/** Is told with true when the disk is full, with false when writes are taken again. */
export type SpaceListener = (isFull: boolean) => void;

export class SpaceNews {
  readonly #listeners = new Set<SpaceListener>();
  readonly #nowMs: () => number;
  readonly #guard: (action: () => void) => void;
  #isFull = false;
  #refusedMs = 0;

  /** `guard` runs what is told, so that a listener that throws breaks nobody. */
  constructor(guard: (action: () => void) => void, nowMs: () => number = () => performance.now()) {
    this.#guard = guard;
    this.#nowMs = nowMs;
  }

  /** Whether the latest commits were refused for want of space. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Runs `listener` at each change. Returns what takes it away again. */
  onChange(listener: SpaceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A commit is over: its rows have their codes. */
  committed(plan: Pick<Plan, 'count' | 'codeOf'>): void {
    let [isTaken, isRefused] = [false, false];
    for (let row = 0; row < plan.count; row += 1) {
      const code = plan.codeOf(row);
      isRefused ||= code === Code.noSpace;
      isTaken ||= code === Code.ok;
    }
    if (isRefused) this.#refused();
    else if (isTaken) this.taken();
  }

  /** A frame was taken. */
  taken(): void {
    if (this.#isFull && this.#nowMs() - this.#refusedMs >= CALM_MS) this.#become(false);
  }

  #refused(): void {
    this.#refusedMs = this.#nowMs();
    if (!this.#isFull) this.#become(true);
  }

  #become(isFull: boolean): void {
    this.#isFull = isFull;
    for (const listener of this.#listeners) this.#guard(() => listener(isFull));
  }
}
