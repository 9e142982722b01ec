/**
 * The classic group protocol of one group: members, generations, rebalances (kafka.md rules 37-42).
 *
 * Not committed offsets and not timers: events in, effects out. To remember: a member's parked join or sync is answered
 * exactly once, and whenever the state is `PreparingRebalance` the rebalance timer runs. Nobody is told an assignment, or
 * a new id of a static member, that is not stored: a restarted broker knows whatever its members know.
 *
 *   Empty --first join--> PreparingRebalance --all joined or time--> CompletingRebalance --sync stored--> Stable
 *     ^                      |   ^                                      |                                    |
 *     +------ nobody left ---+   +---- join with news, leave, expiry ---+------------------------------------+
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type {
  GroupEffect,
  GroupSettings,
  GroupTimer,
  JoinEvent,
  JoinResult,
  MemberClaim,
  SyncEvent,
  SyncResult,
} from './events.ts';
import type { GroupRecord } from './group-record.ts';
import {
  commonProtocols,
  electProtocol,
  type Member,
  metadataFor,
  NO_BYTES,
  sameProtocols,
  type Waiter,
} from './member.ts';

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

/** One group. Every method appends what is to be done to `out`. */
export class Group {
  readonly id: string;
  state: GroupState = 'Empty';
  generation = 0;
  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  readonly members: Map<string, Member> = new Map();
  /** Ids given out by MEMBER_ID_REQUIRED that have not joined with them yet. */
  readonly pendingMembers: Set<string> = new Set();
  readonly #settings: GroupSettings;
  readonly #staticIds = new Map<string, string>();
  readonly #pendingSync = new Set<string>();
  #syncTimerRuns = false;
  #lastToken = 0;
  /** What goes on once a record is stored, by token. */
  readonly #storing = new Map<number, (error: ErrorNumber, out: GroupEffect[]) => void>();
  /** The generation whose assignment is on its way to the store. */
  #assigning = -1;
  /** Set while an empty group gathers its first members. */
  #gathering: { remainingMs: number; grew: boolean } | undefined;

  constructor(id: string, settings: GroupSettings) {
    this.id = id;
    this.#settings = settings;
  }

  /** Takes over what an earlier process stored: sessions start anew, nobody has to join again. For a fresh group only. */
  restore(record: GroupRecord, out: GroupEffect[]): void {
    const { generation, protocolType, protocolName, leaderId, members } = record;
    Object.assign(this, { generation, protocolType, protocolName, leaderId });
    for (const stored of members) {
      const member: Member = { ...stored, joining: undefined, syncing: undefined, isNew: false };
      this.members.set(member.id, member);
      if (member.instanceId !== null) this.#staticIds.set(member.instanceId, member.id);
      this.#session(member, out);
    }
    this.state = members.length > 0 ? 'Stable' : 'Empty';
  }

  /** The record of a `store` effect with this token is durable (`error` NONE), or could not be stored. */
  stored(token: number, error: ErrorNumber, out: GroupEffect[]): void {
    const goOn = this.#storing.get(token);
    this.#storing.delete(token);
    goOn?.(error, out);
  }

  /** Nobody is in it or about to be. */
  get isIdle(): boolean {
    return this.members.size === 0 && this.pendingMembers.size === 0;
  }

  join(event: JoinEvent, out: GroupEffect[]): void {
    const refusal = this.#joinRefusal(event);
    if (refusal !== ErrorCode.NONE) {
      this.#refuseJoin(event.waiter, event.memberId, refusal, out);
      return;
    }
    if (event.memberId === '') {
      this.#joinWithoutId(event, out);
      return;
    }
    if (this.pendingMembers.delete(event.memberId)) {
      this.#add(event, event.memberId, out);
      return;
    }
    this.#rejoin(event, out);
  }

