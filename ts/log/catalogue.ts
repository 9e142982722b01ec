/**
 * The topic catalogue: which topics exist, their ids, their engine partitions, their settings.
 *
 * Not the partitions' data, and not what a setting means: settings are text here. To remember: the state map is the
 * truth and this class its cache. A change is one atomic frame. A new topic shows when that frame is durable, so it is
 * complete the moment it is visible and survives a power cut (kafka.md rule 48); a deleted one is hidden when its frame
 * is submitted, because from then on its partitions are gone; an altered one is shown as it was until the frame is durable.
 */

import { randomUUID } from 'node:crypto';
import type { CodeNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import { partitionCounterKey, topicKey, topicPrefix } from './state-keys.ts';
import { collisionName } from './topic-name.ts';
import type { Effect, Engine } from './types.ts';

/** One topic. Never changed in place: a change of settings or partitions makes a new object. */
export interface Topic {
  readonly name: string;
  /** Random, 16 bytes as 32 hex digits, never all zero; a re-created topic has another one (rule 54). */
  readonly id: string;
  /** Engine partition id of each partition, by index. Ids are never used twice. */
  readonly partitions: readonly number[];
  /** Settings that were given explicitly, by Kafka's names. */
  readonly config: ReadonlyMap<string, string>;
  readonly createdMs: number;
}

/** What a topic is to be. `partitions` is at least 1. */
export interface TopicSpec {
  name: string;
  partitions: number;
  config: ReadonlyMap<string, string>;
}

/** How a change of the catalogue ended; `code` is the engine's reason when `kind` is `failed`. */
export type CatalogueOutcome =
  | { kind: 'done'; topic: Topic }
  | { kind: 'exists'; topic: Topic }
  | { kind: 'unknown' }
  | { kind: 'failed'; code: CodeNumber };

type Done = (outcome: CatalogueOutcome) => void;

/** What happened to a topic, told to listeners after the cache has changed. */
export type CatalogueChange =
  | { kind: 'created'; topic: Topic }
  | { kind: 'altered'; topic: Topic; before: Topic }
  | { kind: 'deleted'; topic: Topic };

/** What a topic is to become: all its settings, and its number of partitions, which never shrinks. */
export interface TopicAlteration {
  config: ReadonlyMap<string, string>;
  partitions: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** What the catalogue needs of an engine. */
export type CatalogueEngine = Pick<Engine, 'submit' | 'scanState'>;

const known = new WeakMap<CatalogueEngine, TopicCatalogue>();

/** The catalogue of one engine. */
export class TopicCatalogue {
  readonly #engine: CatalogueEngine;
  readonly #newId: () => string;
  readonly #now: () => number;
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<string, Topic>();
  readonly #byCollision = new Map<string, string>();
  /** Names with a change on its way to the disk, and who waits for its end. */
  readonly #changing = new Map<string, (() => void)[]>();
  readonly #listeners = new Set<(change: CatalogueChange) => void>();
  #nextPartition = 1;

  /** Reads all topics from the state map. `newId` yields 32 hex digits; `now` is wall time in ms. Throws on an entry it cannot read. */
  constructor(engine: CatalogueEngine, newId: () => string, now: () => number) {
    this.#engine = engine;
    this.#newId = newId;
    this.#now = now;
    for (const [, value] of engine.scanState(topicPrefix())) this.#publish(decodeTopic(value));
    const [counter] = engine.scanState(partitionCounterKey());
    if (counter) this.#nextPartition = decodeCounter(counter[1]);
    for (const { partitions } of this.#byName.values()) {
      const beyond = partitions.find((partition) => partition >= this.#nextPartition);
      if (beyond !== undefined) throw new Error(`partition ${beyond} lies beyond the counter of partition ids`);
    }
  }

  /** The catalogue that everybody on `engine` shares: always the same object. */
  static of(engine: CatalogueEngine): TopicCatalogue {
    let catalogue = known.get(engine);
    if (!catalogue) {
      catalogue = new TopicCatalogue(engine, () => randomUUID().replaceAll('-', ''), Date.now);
      known.set(engine, catalogue);
    }
    return catalogue;
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id);
  }

  /** All topics, in no order that means anything. */
  all(): IterableIterator<Topic> {
    return this.#byName.values();
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Topic and index of an engine partition; undefined when it was deleted. Looks through all topics: for people. */
  ownerOf(partition: number): { topic: Topic; index: number } | undefined {
    for (const topic of this.#byName.values()) {
      const index = topic.partitions.indexOf(partition);
      if (index >= 0) return { topic, index };
    }
    return undefined;
  }

  /** Whether `name` is a topic or is about to become one. */
  isTaken(name: string): boolean {
    return this.#byName.has(name) || this.#changing.has(name);
  }

  /** The topic, there or on its way, whose name equals `collision` when "." and "_" are made equal. */
  colliding(collision: string): string | undefined {
    return this.#byCollision.get(collision);
  }

  /** Calls `listener` after every change; returns how to stop it. */
  onChange(listener: (change: CatalogueChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Creates a topic; `done` runs once, when the change is durable or refused. When another change of the same name is
   * on its way, waits for its end first. The name and the settings must have been checked.
   */
  create(spec: TopicSpec, done: Done): void {
    const waiting = this.#changing.get(spec.name);
    if (waiting) {
      waiting.push(() => this.create(spec, done));
      return;
    }
    const existing = this.#byName.get(spec.name);
    if (existing) {
      done({ kind: 'exists', topic: existing });
      return;
    }
    const first = this.#nextPartition;
    this.#nextPartition += spec.partitions;
    const partitions = Array.from({ length: spec.partitions }, (_, index) => first + index);
    const topic: Topic = {
      name: spec.name,
      id: this.#newId(),
      partitions,
      config: new Map(spec.config),
      createdMs: this.#now(),
    };
    this.#byCollision.set(collisionName(spec.name), spec.name);
    const effects: Effect[] = partitions.map((partition) => ({ kind: 'createPartition', partition }));
    effects.push({ kind: 'put', key: partitionCounterKey(), value: encodeCounter(this.#nextPartition) });
    effects.push({ kind: 'put', key: topicKey(spec.name), value: encodeTopic(topic) });
    this.#change(spec.name, effects, topic, (outcome) => {
      if (outcome.kind === 'done') {
        this.#publish(topic);
        this.#tell({ kind: 'created', topic });
      } else {
        this.#byCollision.delete(collisionName(spec.name));
      }
      done(outcome);
    });
  }

  /**
   * Deletes a topic with all its data; `alsoInFrame` joins the same atomic frame (committed offsets of the topic).
   * `done` runs once, when the change is durable or refused.
   */
  delete(name: string, alsoInFrame: (topic: Topic) => readonly Effect[], done: Done): void {
    const waiting = this.#changing.get(name);
    if (waiting) {
      waiting.push(() => this.delete(name, alsoInFrame, done));
      return;
    }
    const topic = this.#byName.get(name);
    if (!topic) {
      done({ kind: 'unknown' });
      return;
    }
    const effects: Effect[] = topic.partitions.map((partition) => ({ kind: 'deletePartition', partition }));
    effects.push({ kind: 'delete', key: topicKey(name) }, ...alsoInFrame(topic));
    this.#withdraw(topic);
    this.#change(name, effects, topic, (outcome) => {
      if (outcome.kind === 'done') this.#tell({ kind: 'deleted', topic });
      else this.#publish(topic);
      done(outcome);
    });
  }

  /**
   * Changes settings or adds partitions. `decide` sees the topic as it stands when its turn has come, so that two changes
   * never undo each other; undefined leaves it as it is. `done` runs once, when the change is durable or refused.
   */
  alter(name: string, decide: (topic: Topic) => TopicAlteration | undefined, done: Done): void {
    const waiting = this.#changing.get(name);
    if (waiting) {
      waiting.push(() => this.alter(name, decide, done));
      return;
    }
    const before = this.#byName.get(name);
    if (!before) {
      done({ kind: 'unknown' });
      return;
    }
    const wanted = decide(before);
    if (!wanted) {
      done({ kind: 'done', topic: before });
      return;
    }
    const first = this.#nextPartition;
    const added = Array.from({ length: wanted.partitions - before.partitions.length }, (_, index) => first + index);
    this.#nextPartition += added.length;
    const topic: Topic = { ...before, partitions: [...before.partitions, ...added], config: new Map(wanted.config) };
    const effects: Effect[] = added.map((partition) => ({ kind: 'createPartition', partition }));
    if (added.length > 0) {
      effects.push({ kind: 'put', key: partitionCounterKey(), value: encodeCounter(this.#nextPartition) });
    }
    effects.push({ kind: 'put', key: topicKey(name), value: encodeTopic(topic) });
    this.#change(name, effects, topic, (outcome) => {
      if (outcome.kind === 'done') {
        this.#publish(topic);
        this.#tell({ kind: 'altered', topic, before });
      }
      done(outcome);
    });
  }

  #change(name: string, effects: readonly Effect[], topic: Topic, done: Done): void {
    const waiting: (() => void)[] = [];
    this.#changing.set(name, waiting);
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      this.#changing.delete(name);
      const code = failure !== Code.ok ? failure : firstRefusal(results);
      done(code === Code.ok ? { kind: 'done', topic } : { kind: 'failed', code });
      for (const next of waiting) next();
    });
  }

  #publish(topic: Topic): void {
    this.#byName.set(topic.name, topic);
    this.#byId.set(topic.id, topic);
    this.#byCollision.set(collisionName(topic.name), topic.name);
  }

  #withdraw(topic: Topic): void {
    this.#byName.delete(topic.name);
    this.#byId.delete(topic.id);
    this.#byCollision.delete(collisionName(topic.name));
  }

  #tell(change: CatalogueChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** The reason a frame was refused: the effect that failed itself, not those that fell with it. */
function firstRefusal(results: readonly { code: CodeNumber }[]): CodeNumber {
  const refused = results.filter((result) => result.code !== Code.ok);
  const own = refused.find((result) => result.code !== Code.refusedWithFrame) ?? refused[0];
  return own ? own.code : Code.ok;
}

function encodeTopic(topic: Topic): Uint8Array {
  const { name, id, partitions, createdMs } = topic;
  return encoder.encode(
    JSON.stringify({ v: 1, name, id, partitions, createdMs, config: Object.fromEntries(topic.config) }),
  );
}

function decodeTopic(value: Uint8Array): Topic {
  const stored = JSON.parse(decoder.decode(value)) as {
    v: number;
    name: string;
    id: string;
    partitions: number[];
    createdMs: number;
    config: Record<string, string>;
  };
  if (stored.v !== 1) throw new Error(`topic entry has format version ${stored.v}, this program reads 1`);
  const { name, id, partitions, createdMs } = stored;
  return { name, id, partitions, createdMs, config: new Map(Object.entries(stored.config)) };
}

function encodeCounter(next: number): Uint8Array {
  return encoder.encode(String(next));
}

function decodeCounter(value: Uint8Array): number {
  const next = Number(decoder.decode(value));
  if (!Number.isSafeInteger(next) || next < 0) throw new Error('counter entry is not a whole number');
  return next;
}
