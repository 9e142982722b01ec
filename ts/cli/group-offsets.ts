/**
 * What a consumer group has committed, beside where its topics end: the ground of `group describe` and `group seek`.
 *
 * Invariant: a lag is the high watermark minus the committed offset of the same look; -1 stands for "none committed".
 */
import { listOffsetsApi } from '../broker/protocol/gen/02-list-offsets.gen.ts';
import { offsetFetchApi } from '../broker/protocol/gen/09-offset-fetch.gen.ts';
import { check } from './kafka-names.ts';
import type { Session } from './session.ts';
import { latestOffset } from './topic-description.ts';

/** One partition a group has committed an offset for. */
export interface CommittedPartition {
  readonly topic: string;
  readonly partition: number;
  /** The next record the group wants. */
  readonly committed: number;
  /** End of what readers see; -1 when the topic is gone. */
  readonly highWatermark: number;
  readonly lag: number;
}

/** Everything `group` has committed, by topic and partition. */
export async function committedOffsets(session: Session, group: string): Promise<CommittedPartition[]> {
  const fetched = await session.send(offsetFetchApi, {
    groupId: group,
    topics: null,
    groups: [],
    requireStable: false,
  });
  check(fetched.errorCode, `group ${group}`);
  const known = fetched.topics.flatMap(({ name, partitions }) => {
    return partitions.flatMap(({ partitionIndex, committedOffset, errorCode }) => {
      return errorCode === 0 && committedOffset >= 0
        ? [{ topic: name, partition: partitionIndex, committedOffset }]
        : [];
    });
  });
  const ends = await highWatermarks(session, known);
  return known
    .map(({ topic, partition, committedOffset }) => {
      const highWatermark = ends.get(`${topic}/${partition}`) ?? -1;
      const lag = highWatermark < 0 ? -1 : Math.max(highWatermark - committedOffset, 0);
      return { topic, partition, committed: committedOffset, highWatermark, lag };
    })
    .sort((left, right) => compare(left.topic, right.topic) || left.partition - right.partition);
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

async function highWatermarks(
  session: Session,
  wanted: readonly { topic: string; partition: number }[],
): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map();
  const topics = new Map<string, { partition: number }[]>();
  for (const one of wanted) topics.set(one.topic, [...(topics.get(one.topic) ?? []), one]);
  const response = await session.send(listOffsetsApi, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [...topics].map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition }) => {
        return { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: latestOffset };
      }),
    })),
  });
  return new Map(
    response.topics.flatMap(({ name, partitions }) => {
      return partitions.flatMap(({ partitionIndex, offset, errorCode }) => {
        return errorCode === 0 ? [[`${name}/${partitionIndex}`, offset] as const] : [];
      });
    }),
  );
}
