/**
 * All groups of this node: finds the group of an event, lets its state machine decide, performs the effects.
 *
 * Not the protocol itself (group.ts) and not committed offsets (offsets.ts). To remember: a group without members and
 * without offsets is forgotten, so names that clients make up cost memory only while somebody is in them; what is not
 * forgotten is stored, and lives on in the next process.
 */

import { Code, type CodeNumber } from '../../io/native-types.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import type { Timers } from '../purgatory/timer-host.ts';
import { WheelTimer } from '../purgatory/timing-wheel.ts';
import type {
  GroupEffect,
  GroupSettings,
  JoinEvent,
  JoinResult,
  MemberClaim,
  SyncEvent,
  SyncResult,
} from './events.ts';
import { failedJoin, failedSync, Group } from './group.ts';
import type { GroupStore } from './group-store.ts';

type JoinReply = (result: JoinResult) => void;
type SyncReply = (result: SyncResult) => void;

/** A join as a handler knows it: the coordinator adds who waits and the id for a newcomer. */
export type JoinRequest = Omit<JoinEvent, 'waiter' | 'newMemberId'>;
export type SyncRequest = Omit<SyncEvent, 'waiter'>;

/** A group with its running timers. */
interface Running {
  readonly group: Group;
  readonly sessions: Map<string, WheelTimer>;
  readonly rebalance: WheelTimer;
  readonly sync: WheelTimer;
  /** Wall time since when nobody has been in it; -1 while somebody is. */
  emptySinceMs: number;
  /** Whether the store holds an entry of it, or soon will. */
  isStored: boolean;
}

/** What a coordinator stands on. */
export interface CoordinatorParts {
  readonly timers: Timers;
  readonly settings: GroupSettings;
  readonly store: GroupStore;
  /** Makes member ids unique. */
  readonly newSuffix: () => string;
  /** Whether an idle group must be remembered. */
  readonly hasOffsets: (groupId: string) => boolean;
  /** Wall time, ms. */
  readonly wallMs: () => number;
}

/** The coordinator of every group on this node. */
export class GroupCoordinator {
  readonly #timers: Timers;
  readonly #settings: GroupSettings;
  readonly #parts: CoordinatorParts;
  readonly #groups = new Map<string, Running>();
  #closed = false;

