/**
 * The KV stores of one engine: their names and ids, and the one way in for all writes.
 *
 * Not the public API (kv.ts) and not Redis. To remember: one object for an engine, whoever uses it, so that everybody
 * sees the writes of the running turn; the state map is the truth about names.
 */

import type { KvPort } from '../io/kv-port.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import { parseStoreKey, storeCounterKey, storeKey, storePrefix } from '../log/state-keys.ts';
import type { Effect } from '../log/types.ts';
import { type FrameDone, type FrameEngine, Frames } from './frames.ts';
import { firstRefusal } from './refusal.ts';
import { Store } from './store.ts';

/** What the stores need of an engine. */
export interface StoreEngine extends FrameEngine {
  readonly kv: KvPort;
  /** LSN of the newest frame. */
  readonly appendedLsn: number;
  readonly durableLsn: number;
  /** ms since 1970, by the clock that keys expire by. */
  readonly wallMs: number;
  scanState(prefix: Uint8Array): [key: Uint8Array, value: Uint8Array][];
  /** Resolves when `lsn` is durable; a flush must be on its way. */
  whenDurable(lsn: number): Promise<void>;
  /** As `whenDurable`, and has it flushed. */
  makeDurable(lsn: number): Promise<void>;
}

/** Told once: the store, or why there is none. */
export type StoreDone = (store: Store | undefined, code: CodeNumber) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const known = new WeakMap<StoreEngine, Stores>();

/** All stores of one engine. */
export class Stores {
  readonly engine: StoreEngine;
  readonly frames: Frames;
  readonly #byName = new Map<string, Store>();
  /** Names whose creation or end is on its way to the disk, and who waits for that. */
  readonly #changing = new Map<string, (() => void)[]>();
  #nextId = 1;

  /** The stores of `engine`: always the same object. */
  static of(engine: StoreEngine): Stores {
    let stores = known.get(engine);
    if (!stores) {
      stores = new Stores(engine);
      known.set(engine, stores);
    }
    return stores;
  }

  private constructor(engine: StoreEngine) {
    this.engine = engine;
    this.frames = new Frames(engine);
    for (const [key, value] of engine.scanState(storePrefix())) {
      const name = parseStoreKey(key);
      if (name !== undefined) this.#byName.set(name, new Store(this, decodeId(value), name));
    }
    const [counter] = engine.scanState(storeCounterKey());
    if (counter) this.#nextId = Number(decoder.decode(counter[1]));
  }

  /** Names of all stores, sorted. */
  names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  /** The store of this name, if it is there. */
  get(name: string): Store | undefined {
    return this.#byName.get(name);
  }

  /** Opens a store, creating it when it is not there; `done` runs once, at once when it is there, else when it is durable. */
  open(name: string, done: StoreDone): void {
    const store = this.#byName.get(name);
    if (store) {
      done(store, Code.ok);
      return;
    }
    if (this.#defer(name, () => this.open(name, done))) return;
    const id = this.#nextId;
    this.#nextId += 1;
    const effects: Effect[] = [
      { kind: 'createStore', store: id },
      { kind: 'put', key: storeKey(name), value: encoder.encode(JSON.stringify({ v: 1, id })) },
      { kind: 'put', key: storeCounterKey(), value: encoder.encode(String(this.#nextId)) },
    ];
    this.#change(name, effects, (code) => {
      const created = code === Code.ok ? new Store(this, id, name) : undefined;
      if (created) this.#byName.set(name, created);
      done(created, code);
    });
  }

  /** Drops a store with everything in it; `done` runs when that is durable. Dropping what is not there is fine. */
  drop(name: string, done: (code: CodeNumber) => void): void {
    if (this.#defer(name, () => this.drop(name, done))) return;
    const store = this.#byName.get(name);
    if (!store) {
      done(Code.ok);
      return;
    }
    this.#byName.delete(name);
    const effects: Effect[] = [
      { kind: 'dropStore', store: store.id },
      { kind: 'delete', key: storeKey(name) },
    ];
    this.#change(name, effects, (code) => {
      if (code !== Code.ok) this.#byName.set(name, store);
      done(code);
    });
  }

  /** Whether a change of this name is on its way; `then` runs when it has ended. */
  #defer(name: string, then: () => void): boolean {
    const waiting = this.#changing.get(name);
    waiting?.push(then);
    return waiting !== undefined;
  }

  #change(name: string, effects: readonly Effect[], done: (code: CodeNumber) => void): void {
    const waiting: (() => void)[] = [];
    this.#changing.set(name, waiting);
    this.write(effects, Level.durable, (results, failure) => {
      this.#changing.delete(name);
      done(failure !== Code.ok ? failure : firstRefusal(results));
      for (const next of waiting) next();
    });
  }

  /**
   * Queues one atomic frame over any stores, and any other effects with them. Reads see it from now on; `done` runs when
   * it has reached `level`, with results per effect. When one is refused none is done, and `done` runs as soon as that is
   * known. Byte arrays must stay as they are until then.
   */
  write(effects: readonly Effect[], level: LevelNumber, done: FrameDone): void {
    this.frames.submit(effects, level, done);
  }
}

function decodeId(value: Uint8Array): number {
  const stored = JSON.parse(decoder.decode(value)) as { v: number; id: number };
  if (stored.v !== 1) throw new Error(`store entry has format version ${stored.v}, this program reads 1`);
  return stored.id;
}