  sync(event: SyncEvent, out: GroupEffect[]): void {
    const refusal = this.#syncRefusal(event);
    const member = this.members.get(event.memberId);
    if (refusal !== ErrorCode.NONE || !member) {
      const error = refusal === ErrorCode.NONE ? ErrorCode.UNKNOWN_MEMBER_ID : refusal;
      out.push({ kind: 'syncReply', waiter: event.waiter, result: failedSync(error) });
      return;
    }
    this.#pendingSync.delete(member.id);
    if (this.#pendingSync.size === 0) this.#stopSyncTimer(out);
    if (this.state === 'Stable') {
      this.#session(member, out);
      out.push({ kind: 'syncReply', waiter: event.waiter, result: this.#syncResult(member) });
      return;
    }
    this.#endSync(member, ErrorCode.REBALANCE_IN_PROGRESS, out);
    member.syncing = event.waiter;
    this.#stopSession(member.id, out);
    if (member.id === this.leaderId && this.#assigning !== this.generation)
      this.#storeAssignment(event.assignments, out);
  }

  /** The answer to a heartbeat; keeps the session alive unless the sender is not a member. */
  heartbeat(claim: MemberClaim, out: GroupEffect[]): ErrorNumber {
    const refusal = this.#claimRefusal(claim);
    if (refusal !== ErrorCode.NONE) return refusal;
    const member = this.members.get(claim.memberId);
    if (member) this.#session(member, out);
    return this.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
  }

  /** Whether a commit may be stored (rule 42); one from a member counts as a heartbeat. */
  commit(claim: MemberClaim, out: GroupEffect[]): ErrorNumber {
    if (claim.generation < 0 && this.state === 'Empty') return ErrorCode.NONE;
    if (claim.generation < 0 && claim.memberId === '' && claim.instanceId === null) {
      return claim.isTransactional ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
    }
    const refusal = this.#claimRefusal(claim);
    if (refusal !== ErrorCode.NONE) return refusal;
    if (this.state === 'CompletingRebalance' && !claim.isTransactional) return ErrorCode.REBALANCE_IN_PROGRESS;
    const member = this.members.get(claim.memberId);
    if (member) this.#session(member, out);
    return ErrorCode.NONE;
  }

  /** One member leaves; static members may be named by instance id alone. */
  leave(memberId: string, instanceId: string | null, out: GroupEffect[]): ErrorNumber {
    if (instanceId === null && this.pendingMembers.delete(memberId)) {
      this.#stopSession(memberId, out);
      if (this.state === 'PreparingRebalance') this.#tryCompleteJoin(out);
      return ErrorCode.NONE;
    }
    const known = instanceId === null ? memberId : this.#staticIds.get(instanceId);
    if (known === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    if (memberId !== '' && known !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
    const member = this.members.get(known);
    if (!member) return ErrorCode.UNKNOWN_MEMBER_ID;
    this.#remove(member, ErrorCode.UNKNOWN_MEMBER_ID, out);
    this.#afterRemoval(out);
    return ErrorCode.NONE;
  }

  /** The session timer of a member, or of a reserved id, has run out. */
  sessionExpired(memberId: string, out: GroupEffect[]): void {
    if (this.pendingMembers.delete(memberId)) {
      if (this.state === 'PreparingRebalance') this.#tryCompleteJoin(out);
      return;
    }
    const member = this.members.get(memberId);
    if (!member) return;
    this.#remove(member, ErrorCode.UNKNOWN_MEMBER_ID, out);
    this.#afterRemoval(out);
  }

  /** The time for joining is over: whoever has not joined is out, except static members. */
  rebalanceExpired(out: GroupEffect[]): void {
    if (this.state !== 'PreparingRebalance') return;
    const gathering = this.#gathering;
    if (gathering?.grew && gathering.remainingMs > 0) {
      const delayMs = Math.min(this.#settings.initialRebalanceDelayMs, gathering.remainingMs);
      gathering.grew = false;
      gathering.remainingMs -= delayMs;
      out.push({ kind: 'setTimer', timer: 'rebalance', memberId: '', delayMs });
      return;
    }
    this.#completeJoin(out);
  }

  /** The time for syncing is over: whoever has not synced is out. */
  syncExpired(out: GroupEffect[]): void {
    this.#syncTimerRuns = false;
    if (this.#pendingSync.size === 0) return;
    for (const id of [...this.#pendingSync]) {
      const member = this.members.get(id);
      if (member) this.#remove(member, ErrorCode.UNKNOWN_MEMBER_ID, out);
    }
    this.#afterRemoval(out);
  }

  /** This node stops coordinating: everybody who waits is told to look for the coordinator again. */
  abandon(out: GroupEffect[]): void {
    for (const member of this.members.values()) {
      this.#endJoin(member, ErrorCode.NOT_COORDINATOR, out);
      this.#endSync(member, ErrorCode.NOT_COORDINATOR, out);
    }
  }

  #joinRefusal(event: JoinEvent): ErrorNumber {
    if (event.protocolType === '' || event.protocols.length === 0) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    if (!this.#fits(event)) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
    if (event.memberId === '') {
      const returns = event.instanceId !== null && this.#staticIds.has(event.instanceId);
      return returns || this.#hasRoom() ? ErrorCode.NONE : ErrorCode.GROUP_MAX_SIZE_REACHED;
    }
    if (this.pendingMembers.has(event.memberId)) {
      return event.instanceId === null ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
    }
    return this.#identityRefusal(event.memberId, event.instanceId);
  }

  /** Whether the others and the newcomer share a protocol; a member that joins again is not one of the others. */
  #fits(event: JoinEvent): boolean {
    if (this.members.size === 0) return true;
    if (this.protocolType !== event.protocolType) return false;
    const self = event.memberId !== '' ? event.memberId : this.#staticIds.get(event.instanceId ?? '');
    const others = [...this.members.values()].filter((member) => member.id !== self);
    const common = commonProtocols(others);
    return others.length === 0 || event.protocols.some((protocol) => common.has(protocol.name));
  }

  #hasRoom(): boolean {
    return this.members.size + this.pendingMembers.size < this.#settings.maxSize;
  }

  #identityRefusal(memberId: string, instanceId: string | null): ErrorNumber {
    if (instanceId !== null) {
      const holder = this.#staticIds.get(instanceId);
      if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
      if (holder !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
  }

  #claimRefusal(claim: MemberClaim): ErrorNumber {
    const refusal = this.#identityRefusal(claim.memberId, claim.instanceId);
    if (refusal !== ErrorCode.NONE) return refusal;
    return claim.generation === this.generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION;
  }

  #syncRefusal(event: SyncEvent): ErrorNumber {
    const refusal = this.#claimRefusal(event);
    if (refusal !== ErrorCode.NONE) return refusal;
    const wrongType = event.protocolType !== null && event.protocolType !== this.protocolType;
    const wrongName = event.protocolName !== null && event.protocolName !== this.protocolName;
    if (this.state === 'PreparingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS;
    return wrongType || wrongName ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.NONE;
  }

  #joinWithoutId(event: JoinEvent, out: GroupEffect[]): void {
    const staticId = event.instanceId === null ? undefined : this.#staticIds.get(event.instanceId);
    const returning = staticId === undefined ? undefined : this.members.get(staticId);
    if (returning) {
      this.#replaceStatic(returning, event, out);
      return;
    }
    if (event.instanceId !== null || !event.requireKnownMember) {
      this.#add(event, event.newMemberId, out);
      return;
    }
    this.pendingMembers.add(event.newMemberId);
    this.#setTimer('session', event.newMemberId, event.sessionTimeoutMs, out);
    this.#refuseJoin(event.waiter, event.newMemberId, ErrorCode.MEMBER_ID_REQUIRED, out);
  }

  #add(event: JoinEvent, id: string, out: GroupEffect[]): void {
    const member: Member = {
      id,
      instanceId: event.instanceId,
      clientId: event.clientId,
      clientHost: event.clientHost,
      sessionTimeoutMs: event.sessionTimeoutMs,
      rebalanceTimeoutMs: event.rebalanceTimeoutMs,
      protocols: event.protocols,
      assignment: NO_BYTES,
      joining: event.waiter,
      syncing: undefined,
      isNew: true,
    };
    if (this.members.size === 0) this.protocolType = event.protocolType;
    this.members.set(id, member);
    this.leaderId ??= id;
    if (event.instanceId !== null) this.#staticIds.set(event.instanceId, id);
    this.#setTimer('session', id, this.#settings.newMemberJoinTimeoutMs, out);
    if (this.#gathering) this.#gathering.grew = true;
    this.#startRebalance(out);
  }

  /** A member that has its id joins again (rule 39). */
  #rejoin(event: JoinEvent, out: GroupEffect[]): void {
    const member = this.members.get(event.memberId) as Member;
    const unchanged = sameProtocols(member.protocols, event.protocols);
    const answerNow =
      unchanged && (this.state === 'CompletingRebalance' || (this.state === 'Stable' && member.id !== this.leaderId));
    if (answerNow) {
      this.#session(member, out);
      out.push({ kind: 'joinReply', waiter: event.waiter, result: this.#joinResult(member) });
      return;
    }
    this.#update(member, event);
    this.#park(member, event.waiter, out);
    this.#startRebalance(out);
  }

  /** A static member comes back without its id: it gets a new one, the old id is fenced at once (rule 38). */
  #replaceStatic(member: Member, event: JoinEvent, out: GroupEffect[]): void {
    const oldId = member.id;
    const oldLeader = this.leaderId;
    const unchanged = sameProtocols(member.protocols, event.protocols);
    this.#endJoin(member, ErrorCode.FENCED_INSTANCE_ID, out);
    this.#endSync(member, ErrorCode.FENCED_INSTANCE_ID, out);
    this.#stopSession(oldId, out);
    this.members.delete(oldId);
    member.id = event.newMemberId;
    this.members.set(member.id, member);
    this.#staticIds.set(event.instanceId as string, member.id);
    if (this.#pendingSync.delete(oldId)) this.#pendingSync.add(member.id);
    if (this.leaderId === oldId) this.leaderId = member.id;
    this.#update(member, event);
    if (this.state === 'Stable' && unchanged && electProtocol(this.members.values()) === this.protocolName) {
      this.#session(member, out);
      const result = this.#joinResult(member);
      if (!event.canSkipAssignment) {
        // An older client that was the leader must not assign again: it is told the leader is its former self.
        result.leaderId = oldLeader ?? '';
        result.members = [];
      }
      result.skipAssignment = event.canSkipAssignment && member.id === this.leaderId;
      this.#store(this.#record(), out, (error, later) => {
        if (error === ErrorCode.NONE) later.push({ kind: 'joinReply', waiter: event.waiter, result });
        else this.#refuseJoin(event.waiter, '', error, later);
      });
      return;
    }
    this.#park(member, event.waiter, out);
    this.#startRebalance(out);
  }

  #update(member: Member, event: JoinEvent): void {
    member.protocols = event.protocols;
    member.sessionTimeoutMs = event.sessionTimeoutMs;
    member.rebalanceTimeoutMs = event.rebalanceTimeoutMs;
    member.clientId = event.clientId;
    member.clientHost = event.clientHost;
  }

  /** Parks a join; while it waits the session does not run. A join it replaces is answered, so that no connection hangs. */
  #park(member: Member, waiter: Waiter, out: GroupEffect[]): void {
    this.#endJoin(member, ErrorCode.REBALANCE_IN_PROGRESS, out);
    member.joining = waiter;
    if (!member.isNew) this.#stopSession(member.id, out);
  }

  #startRebalance(out: GroupEffect[]): void {
    if (this.state === 'PreparingRebalance') {
      this.#tryCompleteJoin(out);
      return;
    }
    const first = this.state === 'Empty';
    this.#stopSyncTimer(out);
    this.#pendingSync.clear();
    for (const member of this.members.values()) {
      if (member.syncing === undefined) continue;
      this.#endSync(member, ErrorCode.REBALANCE_IN_PROGRESS, out);
      this.#session(member, out);
    }
    this.state = 'PreparingRebalance';
    const timeoutMs = this.#rebalanceTimeoutMs();
    const delayMs = Math.min(this.#settings.initialRebalanceDelayMs, timeoutMs);
    if (first && delayMs > 0) {
      this.#gathering = { remainingMs: timeoutMs - delayMs, grew: false };
      this.#setTimer('rebalance', '', delayMs, out);
      return;
    }
    if (first) {
      this.#completeJoin(out);
      return;
    }
    this.#setTimer('rebalance', '', timeoutMs, out);
    this.#tryCompleteJoin(out);
  }

  #tryCompleteJoin(out: GroupEffect[]): void {
    if (this.#gathering && this.members.size > 0) return;
    if (this.pendingMembers.size > 0) return;
    for (const member of this.members.values()) if (member.joining === undefined) return;
    this.#completeJoin(out);
  }

  #completeJoin(out: GroupEffect[]): void {
    for (const member of [...this.members.values()]) {
      if (member.joining === undefined && member.instanceId === null) {
        this.#remove(member, ErrorCode.UNKNOWN_MEMBER_ID, out);
      }
    }
    const joined = [...this.members.values()].filter((member) => member.joining !== undefined);
    const lead = joined.find((member) => member.id === this.leaderId) ?? joined[0];
    if (this.members.size > 0 && !lead) {
      // Only static members are left and none of them has come back yet: wait for another round.
      this.#setTimer('rebalance', '', this.#rebalanceTimeoutMs(), out);
      return;
    }
    this.#gathering = undefined;
    out.push({ kind: 'cancelTimer', timer: 'rebalance', memberId: '' });
    this.generation++;
    this.leaderId = lead?.id ?? null;
    if (!lead) {
      this.state = 'Empty';
      this.protocolName = null;
      out.push({ kind: 'store', token: 0, record: this.#record() });
      return;
    }
    this.#beginSync(out);
  }

  #beginSync(out: GroupEffect[]): void {
    this.state = 'CompletingRebalance';
    this.protocolName = electProtocol(this.members.values()) ?? null;
    for (const member of this.members.values()) {
      const waiter = member.joining;
      member.joining = undefined;
      member.isNew = false;
      member.assignment = NO_BYTES;
      this.#pendingSync.add(member.id);
      this.#session(member, out);
      if (waiter !== undefined) out.push({ kind: 'joinReply', waiter, result: this.#joinResult(member) });
    }
    this.#setTimer('sync', '', this.#rebalanceTimeoutMs(), out);
    this.#syncTimerRuns = true;
  }

  /** The leader has spoken: what it said is stored before anybody hears of it. */
  #storeAssignment(assignments: SyncEvent['assignments'], out: GroupEffect[]): void {
    const { generation } = this;
    this.#assigning = generation;
    const parts = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
    this.#store(this.#record(parts), out, (error, later) => {
      this.#assigning = -1;
      if (this.state !== 'CompletingRebalance' || this.generation !== generation) return;
      if (error === ErrorCode.NONE) {
        this.#assign(assignments, later);
        return;
      }
      for (const member of this.members.values()) {
        if (member.syncing === undefined) continue;
        this.#endSync(member, error, later);
        this.#session(member, later);
      }
      this.#startRebalance(later);
    });
  }

  #store(record: GroupRecord, out: GroupEffect[], goOn: (error: ErrorNumber, out: GroupEffect[]) => void): void {
    this.#lastToken += 1;
    this.#storing.set(this.#lastToken, goOn);
    out.push({ kind: 'store', token: this.#lastToken, record });
  }

  /** The group as it is to be stored, with `parts` in the place of the members' assignments when they are given. */
  #record(parts?: ReadonlyMap<string, Uint8Array>): GroupRecord {
    const { generation, protocolType, protocolName, leaderId } = this;
    const members = [...this.members.values()].map((member) => ({
      id: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocols: member.protocols,
      assignment: parts ? (parts.get(member.id) ?? NO_BYTES) : member.assignment,
    }));
    return { generation, protocolType, protocolName, leaderId, members };
  }

  /** Everybody who waits gets a part; an empty one is still a part (rule 40). */
  #assign(assignments: SyncEvent['assignments'], out: GroupEffect[]): void {
    for (const { memberId, assignment } of assignments) {
      const member = this.members.get(memberId);
      if (member) member.assignment = assignment;
    }
    this.state = 'Stable';
    for (const member of this.members.values()) {
      const waiter = member.syncing;
      if (waiter === undefined) continue;
      member.syncing = undefined;
      this.#session(member, out);
      out.push({ kind: 'syncReply', waiter, result: this.#syncResult(member) });
    }
  }

  #remove(member: Member, error: ErrorNumber, out: GroupEffect[]): void {
    this.#endJoin(member, error, out);
    this.#endSync(member, error, out);
    this.#stopSession(member.id, out);
    this.members.delete(member.id);
    this.#pendingSync.delete(member.id);
    if (member.instanceId !== null) this.#staticIds.delete(member.instanceId);
    if (this.leaderId === member.id) this.leaderId = this.members.keys().next().value ?? null;
  }

  #afterRemoval(out: GroupEffect[]): void {
    if (this.state === 'PreparingRebalance') this.#tryCompleteJoin(out);
    else if (this.state !== 'Empty') this.#startRebalance(out);
  }

  #endJoin(member: Member, error: ErrorNumber, out: GroupEffect[]): void {
    if (member.joining !== undefined) this.#refuseJoin(member.joining, member.id, error, out);
    member.joining = undefined;
  }

