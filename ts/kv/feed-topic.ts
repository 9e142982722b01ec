/**
 * Giving a store its full-grade feed, and taking it away.
 *
 * Not what is written to it (feeds.ts). To remember: the topic is durable before the store's entry names it, and the entry
 * names it by its id.
 */

import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import type { CodeNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import { type CatalogueOutcome, type Topic, TopicCatalogue } from '../log/catalogue.ts';
import { topicNameProblem } from '../log/topic-name.ts';
import type { Stores } from './stores.ts';

/** How the topic of a feed is made. */
export interface FeedOptions {
  /** Kafka's settings by name (`retention.ms`), stored when the topic is created. */
  config?: Readonly<Record<string, string>> | undefined;
}

/** See `Kv.setFeed`. */
export async function beginFeed(stores: Stores, name: string, topicName: string, options: FeedOptions): Promise<void> {
  const store = stores.get(name);
  if (!store) throw new MillraceError('MILLRACE_UNKNOWN_STORE', name);
  const before = stores.feeds.get(store.id);
  if (before && stores.feeds.topicOf(before)) {
    if (before.topic === topicName) return;
    throw new MillraceError('MILLRACE_ARGUMENT', `the changes of ${name} go to ${before.topic}: end that first`);
  }
  const { id } = await topicFor(stores, topicName, options);
  await setFeed(stores, name, { topic: topicName, id });
}

/** See `Kv.endFeed`. */
export async function endFeed(stores: Stores, name: string): Promise<void> {
  const store = stores.get(name);
  if (!store) throw new MillraceError('MILLRACE_UNKNOWN_STORE', name);
  if (stores.feeds.get(store.id)) await setFeed(stores, name, undefined);
}

async function setFeed(stores: Stores, name: string, feed: Parameters<Stores['setFeed']>[1]): Promise<void> {
  const code = await new Promise<CodeNumber>((resolve) => stores.setFeed(name, feed, resolve));
  if (code !== Code.ok) throw fromCode(code);
}

/** Compaction would drop the records without a key that say that all keys are gone, and bring those back. */
function assertKeeps(topic: string, config: ReadonlyMap<string, string>): void {
  if (!config.get('cleanup.policy')?.includes('compact')) return;
  throw new MillraceError('MILLRACE_OPTION', `${topic} is compacted, which a feed cannot be`);
}

async function topicFor(stores: Stores, name: string, { config = {} }: FeedOptions): Promise<Topic> {
  const problem = topicNameProblem(name);
  if (problem) throw new MillraceError('MILLRACE_INVALID_TOPIC', problem);
  const catalogue = TopicCatalogue.of(stores.engine);
  assertKeeps(name, catalogue.get(name)?.config ?? new Map(Object.entries(config)));
  const outcome = await new Promise<CatalogueOutcome>((resolve) => {
    catalogue.create({ name, partitions: 1, config: new Map(Object.entries(config)) }, resolve);
  });
  if (outcome.kind === 'failed') throw fromCode(outcome.code);
  if (outcome.kind === 'unknown') throw new MillraceError('MILLRACE_UNKNOWN_TOPIC', name);
  const { topic } = outcome;
  if (topic.partitions.length !== 1) {
    throw new MillraceError('MILLRACE_TOPIC_EXISTS', `${name} has ${topic.partitions.length} partitions, a feed has 1`);
  }
  return topic;
}
