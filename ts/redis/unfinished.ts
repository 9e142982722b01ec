/**
 * What a command ends its turn with when it cannot be answered yet: it goes on in a later turn.
 *
 * To remember: it has neither written nor replied so far, others run in between, and its connection waits for it.
 */

import type { Call } from './command.ts';

/** Goes on with `step`; to be called once, in a later turn than the one that it was handed over in. */
export type Resume = (step: (call: Call) => void) => void;

/** Thrown; not an error. */
export class Unfinished {
  /** Begins to wait; answers how to stop when the connection is gone. */
  readonly begin: (resume: Resume) => () => void;

  constructor(begin: (resume: Resume) => () => void) {
    this.begin = begin;
  }

  /** Goes on as soon as others have had their turn. */
  static later(step: (call: Call) => void): Unfinished {
    return new Unfinished((resume) => {
      resume(step);
      return () => {};
    });
  }
}
