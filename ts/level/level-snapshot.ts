/**
 * An explicit snapshot of the level adapter.
 *
 * Not the reading of it. To remember: abstract-level closes it when nothing works with it any more.
 */

import { AbstractSnapshot } from 'abstract-level';
import type { Store } from '../kv/store.ts';

/** abstract-level's class with the constructor it has at run time. */
const Base: new (options: object) => AbstractSnapshot = AbstractSnapshot as unknown as new (
  options: object,
) => AbstractSnapshot;

/** A snapshot of the whole store. */
export class LevelSnapshot extends Base {
  /** The engine's number of it. */
  readonly id: number;
  readonly #store: Store;

  constructor(store: Store, options: object) {
    super(options);
    this.#store = store;
    this.id = store.snapshot();
  }

  async _close(): Promise<void> {
    this.#store.release(this.id);
  }
}
