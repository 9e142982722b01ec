/**
 * Several effects as one atomic frame, collected one by one: writes of any store of the directory, records for its log,
 * offsets of its consumers.
 *
 * Not a transaction: nothing is read, and conditions are judged when the frame is committed. To remember: all of it
 * happens, or none of it, also across a power cut.
 */

import { MillraceError } from '../errors.ts';
import type { LogBatch } from '../log/log-batch.ts';
import type { LogTopic } from '../log/log-topic.ts';
import type { RecordInput } from '../log/record.ts';
import type { Effect } from '../log/types.ts';
import type { InputOf, KeyEncoding, ValueEncoding } from './encoding.ts';
import { fenced } from './fence.ts';
import type { Demand, KvStore, PutOptions, WriteCallOptions } from './kv-store.ts';
import { KvWrite } from './kv-write.ts';

/** A batch that is being built. Made by `KvStore.batch`. */
export class KvBatch<KE extends KeyEncoding, VE extends ValueEncoding> {
  readonly #store: KvStore<KE, VE>;
  readonly #effects: Effect[] = [];
  /** Run right before the frame is queued: appends take their place in their partitions then. */
  readonly #sealing: (() => readonly Effect[])[] = [];
  readonly #after: (() => void)[] = [];
  #isSent = false;

  constructor(store: KvStore<KE, VE>) {
    this.#store = store;
  }

  /** Number of effects so far; an append counts as one. */
  get length(): number {
    return this.#effects.length + this.#sealing.length;
  }

  /** Sets a key. Throws as `KvStore.put` rejects. */
  put(key: InputOf<KE>, value: InputOf<VE>, options?: PutOptions): this {
    return this.#add(this.#store.putEffect(key, value, options));
  }

  /** Removes a key. */
  del(key: InputOf<KE>, options?: Demand): this {
    return this.#add(this.#store.delEffect(key, options));
  }

  /** Sets a key of another store of the same directory. */
  putIn<KO extends KeyEncoding, VO extends ValueEncoding>(
    store: KvStore<KO, VO>,
    key: InputOf<KO>,
    value: InputOf<VO>,
    options?: PutOptions,
  ): this {
    this.#assertSame(store.raw.stores.engine);
    return this.#add(store.putEffect(key, value, options));
  }

  /** Removes a key of another store of the same directory. */
  delIn<KO extends KeyEncoding, VO extends ValueEncoding>(
    store: KvStore<KO, VO>,
    key: InputOf<KO>,
    options?: Demand,
  ): this {
    this.#assertSame(store.raw.stores.engine);
    return this.#add(store.delEffect(key, options));
  }

  /** Appends records to a topic of the same directory's log. Throws MILLRACE_ARGUMENT when it lies in another. */
  append(topic: LogTopic, records: RecordInput | readonly RecordInput[], options: { partition?: number } = {}): this {
    this.#assertSame(topic.engine);
    this.#assertOpen();
    const list = Array.isArray(records) ? (records as readonly RecordInput[]) : [records as RecordInput];
    const sealed = topic.prepare(list, options.partition);
    this.#sealing.push(sealed);
    return this;
  }

  /** Commits for the batch's reader group that everything up to the end of `batch` has been handled. */
  commit(batch: LogBatch): this {
    const commit = batch.prepareCommit();
    this.#assertSame(commit.engine);
    this.#after.push(commit.committed);
    return this.#add(commit.effect);
  }

  #add(effect: Effect): this {
    this.#assertOpen();
    this.#effects.push(effect);
    return this;
  }

  #assertOpen(): void {
    if (this.#isSent) throw new MillraceError('MILLRACE_ARGUMENT', 'the batch has been written');
  }

  #assertSame(engine: unknown): void {
    if (engine !== this.#store.raw.stores.engine) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'it lies in another data directory: one frame is of one directory');
    }
  }

  /** Empties the batch. */
  clear(): this {
    this.#assertOpen();
    this.#effects.length = 0;
    this.#sealing.length = 0;
    this.#after.length = 0;
    return this;
  }

  /**
   * Writes everything as one frame. Resolves to true, or to false when a key was not as demanded; rejects as `KvWrite`
   * says. A batch is written once.
   */
  write(options?: WriteCallOptions): KvWrite {
    try {
      this.#assertOpen();
      const level = this.#store.levelOf(options);
      this.#isSent = true;
      const effects = [...this.#effects];
      for (const seal of this.#sealing) effects.push(...seal());
      if (effects.length === 0) return KvWrite.nothing();
      const after = (): void => {
        for (const action of this.#after) action();
      };
      const { stores } = this.#store.raw;
      const { signal, fence } = options ?? {};
      const isFenced = fence !== undefined;
      return KvWrite.send(stores, fenced(stores, effects, fence), {
        level,
        signal,
        after,
        isFenced,
        store: this.#store.name,
      });
    } catch (error) {
      return KvWrite.failed(error);
    }
  }
}
