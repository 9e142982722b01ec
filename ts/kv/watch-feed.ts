/**
 * Watching a store by its full-grade feed, the topic that every change is written to with the change itself.
 *
 * Not the records' format (feed-record.ts). To remember: a position is an offset, and stays good across
 * restarts for as long as the topic keeps its records.
 */

import { MillraceError } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { loadNative } from '../io/native.ts';
import { Isolation } from '../io/native-types.ts';
import { readBatches } from '../log/reader.ts';
import { type ReadTarget, watermarksOf } from '../log/start-position.ts';
import { changeOf } from './feed-record.ts';
import { type Feed, feedPartition } from './feeds.ts';
import type { RawChange } from './raw-change.ts';
import type { Store } from './store.ts';
import { type OffsetPosition, positionText } from './watch-position.ts';
import type { WatchIsolation } from './watch-window.ts';

/** What is read, and with what. */
export interface FeedSource {
  readonly engine: NodeEngine;
  readonly feed: Feed;
  readonly target: ReadTarget;
}

/** The feed of a store for reading; undefined when it has none. */
export function feedSource(store: Store, engine: NodeEngine): FeedSource | undefined {
  const { feeds } = store.stores;
  const feed = feeds.get(store.id);
  const topic = feed && feeds.topicOf(feed);
  if (!feed || !topic) return undefined;
  return { engine, feed, target: { topic: feed.topic, partition: 0, id: feedPartition(topic) } };
}

/** The position behind everything committed so far, or before everything the topic has. */
export function feedPosition({ engine, feed, target }: FeedSource, from: 'now' | 'earliest'): OffsetPosition {
  const { logEnd, logStart } = watermarksOf(engine, target.id, Isolation.readUncommitted);
  return { kind: 'offset', id: feed.id, offset: from === 'now' ? logEnd : logStart };
}

/** All changes from `start` on. Throws MILLRACE_FELL_BEHIND when the topic has dropped some of them. */
export async function* watchFeed(
  { engine, feed, target }: FeedSource,
  start: OffsetPosition,
  options: { readonly isolation: WatchIsolation; readonly follow: boolean; readonly signal: AbortSignal },
): AsyncGenerator<RawChange, void, undefined> {
  if (start.id !== feed.id) {
    throw new MillraceError('MILLRACE_FELL_BEHIND', 'the position is of a feed that the store had before');
  }
  const { isolation, follow, signal } = options;
  const source = { engine, binding: loadNative(), assertOpen: () => {}, onClose: () => () => {} };
  const batches = readBatches(source, [target], {
    from: { offset: start.offset },
    isolation: isolation === 'durable' ? 'durable' : 'read_uncommitted',
    follow,
    signal,
  });
  try {
    for await (const batch of batches) {
      for (const record of batch.records()) {
        const change = changeOf(record);
        if (!change) continue;
        const isLast = record.offset === batch.lastOffset;
        const position = positionText({ kind: 'offset', id: feed.id, offset: Number(record.offset) + 1 });
        yield { change, sequence: 0, isLast, isInitial: false, position };
      }
    }
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'MILLRACE_OFFSET_OUT_OF_RANGE') throw cause;
    throw new MillraceError('MILLRACE_FELL_BEHIND', 'the topic has dropped some of the changes', { cause });
  }
}
