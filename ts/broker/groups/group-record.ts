/**
 * What of a group survives the process: the stored form of a completed rebalance.
 *
 * Not who waits and not which timers run: after a start nobody waits and every session begins anew. To remember: names may
 * hold lone surrogates (bytes that are no UTF-8), which JSON keeps.
 */

import type { MemberProtocol } from './member.ts';

/** One member, as it stood when the rebalance completed. */
export interface MemberRecord {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocols: readonly MemberProtocol[];
  readonly assignment: Uint8Array;
}

/** One group. Without members it is empty, since a time that the coordinator knows. */
export interface GroupRecord {
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leaderId: string | null;
  readonly members: readonly MemberRecord[];
}

/** A group with the wall time (ms) since when it has been empty; -1 while it has members. */
export interface StoredGroup {
  readonly record: GroupRecord;
  readonly emptySinceMs: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const VERSION = 1;

/** The value behind a `groupKey`. */
export function encodeStoredGroup({ record, emptySinceMs }: StoredGroup): Uint8Array {
  const members = record.members.map((member) => ({
    ...member,
    protocols: member.protocols.map(({ name, metadata }) => ({ name, metadata: base64(metadata) })),
    assignment: base64(member.assignment),
  }));
  return encoder.encode(JSON.stringify({ v: VERSION, emptySinceMs, ...record, members }));
}

/** Undoes `encodeStoredGroup`. Throws on a version it does not read. */
export function decodeStoredGroup(value: Uint8Array): StoredGroup {
  const stored = JSON.parse(decoder.decode(value));
  if (stored.v !== VERSION) {
    throw new Error(`group entry has format version ${stored.v}, this program reads ${VERSION}`);
  }
  const members = (stored.members as EncodedMember[]).map((member) => ({
    ...member,
    protocols: member.protocols.map(({ name, metadata }) => ({ name, metadata: bytes(metadata) })),
    assignment: bytes(member.assignment),
  }));
  const { generation, protocolType, protocolName, leaderId, emptySinceMs } = stored;
  return { record: { generation, protocolType, protocolName, leaderId, members }, emptySinceMs };
}

type EncodedMember = Omit<MemberRecord, 'protocols' | 'assignment'> & {
  protocols: { name: string; metadata: string }[];
  assignment: string;
};

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

function bytes(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, 'base64'));
}
