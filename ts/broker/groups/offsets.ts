/**
 * Committed offsets of all groups: a cache of the `offset/...` entries of the state map.
 *
 * Not who may commit (group.ts decides). To remember: an offset is visible here only once its frame is durable, so a
 * group that reads its position back after a power cut sees nothing older than what it was told. An embedded reader on
 * the same engine commits into the same entries, and this cache hears of it.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { decodeStoredOffset, encodeStoredOffset, onCommitted, type StoredOffset } from '../../log/committed-offset.ts';
import { offsetKey, offsetPrefix, parseOffsetKey } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';

/** One partition of a commit. */
export interface OffsetCommit {
  topic: string;
  partition: number;
  committed: StoredOffset;
}

type Partitions = Map<number, StoredOffset>;
type Topics = Map<string, Partitions>;

/** The committed offsets of one engine. */
export class CommittedOffsets {
  readonly #engine: Engine;
  readonly #groups = new Map<string, Topics>();
  readonly #stopListening: () => void;

  /** Reads all committed offsets from the state map. Throws on an entry it cannot read. */
  constructor(engine: Engine) {
    this.#engine = engine;
    for (const [key, value] of engine.scanState(offsetPrefix())) {
      const name = parseOffsetKey(key);
      if (!name) throw new Error('state map holds an offset entry with a key that is none');
      this.#store(name.group, name.topic, name.partition, decodeStoredOffset(value));
    }
    this.#stopListening = onCommitted(engine, ({ group, topic, partition, stored }) => {
      this.#store(group, topic, partition, stored);
    });
  }

  /** Stops following what others commit. */
  close(): void {
    this.#stopListening();
  }

  /** Stores the offsets of one request in one atomic frame; `done` runs when they are durable, or with the reason why not. */
  commit(group: string, commits: readonly OffsetCommit[], done: (code: CodeNumber) => void): void {
    const effects: Effect[] = commits.map(({ topic, partition, committed }) => ({
      kind: 'put',
      key: offsetKey(group, topic, partition),
      value: encodeStoredOffset(committed),
    }));
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const refused = results.find((result) => result.code !== Code.ok);
      const code = failure !== Code.ok ? failure : (refused?.code ?? Code.ok);
      if (code === Code.ok) {
        for (const { topic, partition, committed } of commits) this.#store(group, topic, partition, committed);
      }
      done(code);
    });
  }

  /** Offsets that became durable with the frame of a transaction. */
  applied(group: string, commits: readonly OffsetCommit[]): void {
    for (const { topic, partition, committed } of commits) this.#store(group, topic, partition, committed);
  }

  get(group: string, topic: string, partition: number): StoredOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition);
  }

  /** Everything a group has committed: topic -> partition -> offset. */
  ofGroup(group: string): ReadonlyMap<string, ReadonlyMap<number, StoredOffset>> {
    return this.#groups.get(group) ?? NOTHING;
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Names of all groups that have committed something. */
  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /**
   * Deletes the offsets of `group` that `isMeant` names, in one frame; `done` runs when that is durable, or with the
   * reason why not. Nothing is written when there are none.
   */
  delete(
    group: string,
    isMeant: (topic: string, committed: StoredOffset, partition: number) => boolean,
    done: (code: CodeNumber) => void,
  ): void {
    const meant: { topic: string; partition: number; committed: StoredOffset }[] = [];
    for (const [topic, partitions] of this.ofGroup(group)) {
      for (const [partition, committed] of partitions) {
        if (isMeant(topic, committed, partition)) meant.push({ topic, partition, committed });
      }
    }
    if (meant.length === 0) {
      done(Code.ok);
      return;
    }
    const effects: Effect[] = meant.map(({ topic, partition }) => ({
      kind: 'delete',
      key: offsetKey(group, topic, partition),
    }));
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const code = failure !== Code.ok ? failure : (results[0]?.code ?? Code.ok);
      if (code === Code.ok) {
        for (const { topic, partition, committed } of meant) this.#drop(group, topic, partition, committed);
      }
      done(code);
    });
  }

  /** The effects that delete every group's offsets of `topic`; call `forgetTopic` once their frame is durable. */
  effectsOfDeleting(topic: string): Effect[] {
    const effects: Effect[] = [];
    for (const [group, topics] of this.#groups) {
      for (const partition of topics.get(topic)?.keys() ?? []) {
        effects.push({ kind: 'delete', key: offsetKey(group, topic, partition) });
      }
    }
    return effects;
  }

  /** Drops the offsets of a topic that is gone; returns the groups that have none left. */
  forgetTopic(topic: string): string[] {
    const emptied: string[] = [];
    for (const [group, topics] of this.#groups) {
      if (!topics.delete(topic) || topics.size > 0) continue;
      this.#groups.delete(group);
      emptied.push(group);
    }
    return emptied;
  }

  /** Forgets an offset unless it was committed again meanwhile. */
  #drop(group: string, topic: string, partition: number, committed: StoredOffset): void {
    const topics = this.#groups.get(group);
    const partitions = topics?.get(topic);
    if (!topics || partitions?.get(partition) !== committed) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(group);
  }

  #store(group: string, topic: string, partition: number, committed: StoredOffset): void {
    const topics: Topics = this.#groups.get(group) ?? new Map();
    const partitions: Partitions = topics.get(topic) ?? new Map();
    partitions.set(partition, committed);
    topics.set(topic, partitions);
    this.#groups.set(group, topics);
  }
}

const NOTHING: ReadonlyMap<string, ReadonlyMap<number, StoredOffset>> = new Map();
