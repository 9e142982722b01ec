/**
 * What goes into a group's state machine and what comes out of it.
 *
 * Not the Kafka messages: versions of the wire end in the handlers. To remember: the machine has no clock, no randomness
 * and no socket; new member ids come in with the event, replies and timers go out as effects.
 */

import type { ErrorNumber } from '../protocol/error-codes.ts';
import type { GroupRecord } from './group-record.ts';
import type { MemberProtocol, Waiter } from './member.ts';

/** A JoinGroup request. */
export interface JoinEvent {
  waiter: Waiter;
  /** Empty for a member that has no id yet. */
  memberId: string;
  /** The id to give to a member that has none; unique for ever. */
  newMemberId: string;
  instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocolType: string;
  protocols: readonly MemberProtocol[];
  /** v4+: a dynamic member without an id is told one and joins again with it (rule 37). */
  requireKnownMember: boolean;
  /** v9+: a static leader that comes back is told to keep the assignment. */
  canSkipAssignment: boolean;
}

/** A SyncGroup request. `protocolType` and `protocolName` are null before v5. */
export interface SyncEvent {
  waiter: Waiter;
  memberId: string;
  instanceId: string | null;
  generation: number;
  protocolType: string | null;
  protocolName: string | null;
  assignments: readonly { memberId: string; assignment: Uint8Array }[];
}

/** Who sends a heartbeat or a commit. */
export interface MemberClaim {
  memberId: string;
  instanceId: string | null;
  generation: number;
  /** A commit as part of a transaction: old producers do not say who of the group they work for. */
  isTransactional?: true;
}

export interface JoinResult {
  error: ErrorNumber;
  memberId: string;
  generation: number;
  protocolType: string | null;
  protocolName: string | null;
  leaderId: string;
  skipAssignment: boolean;
  /** All members for the leader, empty for everybody else. */
  members: { memberId: string; instanceId: string | null; metadata: Uint8Array }[];
}

export interface SyncResult {
  error: ErrorNumber;
  protocolType: string | null;
  protocolName: string | null;
  assignment: Uint8Array;
}

/** `session` has one timer per member; `rebalance` and `sync` have one per group and an empty member id. */
export type GroupTimer = 'session' | 'rebalance' | 'sync';

export type GroupEffect =
  | { kind: 'joinReply'; waiter: Waiter; result: JoinResult }
  | { kind: 'syncReply'; waiter: Waiter; result: SyncResult }
  /** Keep `record`; then, if `token` is not 0, say so by `stored(token, ...)`. */
  | { kind: 'store'; token: number; record: GroupRecord }
  | { kind: 'setTimer'; timer: GroupTimer; memberId: string; delayMs: number }
  | { kind: 'cancelTimer'; timer: GroupTimer; memberId: string };

/** Settings of all groups, by Kafka's names. */
export interface GroupSettings {
  /** group.initial.rebalance.delay.ms: how long an empty group waits for more members; 0 = not at all (rule 41). */
  initialRebalanceDelayMs: number;
  minSessionTimeoutMs: number;
  maxSessionTimeoutMs: number;
  maxSize: number;
  /** How long a new member may wait in its first join before it is taken for dead. */
  newMemberJoinTimeoutMs: number;
}
