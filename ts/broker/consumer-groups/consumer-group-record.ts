/**
 * What of a newer group survives the process: an entry of the group itself, and one of each member.
 *
 * Not when it is written (consumer-group-store.ts). To remember: an entry of a member says what it has and since when, what
 * it has yet to give back and what it shall have, so that after kill -9 no partition is given to two, and the same commits
 * are good as before.
 */

import { type AssignmentEpochs, epochOf } from './assignment-epochs.ts';
import type { ConsumerMember, MemberState } from './consumer-member.ts';
import { PartitionSet, type Partitions, rowsOf } from './partitions.ts';

/** The group itself. */
export interface ConsumerGroupRecord {
  readonly epoch: number;
  readonly assignmentEpoch: number;
  /** A digest of the topics that the last assignment was made for. */
  readonly topicsSeen: string;
  /** Wall time (ms) since when it has no members; -1 while it has some. */
  readonly emptySinceMs: number;
}

/** A member with what it shall have in the end; which topics match its subscription is found out anew. */
export interface ConsumerMemberRecord {
  readonly member: Omit<ConsumerMember, 'topics'>;
  readonly target: Partitions;
}

const VERSION = 1;
const STATES: readonly string[] = ['stable', 'revoking', 'waiting'] satisfies MemberState[];

export function encodeConsumerGroup(record: ConsumerGroupRecord): string {
  return JSON.stringify({ v: VERSION, ...record });
}

/** Undoes `encodeConsumerGroup`. Throws on a version it does not read. */
export function decodeConsumerGroup(text: string): ConsumerGroupRecord {
  const { epoch, assignmentEpoch, topicsSeen, emptySinceMs } = parsed(text);
  return { epoch, assignmentEpoch, topicsSeen, emptySinceMs } as unknown as ConsumerGroupRecord;
}

export function encodeConsumerMember({ member, target }: ConsumerMemberRecord): string {
  const { assigned, revoking, since, ...rest } = member;
  const sets = { assigned: rowsSince(assigned, since), revoking: rowsSince(revoking, since), target: rowsOf(target) };
  return JSON.stringify({ v: VERSION, ...rest, ...sets });
}

/** Undoes `encodeConsumerMember`. Throws on a version it does not read, and on a member in no known state. */
export function decodeConsumerMember(text: string): ConsumerMemberRecord {
  const { v: _, assigned, revoking, target, ...rest } = parsed(text);
  if (!STATES.includes(rest.state as string)) throw new Error(`a member of a group is ${rest.state}`);
  const since = epochsOf([...(assigned as Row[]), ...(revoking as Row[])], rest.epoch as number);
  const member = { ...rest, assigned: partitionsOf(assigned), revoking: partitionsOf(revoking), since };
  return { member: member as unknown as ConsumerMemberRecord['member'], target: partitionsOf(target) };
}

/** Partitions of one topic, and since which epoch a member has each of them. */
interface Row {
  readonly topicId: string;
  readonly partitions: readonly number[];
  /** Missing in what was written before there were any: since the member's own epoch then. */
  readonly epochs?: readonly number[];
}

function rowsSince(partitions: Partitions, since: AssignmentEpochs): Row[] {
  return rowsOf(partitions).map(({ topicId, partitions: numbers }) => ({
    topicId,
    partitions: numbers,
    epochs: numbers.map((partition) => epochOf(since, topicId, partition) ?? 0),
  }));
}

function epochsOf(rows: readonly Row[], memberEpoch: number): AssignmentEpochs {
  const epochs = new Map<string, Map<number, number>>();
  for (const { topicId, partitions, epochs: known } of rows) {
    const ofTopic = epochs.get(topicId) ?? new Map<number, number>();
    epochs.set(topicId, ofTopic);
    for (const [index, partition] of partitions.entries()) {
      // A static member that pauses has a negative epoch.
      ofTopic.set(partition, known?.[index] ?? Math.max(memberEpoch, 0));
    }
  }
  return epochs;
}

function parsed(text: string): Record<string, unknown> {
  const stored = JSON.parse(text) as Record<string, unknown>;
  if (stored.v !== VERSION) {
    throw new Error(`group entry has format version ${stored.v}, this program reads ${VERSION}`);
  }
  return stored;
}

function partitionsOf(rows: unknown): Partitions {
  const set = new PartitionSet();
  for (const { topicId, partitions } of rows as readonly Row[]) {
    for (const partition of partitions) set.add(topicId, partition);
  }
  return set.value;
}