  /** Takes over the groups that are stored. Throws on one it cannot read. */
  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
    this.#timers = parts.timers;
    this.#settings = parts.settings;
    for (const { groupId, stored } of parts.store.load()) {
      const running = this.#start(groupId);
      running.isStored = true;
      running.emptySinceMs = stored.emptySinceMs;
      this.#run(running, (out) => running.group.restore(stored.record, out));
    }
  }

  /** The group of this name, when it has ever had a member and is still of use. */
  get(groupId: string): Group | undefined {
    return this.#groups.get(groupId)?.group;
  }

  /** All groups that have had a member and are still of use. */
  *all(): IterableIterator<Group> {
    for (const { group } of this.#groups.values()) yield group;
  }

  /** Wall time (ms) since when a group has had no member; -1 while it has one, undefined when it is not known here. */
  emptySinceMs(groupId: string): number | undefined {
    return this.#groups.get(groupId)?.emptySinceMs;
  }

  /** Forgets a group that is idle and has no offsets any more. */
  forgetUnused(groupId: string): void {
    const running = this.#groups.get(groupId);
    if (running) this.#run(running, () => {});
  }

  /** Groups in memory. */
  get size(): number {
    return this.#groups.size;
  }

  /** Joins; `reply` runs when the rebalance completes, or at once with an error or the current generation. */
  join(groupId: string, request: JoinRequest, reply: JoinReply): void {
    const refusal = this.#joinRefusal(groupId, request);
    if (refusal !== ErrorCode.NONE) {
      reply(failedJoin(refusal, request.memberId));
      return;
    }
    const running = this.#groups.get(groupId) ?? this.#start(groupId);
    const newMemberId = `${request.instanceId ?? request.clientId}-${this.#parts.newSuffix()}`;
    this.#run(running, (out) => running.group.join({ ...request, newMemberId, waiter: reply }, out));
  }

  /** Hands in or asks for the assignment; `reply` runs when the leader has spoken. */
  sync(groupId: string, request: SyncRequest, reply: SyncReply): void {
    const running = this.#groups.get(groupId);
    if (!running) {
      reply(failedSync(unknownGroup(groupId)));
      return;
    }
    this.#run(running, (out) => running.group.sync({ ...request, waiter: reply }, out));
  }

  heartbeat(groupId: string, claim: MemberClaim): ErrorNumber {
    const running = this.#groups.get(groupId);
    if (!running) return unknownGroup(groupId);
    return this.#run(running, (out) => running.group.heartbeat(claim, out));
  }

  leave(groupId: string, memberId: string, instanceId: string | null): ErrorNumber {
    const running = this.#groups.get(groupId);
    if (!running) return unknownGroup(groupId);
    return this.#run(running, (out) => running.group.leave(memberId, instanceId, out));
  }

  /** Whether this sender may commit offsets now (rule 42). */
  checkCommit(groupId: string, claim: MemberClaim, unknown: ErrorNumber = ErrorCode.ILLEGAL_GENERATION): ErrorNumber {
    const running = this.#groups.get(groupId);
    if (!isWellFormed(groupId)) return ErrorCode.INVALID_GROUP_ID;
    if (!running) return claim.generation < 0 ? ErrorCode.NONE : unknown;
    return this.#run(running, (out) => running.group.commit(claim, out));
  }

  /** Answers everybody who waits; no timer of a group runs afterwards. */
  close(): void {
    this.#closed = true;
    for (const running of [...this.#groups.values()]) {
      this.#run(running, (out) => running.group.abandon(out));
      this.#stop(running);
    }
  }

  #joinRefusal(groupId: string, request: JoinRequest): ErrorNumber {
    if (!isGroupId(groupId)) return ErrorCode.INVALID_GROUP_ID;
    const { sessionTimeoutMs } = request;
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#settings;
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      return ErrorCode.INVALID_SESSION_TIMEOUT;
    }
    const unknown = request.memberId !== '' && !this.#groups.has(groupId);
    return unknown ? ErrorCode.UNKNOWN_MEMBER_ID : ErrorCode.NONE;
  }

  #start(groupId: string): Running {
    const group = new Group(groupId, this.#settings);
    const running: Running = {
      group,
      sessions: new Map(),
      rebalance: new WheelTimer(() => this.#run(running, (out) => group.rebalanceExpired(out))),
      sync: new WheelTimer(() => this.#run(running, (out) => group.syncExpired(out))),
      emptySinceMs: -1,
      isStored: false,
    };
    this.#groups.set(groupId, running);
    return running;
  }

  #run<Answer>(running: Running, step: (out: GroupEffect[]) => Answer): Answer {
    const effects: GroupEffect[] = [];
    const answer = step(effects);
    const { group } = running;
    if (group.members.size > 0) running.emptySinceMs = -1;
    else if (running.emptySinceMs < 0) running.emptySinceMs = this.#parts.wallMs();
    const isUnused = group.isIdle && !this.#parts.hasOffsets(group.id);
    for (const effect of effects) {
      // That a group has become empty is not worth storing when it is forgotten next.
      if (!(isUnused && effect.kind === 'store' && effect.token === 0)) this.#perform(running, effect);
    }
    if (isUnused && !this.#closed) this.#forget(running);
    return answer;
  }

  #perform(running: Running, effect: GroupEffect): void {
    switch (effect.kind) {
      case 'joinReply':
        (effect.waiter as JoinReply)(effect.result);
        return;
      case 'syncReply':
        (effect.waiter as SyncReply)(effect.result);
        return;
      case 'store':
        this.#store(running, effect);
        return;
      case 'setTimer':
        this.#timers.set(this.#timerOf(running, effect), effect.delayMs);
        return;
      case 'cancelTimer':
        this.#cancel(running, effect);
        return;
    }
  }

  #timerOf(running: Running, effect: { timer: string; memberId: string }): WheelTimer {
    if (effect.timer === 'rebalance') return running.rebalance;
    if (effect.timer === 'sync') return running.sync;
    const { memberId } = effect;
    const known = running.sessions.get(memberId);
    if (known) return known;
    const timer = new WheelTimer(() => {
      running.sessions.delete(memberId);
      this.#run(running, (out) => running.group.sessionExpired(memberId, out));
    });
    running.sessions.set(memberId, timer);
    return timer;
  }

  #cancel(running: Running, effect: { timer: string; memberId: string }): void {
    if (effect.timer !== 'session') {
      this.#timers.cancel(this.#timerOf(running, effect));
      return;
    }
    const timer = running.sessions.get(effect.memberId);
    if (!timer) return;
    this.#timers.cancel(timer);
    if (!running.group.members.has(effect.memberId)) running.sessions.delete(effect.memberId);
  }

  #store(running: Running, { token, record }: Extract<GroupEffect, { kind: 'store' }>): void {
    const { group, emptySinceMs } = running;
    running.isStored = true;
    this.#parts.store.put(group.id, { record, emptySinceMs }, (code) => {
      if (token === 0) return;
      this.#run(running, (out) => group.stored(token, storeError(code), out));
    });
  }

  #forget(running: Running): void {
    this.#stop(running);
    if (running.isStored) this.#parts.store.delete(running.group.id);
    running.isStored = false;
    if (this.#groups.get(running.group.id) === running) this.#groups.delete(running.group.id);
  }

  /** No timer of the group runs afterwards. */
  #stop(running: Running): void {
    this.#timers.cancel(running.rebalance);
    this.#timers.cancel(running.sync);
    for (const timer of running.sessions.values()) this.#timers.cancel(timer);
    running.sessions.clear();
  }
}

/** A name that can be a group: not empty, and one that can be stored without becoming another. */
function isGroupId(groupId: string): boolean {
  return groupId !== '' && isWellFormed(groupId);
}

/** What members are told: to look for the coordinator and come again, unless that cannot help. */
function storeError(code: CodeNumber): ErrorNumber {
  if (code === Code.ok) return ErrorCode.NONE;
  return code === Code.messageTooLarge ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.COORDINATOR_NOT_AVAILABLE;
}

function unknownGroup(groupId: string): ErrorNumber {
  return isGroupId(groupId) ? ErrorCode.UNKNOWN_MEMBER_ID : ErrorCode.INVALID_GROUP_ID;
}
