/**
 * The newest changes of one store, in memory, for whoever watches it.
 *
 * Not the full-grade feed, which is a topic (feeds.ts). The invariant to remember: the window holds every commit of the
 * store behind `start`, whole and in order, or it says that it does not; it has a bound in bytes, and whoever is slower
 * than that learns it instead of missing a change.
 */

import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { Effect, EffectResult, KvEffect } from '../log/types.ts';
import type { StoreChange } from './feed-record.ts';
import type { StoreEngine } from './stores.ts';

/** What one frame has done to the store. */
export interface Commit {
  /** LSN of the frame. */
  readonly sequence: number;
  readonly changes: readonly StoreChange[];
  readonly bytes: number;
}

/** Bytes a window has unless somebody wants more. */
export const WINDOW_BYTES: number = 8 * 1024 * 1024;
const COMMIT_BYTES = 256;
const CHANGE_BYTES = 128;
/** Places at the head of the queue that are given back at once. */
const SLACK = 1024;

/** The window of one store. */
export class ChangeWindow {
  readonly #engine: StoreEngine;
  readonly #store: number;
  readonly #listeners = new Set<() => void>();
  #commits: Commit[] = [];
  /** Index in `#commits` of the oldest. */
  #head = 0;
  /** Commits before the first of `#commits`, since the window was opened. */
  #dropped = 0;
  #bytes = 0;
  #limit = 0;
  /** Nothing at or below it is here. */
  #start: number;
  #reached: Record<'written' | 'durable', number>;
  #end: CodeNumber = Code.ok;

  /** Holds everything committed from now on. The turn must have been committed. */
  constructor(engine: StoreEngine, store: number) {
    this.#engine = engine;
    this.#store = store;
    this.#start = engine.appendedLsn;
    this.#reached = { written: this.#start, durable: this.#start };
  }

  /** Why there will be no more changes; `ok` as long as there may be. */
  get end(): CodeNumber {
    return this.#end;
  }

  /** The window has at least so many bytes from now on. */
  widen(bytes: number): void {
    this.#limit = Math.max(this.#limit, bytes);
  }

  /** Runs `listener` whenever there may be more to see; returns how to stop it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Number of the first commit behind `sequence`; undefined when the window does not go back so far. */
  numberBehind(sequence: number): number | undefined {
    if (sequence < this.#start) return undefined;
    let [low, high] = [this.#head, this.#commits.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#commits[middle] as Commit).sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return this.#dropped + low;
  }

  /** The commit of this number: `gone` when the window has moved past it, undefined when it has not reached `level`. */
  at(number: number, level: 'written' | 'durable'): Commit | 'gone' | undefined {
    const index = number - this.#dropped;
    if (index < this.#head) return 'gone';
    const commit = this.#commits[index];
    return commit && commit.sequence <= this.#reached[level] ? commit : undefined;
  }

  /** A frame of the engine is in the journal. */
  placed(effects: readonly Effect[], results: readonly EffectResult[]): void {
    const changes: StoreChange[] = [];
    let bytes = COMMIT_BYTES;
    let sequence = 0;
    for (const [index, effect] of effects.entries()) {
      if (!('store' in effect) || effect.store !== this.#store) continue;
      const result = results[index] as EffectResult;
      sequence = result.lsn;
      // What a delete met is told as it was before the frame: behind another change of the same frame it may be wrong.
      const change = changeOf(effect, result.baseOffset > 0 || changes.length > 0);
      if (change) changes.push(change);
      if (effect.kind === 'dropStore') this.#end = Code.unknownStore;
      bytes += CHANGE_BYTES + bytesOf(effect);
    }
    if (changes.length === 0) return;
    this.#commits.push({ sequence, changes, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#limit && this.#head < this.#commits.length) this.#drop();
    this.#awaitLevel(sequence, 'written', Level.written);
    this.#awaitLevel(sequence, 'durable', Level.durable);
  }

  #awaitLevel(lsn: number, name: 'written' | 'durable', level: LevelNumber): void {
    this.#engine.wait(level, {
      lsn,
      release: (failure) => {
        if (failure === Code.ok) this.#reached[name] = lsn;
        else if (this.#end === Code.ok) this.#end = failure;
        for (const listener of this.#listeners) listener();
      },
    });
  }

  #drop(): void {
    const { sequence, bytes } = this.#commits[this.#head] as Commit;
    this.#start = sequence;
    this.#bytes -= bytes;
    this.#head += 1;
    if (this.#head < SLACK || this.#head * 2 < this.#commits.length) return;
    this.#commits.splice(0, this.#head);
    this.#dropped += this.#head;
    this.#head = 0;
  }
}

function bytesOf(effect: KvEffect): number {
  return ('key' in effect ? effect.key.length : 0) + ('value' in effect ? effect.value.length : 0);
}

/** The change of an effect, in bytes of its own; undefined when it has changed nothing. */
function changeOf(effect: KvEffect, mayHaveBeen: boolean): StoreChange | undefined {
  switch (effect.kind) {
    case 'kvPut': {
      const { key, value, expiresMs = 0 } = effect;
      return { type: 'put', key: Buffer.from(key), value: Buffer.from(value), expiresMs };
    }
    case 'kvDelete':
      return mayHaveBeen ? { type: 'del', key: Buffer.from(effect.key) } : undefined;
    case 'kvClear':
    case 'dropStore':
      return { type: 'clear' };
    default:
      return undefined;
  }
}
