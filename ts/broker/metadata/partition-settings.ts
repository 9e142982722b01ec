/**
 * What a topic's settings mean for its partitions in the engine: retention, segments, flushing.
 *
 * Not their execution. To remember: the engine forgets them when it closes, so they are declared at every start, and
 * again for every topic that is made or changed.
 */

import type { Topic, TopicCatalogue } from '../../log/catalogue.ts';
import type { CompactionRules, Engine, FlushPolicy, PartitionSettings } from '../../log/types.ts';
import type { BrokerSettings } from '../settings.ts';

/** The largest number that crosses the boundary; Kafka's "never" lies beyond it. */
const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * Settings of a topic's partitions. `value` yields the value in force of a topic key, `given` what was asked for since
 * the engine started, `policies` its cleanup policies.
 */
export function partitionSettings(
  given: ReadonlyMap<string, string>,
  value: (name: string) => string,
  policies: readonly string[],
): PartitionSettings {
  const deletes = policies.includes('delete');
  const limit = (name: string): number | undefined => {
    const number = Number(value(name));
    return number < 0 || number > LARGEST ? undefined : number;
  };
  const retentionMs = deletes ? limit('retention.ms') : undefined;
  const retentionBytes = deletes ? limit('retention.bytes') : undefined;
  const segmentMs = limit('segment.ms');
  const timestampBeforeMs = limit('message.timestamp.before.max.ms');
  const timestampAfterMs = limit('message.timestamp.after.max.ms');
  const flush = flushOf(given);
  const compact = policies.includes('compact') ? compactionOf(value, limit) : undefined;
  return {
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(retentionBytes === undefined ? {} : { retentionBytes }),
    ...(segmentMs === undefined ? {} : { segmentMs }),
    ...(timestampBeforeMs === undefined ? {} : { timestampBeforeMs }),
    ...(timestampAfterMs === undefined ? {} : { timestampAfterMs }),
    ...(given.has('segment.bytes') ? { segmentBytes: Number(given.get('segment.bytes')) } : {}),
    ...(flush === undefined ? {} : { flush }),
    ...(compact === undefined ? {} : { compact }),
  };
}

/** How a compacted topic is compacted. A limit beyond what crosses the boundary is as good as the largest. */
function compactionOf(value: (name: string) => string, limit: (name: string) => number | undefined): CompactionRules {
  const lagMaxMs = limit('max.compaction.lag.ms');
  return {
    dirtyRatio: Number(value('min.cleanable.dirty.ratio')),
    deleteRetentionMs: limit('delete.retention.ms') ?? LARGEST,
    lagMinMs: limit('min.compaction.lag.ms') ?? LARGEST,
    ...(lagMaxMs === undefined ? {} : { lagMaxMs }),
  };
}

/** The flush policy that was asked for; undefined: the server's holds. */
function flushOf(given: ReadonlyMap<string, string>): FlushPolicy | undefined {
  const [messages, ms] = [given.get('flush.messages'), given.get('flush.ms')];
  if (messages === undefined && ms === undefined) return undefined;
  const [records, intervalMs] = [Number(messages ?? LARGEST), Number(ms ?? LARGEST)];
  if (records === 1 || intervalMs === 0) return 'always';
  if (records >= LARGEST && intervalMs >= LARGEST) return 'os';
  return {
    ...(records < LARGEST ? { records } : {}),
    ...(intervalMs < LARGEST ? { intervalMs } : {}),
  };
}

/** Declares the settings of all topics, and of what they share, and anew what is made or changed, until the returned function is called. */
export function declareSettings(engine: Engine, catalogue: TopicCatalogue, settings: BrokerSettings): () => void {
  const declare = (topic: Topic) => {
    engine.configurePartitions(topic.partitions, settings.limitsOf(topic).partitions);
  };
  const declareAll = () => {
    engine.setIndexInterval(settings.number('log.index.interval.bytes'));
    for (const topic of catalogue.all()) declare(topic);
  };
  declareAll();
  const stops = [
    settings.onAlter(declareAll),
    catalogue.onChange((change) => {
      if (change.kind !== 'deleted') declare(change.topic);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
