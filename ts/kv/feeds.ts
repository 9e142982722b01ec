/**
 * Which stores write their changes to a topic, and how: the records go into the same frame as the change.
 *
 * Not the records' format (feed-record.ts) and not reading them (kv-watch.ts). The invariant to remember: a feed has every
 * change from the frame that turned it on to the frame that turned it off, because each is in the change's own frame, in one partition: in the order of
 * commits. A feed whose topic is deleted is turned off by the next frame of its store.
 */

import { loadNative } from '../io/native.ts';
import type { Topic, TopicCatalogue } from '../log/catalogue.ts';
import { type BatchTools, BatchWriter } from '../log/record-batch.ts';
import type { Effect } from '../log/types.ts';
import { recordOf } from './feed-record.ts';

/** A topic that a store's changes go to. */
export interface Feed {
  readonly topic: string;
  /** The topic's id: another topic of the same name is not the feed. */
  readonly id: string;
}

/** Bytes of a batch up to which one buffer serves all. */
const KEPT_BYTES = 256 * 1024;

/** The engine's id of the partition that has the feed: the first, whatever is added to it. */
export function feedPartition({ partitions }: Topic): number {
  return partitions[0] as number;
}

/** The feeds of one engine's stores. */
export class Feeds {
  readonly #byStore = new Map<number, Feed>();
  readonly #catalogue: () => TopicCatalogue;
  /** The effect that takes the feed out of a store's entry in the state map. */
  readonly #withoutFeed: (store: number) => Effect | undefined;
  #writer: BatchWriter | undefined;

  constructor(catalogue: () => TopicCatalogue, withoutFeed: (store: number) => Effect | undefined) {
    this.#catalogue = catalogue;
    this.#withoutFeed = withoutFeed;
  }

  get(store: number): Feed | undefined {
    return this.#byStore.get(store);
  }

  /** From the next frame on, changes of `store` go to `feed`. */
  set(store: number, feed: Feed): void {
    this.#byStore.set(store, feed);
  }

  delete(store: number): void {
    this.#byStore.delete(store);
  }

  /** The topic of a feed; undefined when it was deleted. */
  topicOf(feed: Feed): Topic | undefined {
    return this.#catalogue().byId(feed.id);
  }

  /** `effects` with the records of those stores that have a feed; the very same array when none has. */
  extend(effects: readonly Effect[]): readonly Effect[] {
    if (this.#byStore.size === 0) return effects;
    const batches = new Map<number, BatchWriter>();
    const more: Effect[] = [];
    for (const effect of effects) {
      if (!('store' in effect)) continue;
      const feed = this.#byStore.get(effect.store);
      if (!feed) continue;
      const topic = this.topicOf(feed);
      if (!topic) {
        this.#end(effect.store, more);
        continue;
      }
      const record = recordOf(effect);
      if (!record) continue;
      const partition = feedPartition(topic);
      const writer = batches.get(partition) ?? this.#begin(batches.size);
      batches.set(partition, writer);
      writer.add(record, Date.now());
    }
    for (const [partition, writer] of batches) more.push(finished(partition, writer));
    return more.length === 0 ? effects : [...effects, ...more];
  }

  #end(store: number, more: Effect[]): void {
    this.#byStore.delete(store);
    const effect = this.#withoutFeed(store);
    if (effect) more.push(effect);
  }

  /** An empty batch; the first of a frame is always made in the same buffer. */
  #begin(before: number): BatchWriter {
    const tools: BatchTools = loadNative();
    if (before > 0 || (this.#writer && this.#writer.bytes.length > KEPT_BYTES)) return new BatchWriter(tools);
    this.#writer ??= new BatchWriter(tools);
    this.#writer.begin();
    return this.#writer;
  }
}

/** The append of a finished batch, in bytes of its own. */
function finished(partition: number, writer: BatchWriter): Effect {
  const end = writer.finish();
  return { kind: 'append', partition, bytes: Buffer.from(writer.bytes.subarray(0, end)), start: 0, end };
}
