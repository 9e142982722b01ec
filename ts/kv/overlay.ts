/**
 * What a loop turn has written and not yet committed, so that reads of the same turn see it.
 *
 * Not a cache: it is empty whenever the turn has been committed. To remember: the last write of a key wins; a write that
 * may still be refused by its condition (or by that of another write in its frame) is uncertain, and a reader of it has
 * the turn committed first.
 */

import type { Effect } from '../log/types.ts';

/** What the turn says of a key. */
export interface Pending {
  /** undefined: deleted. */
  readonly value: Uint8Array | undefined;
  /** ms since 1970, 0 = never. */
  readonly expiresMs: number;
  readonly uncertain: boolean;
}

/** A key of which nothing is pending, in a store that the turn has cleared. */
const cleared: Pending = { value: undefined, expiresMs: 0, uncertain: false };
/** As above, when the clearing itself may still be refused. */
const perhapsCleared: Pending = { value: undefined, expiresMs: 0, uncertain: true };

/** Pending writes of one store. */
interface StoreWrites {
  readonly keys: Map<string, Pending>;
  rest: Pending | undefined;
}

/** Text that stands for a key in a map: a character a byte. */
function textOf(key: Uint8Array): string {
  return (Buffer.isBuffer(key) ? key : Buffer.from(key.buffer, key.byteOffset, key.byteLength)).toString('latin1');
}

/** Whether a frame may be refused for another reason than that the engine takes nothing. */
function isUncertain(effects: readonly Effect[]): boolean {
  for (const effect of effects) {
    if ('demand' in effect && effect.demand !== undefined) return true;
    if (effect.kind !== 'kvPut' && effect.kind !== 'kvDelete' && effect.kind !== 'kvClear') return true;
  }
  return false;
}

/** Pending writes of all stores of one engine. */
export class Overlay {
  readonly #stores = new Map<number, StoreWrites>();

  /** Nothing is pending anywhere. */
  get isEmpty(): boolean {
    return this.#stores.size === 0;
  }

  /** Something is pending in `store`. */
  touches(store: number): boolean {
    return this.#stores.has(store);
  }

  /** Adds the writes of a frame behind those that are there. */
  add(effects: readonly Effect[]): void {
    const uncertain = isUncertain(effects);
    for (const effect of effects) {
      if (effect.kind === 'kvPut') {
        const { value, expiresMs = 0 } = effect;
        this.#store(effect.store).keys.set(textOf(effect.key), { value, expiresMs, uncertain });
      } else if (effect.kind === 'kvDelete') {
        this.#store(effect.store).keys.set(textOf(effect.key), { value: undefined, expiresMs: 0, uncertain });
      } else if (effect.kind === 'kvClear') {
        const writes = this.#store(effect.store);
        writes.keys.clear();
        writes.rest = uncertain ? perhapsCleared : cleared;
      }
    }
  }

  #store(store: number): StoreWrites {
    let writes = this.#stores.get(store);
    if (!writes) {
      writes = { keys: new Map(), rest: undefined };
      this.#stores.set(store, writes);
    }
    return writes;
  }

  /** What is pending for a key; undefined when the committed state holds. */
  get(store: number, key: Uint8Array): Pending | undefined {
    const writes = this.#stores.get(store);
    return writes && (writes.keys.get(textOf(key)) ?? writes.rest);
  }

  /** The turn is being committed. */
  clear(): void {
    if (this.#stores.size > 0) this.#stores.clear();
  }
}
