/**
 * Since which epoch a member has each of its partitions (KIP-1251), and what a commit of an older epoch may touch.
 *
 * Not who has what (consumer-member.ts). The invariant to remember: a partition that a member keeps, also while it has yet
 * to give it back, keeps its epoch; one that comes, or comes back, has the epoch it came in. So a commit that was under way
 * while a heartbeat raised the epoch is good, and one from before somebody else had the partition is not.
 */

import { each, has, type Partitions } from './partitions.ts';

/** Epochs by topic id and partition. */
export type AssignmentEpochs = ReadonlyMap<string, ReadonlyMap<number, number>>;

export const NO_EPOCHS: AssignmentEpochs = new Map();

/** The epoch since which a partition is the member's; undefined when it is not. */
export function epochOf(epochs: AssignmentEpochs, topicId: string, partition: number): number | undefined {
  return epochs.get(topicId)?.get(partition);
}

/** Epochs of all partitions in `sets`: of those in `kept` as they were in `before`, of the others `epoch`. */
export function movedEpochs(
  before: AssignmentEpochs,
  kept: Partitions,
  sets: readonly Partitions[],
  epoch: number,
): AssignmentEpochs {
  const epochs = new Map<string, Map<number, number>>();
  for (const set of sets) {
    for (const [topicId, partition] of each(set)) {
      const known = has(kept, topicId, partition) ? epochOf(before, topicId, partition) : undefined;
      const ofTopic = epochs.get(topicId) ?? new Map<number, number>();
      epochs.set(topicId, ofTopic.set(partition, known ?? epoch));
    }
  }
  return epochs;
}
