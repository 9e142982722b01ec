/**
 * A change on its way to a watcher, in bytes; and how a watcher waits.
 *
 * Not its source and not its decoding. To remember: whoever waits asks again after every ring, so a bell that was rung
 * before it is waited for is not lost.
 */

import { abortedError } from '../errors.ts';
import type { StoreChange } from './feed-record.ts';

/** A change and where it stands. */
export interface RawChange {
  readonly change: StoreChange;
  /** LSN of its frame; 0: not known. */
  readonly sequence: number;
  /** No more of its frame follows. */
  readonly isLast: boolean;
  /** It was there before: an entry of the state that watching began with. */
  readonly isInitial: boolean;
  /** Where to go on behind it; undefined: nowhere, as the state it belongs to has not been told in full. */
  readonly position: string | undefined;
}

/** Wakes one who waits. */
export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when the bell has been rung since the last wait. */
  async wait(): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isRung = false;
    this.#wake = undefined;
  }
}

/** Rings when `signal` fires; returns how to stop that. */
export function ringOn(signal: AbortSignal, bell: Bell): () => void {
  const ring = (): void => bell.ring();
  signal.addEventListener('abort', ring, { once: true });
  return () => signal.removeEventListener('abort', ring);
}

/** Throws what a signal was aborted with. */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal);
}
