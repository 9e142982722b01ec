/**
 * What readers of a topic see on the wire: `min.isolation`, and the marks that they are told.
 *
 * To remember: a topic of isolation `durable` ends for its readers where a completed flush ends, whatever they ask for, so
 * none of them has ever seen what a power cut takes; read_committed bounds it further.
 */

import { MillraceError } from '../../errors.ts';
import { Isolation } from '../../io/native-types.ts';
import type { Topic, TopicCatalogue } from '../../log/catalogue.ts';
import { watermarksOf } from '../../log/start-position.ts';
import type { Engine, Watermarks } from '../../log/types.ts';
import type { BrokerSettings } from '../settings.ts';

const READ_COMMITTED = 1;

/** What a reader asks for, and what its topic makes of it. */
export interface ShownIsolation {
  readonly isCommitted: boolean;
  readonly isDurable: boolean;
}

/** The isolation of reads of a topic, by what the request asks for. */
export function shownIsolation(settings: BrokerSettings, topic: Topic | undefined, asked: number): ShownIsolation {
  const isDurable = topic !== undefined && settings.limitsOf(topic).showsDurableOnly;
  return { isCommitted: asked === READ_COMMITTED, isDurable };
}

/**
 * The engine's isolation for a read in this turn. What is both committed and durable is bounded by whichever of both ends
 * comes first, and no end moves within a turn: it costs two more crossings.
 */
export function isolationNow(engine: Engine, partition: number, { isCommitted, isDurable }: ShownIsolation): number {
  if (!isDurable) return isCommitted ? Isolation.readCommitted : Isolation.readUncommitted;
  if (!isCommitted) return Isolation.durable;
  const marks = marksIfThere(engine, partition);
  return marks && marks.lastStable < marks.durable ? Isolation.readCommitted : Isolation.durable;
}

/** Undefined when the partition or the engine is gone, perhaps while a fetch was parked: the read itself says so then. */
function marksIfThere(engine: Engine, partition: number): Watermarks | undefined {
  try {
    return watermarksOf(engine, partition, Isolation.readCommitted);
  } catch (error) {
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

/** The ends that a reader is told. */
export function shownEnds(
  { highWatermark, lastStable, durable }: Watermarks,
  { isDurable }: ShownIsolation,
): Pick<Watermarks, 'highWatermark' | 'lastStable'> {
  if (!isDurable) return { highWatermark, lastStable };
  return { highWatermark: Math.min(highWatermark, durable), lastStable: Math.min(lastStable, durable) };
}

/** Tells `wake` of partitions of such topics whose durable end may have moved, until the returned function is called. */
export function wakeByDurable(
  engine: Engine,
  catalogue: TopicCatalogue,
  settings: BrokerSettings,
  wake: (partitions: readonly number[]) => void,
): () => void {
  let partitions = new Set<number>();
  let stop: (() => void) | undefined;
  const moved = (all: Iterable<number>): void => {
    const ours = [...all].filter((one) => partitions.has(one));
    if (ours.length > 0) wake(ours);
  };
  const look = (): void => {
    const topics = [...catalogue.all()].filter((topic) => settings.limitsOf(topic).showsDurableOnly);
    partitions = new Set(topics.flatMap((topic) => topic.partitions));
    if (partitions.size > 0) stop ??= engine.onDurable(moved);
    else {
      stop?.();
      stop = undefined;
    }
  };
  look();
  const stops = [
    settings.onAlter(look),
    catalogue.onChange((change) => {
      const isNow = change.kind !== 'deleted' && settings.limitsOf(change.topic).showsDurableOnly;
      const was = change.topic.partitions.some((one) => partitions.has(one));
      if (!isNow && !was) return;
      look();
      // Who waits behind the end that was told until now may have it at once.
      wake(change.topic.partitions);
    }),
  ];
  return () => {
    for (const one of stops) one();
    stop?.();
  };
}
