/**
 * Committed offsets of all groups: a cache of the `offset/...` entries of the state map.
 *
 * Not who may commit (group.ts decides). To remember: an offset is visible here only once its frame is durable, so a
 * group that reads its position back after a power cut sees nothing older than what it was told.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { offsetKey, offsetPrefix, parseOffsetKey } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';

/** What a group has committed for one partition. */
export interface CommittedOffset {
  readonly offset: number;
  /** -1 when the client did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall time, ms. */
  readonly committedMs: number;
  /** Wall time, ms, when the client itself said how long to keep it (OffsetCommit 2-4). */
  readonly expiresMs?: number;
}

/** One partition of a commit. */
export interface OffsetCommit {
  topic: string;
  partition: number;
  committed: CommittedOffset;
}

type Partitions = Map<number, CommittedOffset>;
type Topics = Map<string, Partitions>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The committed offsets of one engine. */
export class CommittedOffsets {
  readonly #engine: Engine;
  readonly #groups = new Map<string, Topics>();

  /** Reads all committed offsets from the state map. Throws on an entry it cannot read. */
  constructor(engine: Engine) {
    this.#engine = engine;
    for (const [key, value] of engine.scanState(offsetPrefix())) {
      const name = parseOffsetKey(key);
      if (!name) throw new Error('state map holds an offset entry with a key that is none');
      this.#store(name.group, name.topic, name.partition, decodeOffset(value));
    }
  }

  /** Stores the offsets of one request in one atomic frame; `done` runs when they are durable, or with the reason why not. */
  commit(group: string, commits: readonly OffsetCommit[], done: (code: CodeNumber) => void): void {
    const effects: Effect[] = commits.map(({ topic, partition, committed }) => ({
      kind: 'put',
      key: offsetKey(group, topic, partition),
      value: encodeOffset(committed),
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

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition);
  }

  /** Everything a group has committed: topic -> partition -> offset. */
  ofGroup(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(group) ?? NOTHING;
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Names of all groups that have committed something. */
  groups(): IterableIterator<string> {
    return this.#groups.keys();
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

  /** Drops the offsets of a topic that is gone. */
  forgetTopic(topic: string): void {
    for (const [group, topics] of this.#groups) {
      topics.delete(topic);
      if (topics.size === 0) this.#groups.delete(group);
    }
  }

  #store(group: string, topic: string, partition: number, committed: CommittedOffset): void {
    const topics: Topics = this.#groups.get(group) ?? new Map();
    const partitions: Partitions = topics.get(topic) ?? new Map();
    partitions.set(partition, committed);
    topics.set(topic, partitions);
    this.#groups.set(group, topics);
  }
}

const NOTHING: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> = new Map();

function encodeOffset(committed: CommittedOffset): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, ...committed }));
}

function decodeOffset(value: Uint8Array): CommittedOffset {
  const stored = JSON.parse(decoder.decode(value)) as CommittedOffset & { v: number };
  if (stored.v !== 1) throw new Error(`offset entry has format version ${stored.v}, this program reads 1`);
  const { offset, leaderEpoch, metadata, committedMs, expiresMs } = stored;
  const committed = { offset, leaderEpoch, metadata, committedMs };
  return expiresMs === undefined ? committed : { ...committed, expiresMs };
}
