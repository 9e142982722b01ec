/**
 * One member of a consumer group, and what it supports.
 *
 * Not its connection: a member lives in its group until it leaves or its session ends, whatever becomes of sockets. To
 * remember: protocol bytes are opaque (rule 40); the broker compares them and hands them on.
 */

/** One assignment protocol a member can follow, most wanted first in its list. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** Who waits for the answer of a join or sync; opaque to the group, performed by the coordinator. */
export type Waiter = unknown;

/** State of one member inside its group. Only `group.ts` changes it. */
export interface Member {
  id: string;
  /** Set for static members (rule 38). */
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly MemberProtocol[];
  assignment: Uint8Array;
  /** The JoinGroup that waits for the rebalance to complete. */
  joining: Waiter | undefined;
  /** The SyncGroup that waits for the leader's assignment. */
  syncing: Waiter | undefined;
  /** True until its first rebalance completes. */
  isNew: boolean;
}

/** Whether two lists name the same protocols with the same bytes in the same order. */
export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((protocol, index) => {
    const other = b[index];
    return other !== undefined && protocol.name === other.name && sameBytes(protocol.metadata, other.metadata);
  });
}

/** Names of the protocols every one of `members` lists; empty when there is none. */
export function commonProtocols(members: Iterable<Member>): Set<string> {
  let common: Set<string> | undefined;
  for (const member of members) {
    const listed = new Set(member.protocols.map((protocol) => protocol.name));
    if (common === undefined) common = listed;
    else for (const name of common) if (!listed.has(name)) common.delete(name);
  }
  return common ?? new Set();
}

/** The protocol most members want among those all of them list: each votes for the first of its own list. */
export function electProtocol(members: Iterable<Member>): string | undefined {
  const list = [...members];
  const candidates = commonProtocols(list);
  const votes = new Map<string, number>();
  for (const member of list) {
    const choice = member.protocols.find((protocol) => candidates.has(protocol.name));
    if (choice) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let winner: string | undefined;
  for (const [name, count] of votes) if (winner === undefined || count > (votes.get(winner) ?? 0)) winner = name;
  return winner;
}

/** What a member told the others about itself under the chosen protocol. */
export function metadataFor(member: Member, protocol: string): Uint8Array {
  return member.protocols.find((candidate) => candidate.name === protocol)?.metadata ?? NO_BYTES;
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
