/**
 * Consumer groups of both protocols, and those that have only committed: members, what each partition lacks.
 *
 * Not seeking (group-seek.ts). To remember: lag counts offsets up to the high watermark, whatever the reader's isolation;
 * of a topic that is gone there is none.
 */

import { rowsOf } from '../broker/consumer-groups/partitions.ts';
import { decodeConsumerProtocolAssignment } from '../broker/protocol/gen/consumer-protocol-assignment.gen.ts';
import { ProtocolError } from '../broker/protocol/protocol-error.ts';
import { Reader } from '../broker/protocol/reader.ts';
import type { Watermarks } from '../log/types.ts';
import { groupIds } from '../metrics/groups.ts';
import { allMarks } from '../metrics/partition-marks.ts';
import type { GroupMember, GroupPartition, GroupRow, GroupsView, GroupView } from './api.ts';
import { ConsoleError, type ConsoleParts, type Query, textOf } from './parts.ts';

/** Marks of every partition, by topic and number. */
export type MarksByPartition = ReadonlyMap<string, Watermarks>;

export function marksByPartition({ server }: ConsoleParts): MarksByPartition {
  const all = allMarks(server.engine, server.broker.context.catalogue);
  return new Map(all.map(({ topic, partition, marks }) => [`${topic.name}/${partition}`, marks]));
}

export function groups(parts: ConsoleParts): GroupsView {
  const marks = marksByPartition(parts);
  return { groups: groupIds(parts.server.broker.context).map((id) => rowOf(parts, id, marks)) };
}

export function group(parts: ConsoleParts, query: Query): GroupView {
  const id = textOf(query, 'group');
  const { context } = parts.server.broker;
  if (!groupIds(context).includes(id)) throw new ConsoleError(404, `there is no group ${id}`);
  const memberList = membersOf(parts, id);
  const marks = marksByPartition(parts);
  const protocol = context.consumerGroups.get(id)?.assignor ?? context.groups.get(id)?.protocolName ?? '';
  return { ...rowOf(parts, id, marks), protocol, memberList, partitions: partitionsOf(parts, id, memberList, marks) };
}

function rowOf({ server }: ConsoleParts, id: string, marks: MarksByPartition): GroupRow {
  const { consumerGroups, groups: classic, offsets } = server.broker.context;
  const newer = consumerGroups.get(id);
  const older = classic.get(id);
  let lag = 0;
  const committed = offsets.ofGroup(id);
  for (const [topic, partitions] of committed) {
    for (const [partition, { offset }] of partitions) lag += lagOf(marks.get(`${topic}/${partition}`), offset) ?? 0;
  }
  return {
    group: id,
    kind: newer ? 'consumer' : older && !older.isIdle ? 'classic' : 'offsets',
    state: newer?.state ?? older?.state ?? 'Empty',
    members: newer?.members.size ?? older?.members.size ?? 0,
    topics: committed.size,
    lag,
  };
}

function lagOf(marks: Watermarks | undefined, offset: number): number | null {
  return marks ? Math.max(0, marks.highWatermark - offset) : null;
}

function membersOf({ server }: ConsoleParts, id: string): GroupMember[] {
  const { consumerGroups, groups: classic, catalogue } = server.broker.context;
  const newer = consumerGroups.get(id);
  if (newer) {
    return Array.from(newer.members.values(), (member) => ({
      id: member.id,
      clientId: member.clientId,
      host: member.clientHost,
      instanceId: member.instanceId,
      partitions: rowsOf(member.assigned).flatMap(({ topicId, partitions }) => {
        const topic = catalogue.byId(topicId);
        return topic ? [{ topic: topic.name, partitions: [...partitions] }] : [];
      }),
    }));
  }
  const older = classic.get(id);
  return Array.from(older?.members.values() ?? [], (member) => ({
    id: member.id,
    clientId: member.clientId,
    host: member.clientHost,
    instanceId: member.instanceId,
    partitions: older?.protocolType === 'consumer' ? assignmentIn(member.assignment) : [],
  }));
}

/** What a leader has assigned; bytes that are not what they claim mean nothing that could be shown. */
function assignmentIn(bytes: Uint8Array): GroupMember['partitions'] {
  if (bytes.length === 0) return [];
  try {
    const reader = new Reader(bytes);
    const version = reader.int16();
    const { assignedPartitions } = decodeConsumerProtocolAssignment(reader, Math.max(0, Math.min(version, 3)));
    return assignedPartitions.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }));
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}

function partitionsOf(
  { server }: ConsoleParts,
  id: string,
  members: readonly GroupMember[],
  marks: MarksByPartition,
): GroupPartition[] {
  const owners = new Map<string, { topic: string; partition: number; member: string }>();
  for (const { id: member, partitions: assigned } of members) {
    for (const { topic, partitions } of assigned) {
      for (const partition of partitions) owners.set(`${topic}/${partition}`, { topic, partition, member });
    }
  }
  const rows: GroupPartition[] = [];
  for (const [topic, partitions] of server.broker.context.offsets.ofGroup(id)) {
    for (const [partition, { offset, committedMs }] of partitions) {
      const name = `${topic}/${partition}`;
      const of = marks.get(name);
      const member = owners.get(name)?.member ?? null;
      owners.delete(name);
      const ends = { start: of?.logStart ?? null, end: of?.highWatermark ?? null, lag: lagOf(of, offset) };
      rows.push({ topic, partition, committed: offset, committedMs, ...ends, member });
    }
  }
  for (const [name, { topic, partition, member }] of owners) {
    const of = marks.get(name);
    const ends = { start: of?.logStart ?? null, end: of?.highWatermark ?? null, lag: null };
    rows.push({ topic, partition, committed: null, committedMs: null, ...ends, member });
  }
  return rows.sort((left, right) =>
    left.topic === right.topic ? left.partition - right.partition : left.topic < right.topic ? -1 : 1,
  );
}
