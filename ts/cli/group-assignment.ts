/**
 * What members of a consumer group tell each other: subscriptions and assignments in Kafka's consumer protocol, and the
 * range assignor. Pure.
 *
 * Invariant: every partition of every topic goes to exactly one member that subscribes to the topic.
 */
import {
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../broker/protocol/gen/consumer-protocol-assignment.gen.ts';
import {
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolSubscription,
} from '../broker/protocol/gen/consumer-protocol-subscription.gen.ts';
import { Reader } from '../broker/protocol/reader.ts';
import { Writer } from '../broker/protocol/writer.ts';

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Version both messages are written in: every client reads it. */
const version = 0;

/** The metadata a member joins with. */
export function encodeSubscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.int16(version);
  encodeConsumerProtocolSubscription(writer, version, { topics: [...topics], userData: null });
  return writer.bytes();
}

/** The topics another member subscribes to. */
export function decodeSubscription(metadata: Uint8Array): string[] {
  const reader = new Reader(metadata);
  return decodeConsumerProtocolSubscription(reader, Math.min(reader.int16(), 3)).topics;
}

export function encodeAssignment(assigned: readonly TopicPartitions[]): Uint8Array {
  const writer = new Writer();
  writer.int16(version);
  encodeConsumerProtocolAssignment(writer, version, { assignedPartitions: assigned, userData: null });
  return writer.bytes();
}

/** What the leader gave this member; an empty answer means nothing. */
export function decodeAssignment(bytes: Uint8Array): TopicPartitions[] {
  if (bytes.length === 0) return [];
  const reader = new Reader(bytes);
  return decodeConsumerProtocolAssignment(reader, Math.min(reader.int16(), 3)).assignedPartitions;
}

/** Kafka's range assignor: per topic, members in order of their ids get runs of partitions, the first ones one more. */
export function assignRange(
  members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[],
  topics: readonly TopicPartitions[],
): Map<string, TopicPartitions[]> {
  const subscribed = members.map(({ memberId, metadata }) => ({
    memberId,
    topics: new Set(decodeSubscription(metadata)),
  }));
  subscribed.sort((left, right) => (left.memberId < right.memberId ? -1 : 1));
  const assigned = new Map<string, TopicPartitions[]>(members.map(({ memberId }) => [memberId, []]));
  for (const { topic, partitions } of topics) {
    const takers = subscribed.filter((member) => member.topics.has(topic));
    const sorted = [...partitions].sort((left, right) => left - right);
    const each = Math.floor(sorted.length / takers.length);
    const extra = sorted.length % takers.length;
    let at = 0;
    for (const [index, taker] of takers.entries()) {
      const count = each + (index < extra ? 1 : 0);
      if (count > 0) assigned.get(taker.memberId)?.push({ topic, partitions: sorted.slice(at, at + count) });
      at += count;
    }
  }
  return assigned;
}
