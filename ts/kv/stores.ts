/**
 * The KV stores of one engine: their names and ids, and the one way in for all writes.
 *
 * Not the public API (kv.ts) and not Redis. To remember: one object for an engine, whoever uses it, so that everybody
 * sees the writes of the running turn; the state map is the truth about names.
 */

import type { KvPort } from '../io/kv-port.ts';
import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { Waiter } from '../io/waiters.ts';
import { type CatalogueEngine, TopicCatalogue } from '../log/catalogue.ts';
import { parseStoreKey, storeCounterKey, storeKey, storePrefix } from '../log/state-keys.ts';
import type { Effect, EffectResult } from '../log/types.ts';
import { ChangeWindow } from './change-window.ts';
import { type Feed, Feeds } from './feeds.ts';
import { type FrameDone, type FrameEngine, Frames } from './frames.ts';
import { firstRefusal } from './refusal.ts';
import { Store } from './store.ts';

/** What the stores need of an engine. */
export interface StoreEngine extends FrameEngine, CatalogueEngine {
  readonly kv: KvPort;
  /** LSN of the newest frame. */
  readonly appendedLsn: number;
  readonly durableLsn: number;
  /** ms since 1970, by the clock that keys expire by. */
  readonly wallMs: number;
  /** `waiter` is released when its LSN has reached `level`. LSNs are given in their order. */
  wait(level: LevelNumber, waiter: Waiter): void;
  /** Runs `listener` once when the engine takes no more writes: a flush has failed, or it is closing. */
  onFailure(listener: (code: CodeNumber) => void): () => void;
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
  /** Which stores write their changes to a topic. */
  readonly feeds: Feeds;
  /** Newest changes of the stores that are watched. */
  readonly windows: Map<number, ChangeWindow> = new Map();
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
    this.frames = new Frames(engine, (effects, results) => this.#placed(effects, results));
    this.feeds = new Feeds(
      () => TopicCatalogue.of(engine),
      (id) => this.#withoutFeed(id),
    );
    for (const [key, value] of engine.scanState(storePrefix())) {
      const name = parseStoreKey(key);
      if (name === undefined) continue;
      const { id, feed } = decodeEntry(value);
      this.#byName.set(name, new Store(this, id, name));
      if (feed) this.feeds.set(id, feed);
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
      entryEffect(name, { id }),
      { kind: 'put', key: storeCounterKey(), value: encoder.encode(String(this.#nextId)) },
    ];
    this.#change(name, effects, (code) => {
      const created = code === Code.ok ? new Store(this, id, name) : undefined;
      if (created) this.#byName.set(name, created);
      done(created, code);
    });
  }

  /** Bytes of the records of all keys of these stores (by id), settled or not, and `forEach` bytes for each key. */
  liveBytes(ids: Float64Array, forEach: number): number {
    if (!this.frames.overlay.isEmpty) this.engine.commitNow();
    return this.engine.kv.liveBytes(ids, forEach);
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
      else this.feeds.delete(store.id);
      done(code);
    });
  }

  /**
   * Lets the changes of a store go to a topic from the next frame on, or to none; `done` runs when that is durable. The
   * feed has no record of what the store holds already. A store that has a feed gets no other before it has none.
   */
  setFeed(name: string, feed: Feed | undefined, done: (code: CodeNumber) => void): void {
    if (this.#defer(name, () => this.setFeed(name, feed, done))) return;
    const store = this.#byName.get(name);
    if (!store) {
      done(Code.unknownStore);
      return;
    }
    // A feed that begins has everything behind this frame, one that ends everything before it.
    this.#change(name, [entryEffect(name, { id: store.id, feed })], (code) => {
      if ((code === Code.ok) === (feed === undefined)) this.feeds.delete(store.id);
      done(code);
    });
    if (feed) this.feeds.set(store.id, feed);
  }

  #withoutFeed(id: number): Effect | undefined {
    for (const [name, store] of this.#byName) if (store.id === id) return entryEffect(name, { id });
    return undefined;
  }

  /** The window of a store's newest changes, opened when there is none. The turn must have been committed. */
  windowOf(store: Store): ChangeWindow {
    const window = this.windows.get(store.id) ?? new ChangeWindow(this.engine, store.id);
    this.windows.set(store.id, window);
    return window;
  }

  /** A frame is in the journal: those who follow a store hear of it. */
  #placed(effects: readonly Effect[], results: readonly EffectResult[]): void {
    for (const window of this.windows.values()) window.placed(effects, results);
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
    const fed = this.feeds.extend(effects);
    if (fed === effects) this.frames.submit(effects, level, done);
    else this.frames.submit(fed, level, (results, failure) => done(ownResults(results, effects.length), failure));
  }
}

/** The results of a frame's first `count` effects; they know why the frame was refused when a later one was the reason. */
function ownResults(results: readonly EffectResult[], count: number): readonly EffectResult[] {
  const own = results.slice(0, count);
  const refusal = firstRefusal(results);
  const [first] = own;
  if (first === undefined || refusal === Code.ok || firstRefusal(own) === refusal) return own;
  return [{ ...first, code: refusal }, ...own.slice(1)];
}

/** What the state map says of a store. Version 2 has a feed, so that no program that knows of none writes past it. */
interface StoreEntry {
  readonly id: number;
  readonly feed?: Feed | undefined;
}

function entryEffect(name: string, { id, feed }: StoreEntry): Effect {
  const entry = feed ? { v: 2, id, feed } : { v: 1, id };
  return { kind: 'put', key: storeKey(name), value: encoder.encode(JSON.stringify(entry)) };
}

function decodeEntry(value: Uint8Array): StoreEntry {
  const stored = JSON.parse(decoder.decode(value)) as StoreEntry & { v: number };
  if (stored.v !== 1 && stored.v !== 2) {
    throw new Error(`store entry has format version ${stored.v}, this program reads 1 and 2`);
  }
  return { id: stored.id, feed: stored.v === 2 ? stored.feed : undefined };
}
