/**
 * One member of a group of the newer protocol (KIP-848), and the step that brings it nearer to what it shall have.
 *
 * Not the group. The invariant to remember: a partition is given to a member only when no other member has it, or still
 * has to give it back; a member reaches the epoch of the target only when it holds nothing that is not its own there.
 */

import { type AssignmentEpochs, movedEpochs } from './assignment-epochs.ts';
import { count, has, intersects, NO_PARTITIONS, only, type Partitions, union } from './partitions.ts';

/**
 * `revoking`: the member has to say that it no longer owns what was taken from it. `waiting`: it has all it could get, and
 * others have yet to let go of the rest. `stable`: it has what it shall have.
 */
export type MemberState = 'stable' | 'revoking' | 'waiting';

export interface ConsumerMember {
  readonly id: string;
  readonly instanceId: string | null;
  rackId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  assignor: string | null;
  topicNames: readonly string[];
  /** As the client wrote it; empty for none. */
  topicPattern: string;
  /** Names of topics it reads and that exist: those named, and those that match. */
  topics: ReadonlySet<string>;
  epoch: number;
  previousEpoch: number;
  state: MemberState;
  assigned: Partitions;
  /** Taken away, but not yet given back. */
  revoking: Partitions;
  /** Since when it has each of these, also those it has yet to give back. */
  since: AssignmentEpochs;
}

/** What the target assignment says of one member. */
export interface Target {
  readonly epoch: number;
  readonly partitions: Partitions;
  /** Whether another member has a partition, or has yet to give it back. */
  isTaken(topicId: string, partition: number): boolean;
}

/** Moves `member` on, as far as it can go now. `owned` is what it says it has; null when it does not say. */
export function reconcile(member: ConsumerMember, target: Target, owned: Partitions | null): void {
  switch (member.state) {
    case 'stable':
      if (member.epoch !== target.epoch) advance(member, member.epoch, target, owned);
      return;
    case 'revoking':
      if (owned === null || intersects(owned, member.revoking)) return;
      member.revoking = NO_PARTITIONS;
      advance(member, member.epoch, target, owned);
      return;
    case 'waiting':
      advance(member, member.epoch, target, owned);
  }
}

function advance(member: ConsumerMember, epoch: number, target: Target, owned: Partitions | null): void {
  const { partitions, isTaken } = target;
  const kept = only(member.assigned, (topicId, partition) => has(partitions, topicId, partition));
  const lost = only(member.assigned, (topicId, partition) => !has(partitions, topicId, partition));
  if (lost.size > 0 && (owned === null || intersects(owned, lost))) {
    move(member, epoch, 'revoking', kept, lost);
    return;
  }
  const missing = only(partitions, (topicId, partition) => !has(kept, topicId, partition));
  const free = only(missing, (topicId, partition) => !isTaken(topicId, partition));
  move(member, target.epoch, count(free) === count(missing) ? 'stable' : 'waiting', union(kept, free), NO_PARTITIONS);
}

function move(member: ConsumerMember, epoch: number, state: MemberState, has: Partitions, gives: Partitions): void {
  if (epoch !== member.epoch) member.previousEpoch = member.epoch;
  member.since = movedEpochs(member.since, member.assigned, [has, gives], epoch);
  member.epoch = epoch;
  member.state = state;
  member.assigned = has;
  member.revoking = gives;
}
