/**
 * The watermarks of every partition of a server, for metrics.
 *
 * Not one partition's (ts/log/start-position.ts). To remember: a server may have 100,000 partitions, so they are asked for
 * in runs of a thousand a call.
 */

import type { NodeEngine } from '../io/engine.ts';
import { Code, Isolation } from '../io/native-types.ts';
import type { Topic, TopicCatalogue } from '../log/catalogue.ts';
import { watermarksOf } from '../log/start-position.ts';
import type { Watermarks } from '../log/types.ts';

/** One partition with its watermarks. */
export interface PartitionMarks {
  readonly topic: Topic;
  readonly partition: number;
  readonly marks: Watermarks;
}

const RUN = 1000;

/** All partitions by topic name, then number. One that is deleted meanwhile is left out. */
export function allMarks(engine: NodeEngine, catalogue: TopicCatalogue): PartitionMarks[] {
  return marksOf(
    engine,
    [...catalogue.all()].sort((left, right) => (left.name < right.name ? -1 : 1)),
  );
}

/** All partitions of `topics`, in their order. One that is deleted meanwhile is left out. */
export function marksOf(engine: NodeEngine, topics: readonly Topic[]): PartitionMarks[] {
  const places = topics.flatMap((topic) => topic.partitions.map((id, partition) => ({ topic, partition, id })));
  const found: PartitionMarks[] = [];
  for (let from = 0; from < places.length; from += RUN) {
    const run = places.slice(from, from + RUN);
    const answers = engine.readable(run.map(({ id }) => requestOf(id)));
    for (const [index, { topic, partition, id }] of run.entries()) {
      const marks = answers[index] as Watermarks;
      if (marks.code === Code.ok) found.push({ topic, partition, marks });
      // Its log begins behind offset 0: records were deleted.
      else if (marks.code === Code.offsetOutOfRange) found.push({ topic, partition, marks: trimmed(engine, id) });
    }
  }
  return found;
}

function requestOf(partition: number) {
  return { partition, offset: 0, maxBytes: 0, isolation: Isolation.readUncommitted, leaderEpoch: -1 };
}

function trimmed(engine: NodeEngine, id: number): Watermarks {
  return watermarksOf(engine, id, Isolation.readUncommitted);
}
