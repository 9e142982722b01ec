/**
 * A store as it was at one moment, for as long as the snapshot is open.
 *
 * Not a copy: it costs what is overwritten meanwhile. To remember: it has to be closed, best by `using`; an open range of
 * it ends with it.
 */

import { MillraceError } from '../errors.ts';
import type { InputOf, KeyEncoding, OutputOf, Transcoder, ValueEncoding } from './encoding.ts';
import { KvView, type ViewOwner } from './kv-view.ts';
import type { Store } from './store.ts';

/** A snapshot. Made by `KvStore.snapshot`. */
export class KvSnapshot<KE extends KeyEncoding, VE extends ValueEncoding>
  extends KvView<KE, VE>
  implements Disposable, AsyncDisposable
{
  /** The engine's number of it; for adapters. */
  readonly id: number;
  /** What `KvStore.watch({ from })` takes to follow exactly what has changed since. */
  readonly position: string;
  readonly #state: { isOpen: boolean };

  constructor(
    raw: Store,
    keys: Transcoder<InputOf<KE>, OutputOf<KE>>,
    values: Transcoder<InputOf<VE>, OutputOf<VE>>,
    owner: ViewOwner,
    id: number,
    position: string,
  ) {
    const state = { isOpen: true };
    const assertOpen = (): void => {
      owner.assertOpen();
      if (!state.isOpen) throw new MillraceError('MILLRACE_CLOSED', 'the snapshot is closed');
    };
    super(raw, keys, values, { assertOpen }, id);
    this.#state = state;
    this.id = id;
    this.position = position;
  }

  /** Lets the snapshot go; twice is once. */
  close(): void {
    if (!this.#state.isOpen) return;
    this.#state.isOpen = false;
    this.raw.release(this.id);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