  #endSync(member: Member, error: ErrorNumber, out: GroupEffect[]): void {
    if (member.syncing !== undefined)
      out.push({ kind: 'syncReply', waiter: member.syncing, result: failedSync(error) });
    member.syncing = undefined;
  }

  #refuseJoin(waiter: Waiter, memberId: string, error: ErrorNumber, out: GroupEffect[]): void {
    out.push({ kind: 'joinReply', waiter, result: failedJoin(error, memberId) });
  }

  /** Starts the session of `member` anew, unless it waits in a join or sync: then the broker owes it an answer. */
  #session(member: Member, out: GroupEffect[]): void {
    if (member.joining === undefined && member.syncing === undefined) {
      this.#setTimer('session', member.id, member.sessionTimeoutMs, out);
    }
  }

  #stopSession(memberId: string, out: GroupEffect[]): void {
    out.push({ kind: 'cancelTimer', timer: 'session', memberId });
  }

  #stopSyncTimer(out: GroupEffect[]): void {
    if (this.#syncTimerRuns) out.push({ kind: 'cancelTimer', timer: 'sync', memberId: '' });
    this.#syncTimerRuns = false;
  }

  #setTimer(timer: GroupTimer, memberId: string, delayMs: number, out: GroupEffect[]): void {
    out.push({ kind: 'setTimer', timer, memberId, delayMs });
  }

  #rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  #joinResult(member: Member): JoinResult {
    const { protocolName } = this;
    const others = member.id === this.leaderId && protocolName !== null ? [...this.members.values()] : [];
    return {
      error: ErrorCode.NONE,
      memberId: member.id,
      generation: this.generation,
      protocolType: this.protocolType,
      protocolName,
      leaderId: this.leaderId ?? '',
      skipAssignment: false,
      members: others.map((other) => ({
        memberId: other.id,
        instanceId: other.instanceId,
        metadata: metadataFor(other, protocolName as string),
      })),
    };
  }

  #syncResult(member: Member): SyncResult {
    const { protocolType, protocolName } = this;
    return { error: ErrorCode.NONE, protocolType, protocolName, assignment: member.assignment };
  }
}

/** The answer to a join that did not succeed. */
export function failedJoin(error: ErrorNumber, memberId: string): JoinResult {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    skipAssignment: false,
    members: [],
  };
}

/** The answer to a sync that did not succeed. */
export function failedSync(error: ErrorNumber): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: NO_BYTES };
}
