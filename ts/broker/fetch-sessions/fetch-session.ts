/**
 * One incremental fetch session (KIP-227, rule 32): the partitions a client reads, and what it was last told of each.
 *
 * Not the cache of sessions, and not reading. The invariant to remember: what is cached is what has been told; a partition
 * is left out of an answer only when an answer before has told the same marks, without an error and without records.
 */

import type {
  FetchableTopicResponse,
  FetchPartition,
  FetchTopic,
  ForgottenTopic,
  PartitionData,
} from '../protocol/gen/01-fetch.gen.ts';

/** The epoch of the first fetch that continues a session. */
export const FIRST_EPOCH = 1;
const LAST_EPOCH = 2 ** 31 - 1;

/** Marks of a partition that was not told of yet, or that was told with an error: they equal no real ones. */
const UNTOLD = -1;

interface SessionPartition extends FetchPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly key: string;
  toldHighWatermark: number;
  toldLogStart: number;
}

/** The epoch after `epoch`; it wraps past 0, which begins sessions. */
export function nextEpoch(epoch: number): number {
  return epoch === LAST_EPOCH ? FIRST_EPOCH : epoch + 1;
}

export class FetchSession {
  readonly id: number;
  /** Whether topics are known by their ids (Fetch 13+) or by their names. */
  readonly usesIds: boolean;
  readonly createdMs: number;
  usedMs: number;
  /** What the next request of the session has to say. */
  epoch: number = FIRST_EPOCH;
  /** In the order in which they are read: who was given records goes to the end. */
  readonly #partitions = new Map<string, SessionPartition>();

  constructor(id: number, usesIds: boolean, nowMs: number) {
    this.id = id;
    this.usesIds = usesIds;
    this.createdMs = nowMs;
    this.usedMs = nowMs;
  }

  /** Number of partitions. */
  get size(): number {
    return this.#partitions.size;
  }

  /** Takes over what a request asks anew or differently, and lets go of what it forgets. */
  update(topics: readonly FetchTopic[], forgotten: readonly ForgottenTopic[]): void {
    for (const topic of topics) {
      for (const asked of topic.partitions) this.#want(topic, asked);
    }
    for (const topic of forgotten) {
      for (const partition of topic.partitions) this.#partitions.delete(this.#key(topic, partition));
    }
  }

  /** Everything the session reads, in order, as a request without a session would ask for it. */
  wanted(): FetchTopic[] {
    const topics: (FetchTopic & { partitions: SessionPartition[] })[] = [];
    for (const partition of this.#partitions.values()) {
      const { topic, topicId } = partition;
      const last = topics.at(-1);
      if (last !== undefined && last.topic === topic && last.topicId === topicId) last.partitions.push(partition);
      else topics.push({ topic, topicId, partitions: [partition] });
    }
    return topics;
  }

  /** Leaves of `responses` what is news to the client, and remembers that it was told. */
  news(responses: readonly FetchableTopicResponse[]): FetchableTopicResponse[] {
    const told: FetchableTopicResponse[] = [];
    for (const topic of responses) {
      const partitions = topic.partitions.filter((row) => this.#isNews(topic, row));
      if (partitions.length > 0) told.push({ ...topic, partitions });
    }
    return told;
  }

  #want(topic: Pick<FetchTopic, 'topic' | 'topicId'>, asked: FetchPartition): void {
    const key = this.#key(topic, asked.partition);
    const known = this.#partitions.get(key);
    if (known !== undefined) {
      Object.assign(known, asked);
      return;
    }
    const { topic: name, topicId } = topic;
    const partition = { ...asked, topic: name, topicId, key, toldHighWatermark: UNTOLD, toldLogStart: UNTOLD };
    this.#partitions.set(key, partition);
  }

  #isNews(topic: FetchableTopicResponse, row: PartitionData): boolean {
    const partition = this.#partitions.get(this.#key(topic, row.partitionIndex));
    // Forgotten by a later request: that one answers for the session now.
    if (partition === undefined) return true;
    const { errorCode = 0, records, highWatermark = UNTOLD, logStartOffset = UNTOLD } = row;
    const hasRecords = records !== null && records !== undefined && records.length > 0;
    const hasError = errorCode !== 0;
    const hasMoved = partition.toldHighWatermark !== highWatermark || partition.toldLogStart !== logStartOffset;
    partition.toldHighWatermark = hasError ? UNTOLD : highWatermark;
    partition.toldLogStart = logStartOffset;
    if (hasRecords) {
      this.#partitions.delete(partition.key);
      this.#partitions.set(partition.key, partition);
    }
    return hasRecords || hasError || hasMoved;
  }

  #key(topic: { readonly topic?: string; readonly topicId?: string }, partition: number): string {
    return `${this.usesIds ? topic.topicId : topic.topic}/${partition}`;
  }
}
