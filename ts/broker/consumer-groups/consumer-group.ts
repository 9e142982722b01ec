/**
 * One group of the newer protocol (KIP-848) as a state machine without I/O: heartbeats, time and news of topics come in,
 * answers and timers come out.
 *
 * Not the coordinator (consumer-groups.ts), which stores what `entries` tells before a member is told. The invariants to remember: no partition belongs to two members at a time, also
 * not to one that has yet to give it back; and whatever changes what members shall have raises the epoch of the group.
 */

import { createHash } from 'node:crypto';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import { epochOf, NO_EPOCHS } from './assignment-epochs.ts';
import { ASSIGNORS, type AssignorInput } from './assignors.ts';
import { encodeConsumerGroup, encodeConsumerMember } from './consumer-group-record.ts';
import { GROUP_ENTRY, type GroupEntries, type StoredConsumerGroup } from './consumer-group-store.ts';
import { type ConsumerMember, reconcile } from './consumer-member.ts';
import type { ConsumerEffect, GroupTopics, Heartbeat, HeartbeatReply } from './heartbeat.ts';
import { each, isSame, isSubset, NO_PARTITIONS, type Partitions } from './partitions.ts';
import { compileTopicPattern, topicPatternProblem } from './topic-pattern.ts';

/** Member epochs that mean something else than an epoch. */
export const MemberEpoch = { join: 0, leave: -1, leaveStatic: -2 } as const;

export interface ConsumerGroupSettings {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly maxSize: number;
}

/** A partition that offsets are committed of. */
export interface GroupPartition {
  readonly topicId: string;
  readonly partition: number;
}

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

/** No text of topics is this one. */
const OTHER_TOPICS = ' ';
const DEFAULT_ASSIGNOR = 'uniform';

export class ConsumerGroup {
  readonly id: string;
  readonly members: Map<string, ConsumerMember> = new Map();
  /** Grows with every change of members, subscriptions or topics; as with Kafka, a first member is in epoch 2. */
  epoch = 1;
  /** The epoch of the group that `target` was made for. */
  assignmentEpoch = 0;
  readonly #settings: ConsumerGroupSettings;
  readonly #topics: GroupTopics;
  readonly #statics = new Map<string, string>();
  /** Who has a partition, or has yet to give it back. */
  readonly #owners = new Map<string, string>();
  #target: ReadonlyMap<string, Partitions> = new Map();
  #topicsSeen = '';
  #topicsChanged = false;

  constructor(id: string, settings: ConsumerGroupSettings, topics: GroupTopics) {
    this.id = id;
    this.#settings = settings;
    this.#topics = topics;
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty';
    if (this.epoch > this.assignmentEpoch) return 'Assigning';
    for (const { state, epoch } of this.members.values()) {
      if (state !== 'stable' || epoch !== this.assignmentEpoch) return 'Reconciling';
    }
    return 'Stable';
  }

  /** The assignor most members ask for. */
  get assignor(): string {
    const votes = new Map<string, number>();
    for (const { assignor } of this.members.values()) {
      if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
    }
    const [best] = [...votes].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
    return best?.[0] ?? DEFAULT_ASSIGNOR;
  }

  /** What a member shall have in the end. */
  targetOf(memberId: string): Partitions {
    return this.#target.get(memberId) ?? NO_PARTITIONS;
  }

  /** Names of topics that some member reads. */
  get subscribed(): ReadonlySet<string> {
    return new Set([...this.members.values()].flatMap((member) => [...member.topics]));
  }

  /** Some topic was made, changed or deleted: the next heartbeat looks whether that matters. */
  topicsChanged(): void {
    this.#topicsChanged = true;
  }

  /** Takes over what was stored: sessions begin anew. Throws when members contradict each other. */
  restore({ record, members }: StoredConsumerGroup, out: ConsumerEffect[]): void {
    this.epoch = record.epoch;
    this.assignmentEpoch = record.assignmentEpoch;
    const target = new Map<string, Partitions>();
    for (const stored of members) {
      const member = this.#add({ ...stored.member, topics: new Set() });
      target.set(member.id, stored.target);
      this.#claim(member);
      this.#resolve(member);
      out.push({ kind: 'setTimer', timer: 'session', memberId: member.id, delayMs: this.#settings.sessionTimeoutMs });
      if (member.state !== 'revoking') continue;
      out.push({ kind: 'setTimer', timer: 'rebalance', memberId: member.id, delayMs: member.rebalanceTimeoutMs });
    }
    this.#target = target;
    // Topics that have changed since then are another text, and the next heartbeat assigns for them.
    const seen = this.#topicsText();
    this.#topicsSeen = digestOf(seen) === record.topicsSeen ? seen : OTHER_TOPICS;
  }

  /** The stored form of the group, and of those members for which `wanted` holds, added to `entries`. */
  entries(entries: GroupEntries, wanted: (memberId: string) => boolean): void {
    const { epoch, assignmentEpoch } = this;
    const topicsSeen = digestOf(this.#topicsSeen);
    entries.set(GROUP_ENTRY, encodeConsumerGroup({ epoch, assignmentEpoch, topicsSeen, emptySinceMs: -1 }));
    for (const { topics: _, ...member } of this.members.values()) {
      if (wanted(member.id)) entries.set(member.id, encodeConsumerMember({ member, target: this.targetOf(member.id) }));
    }
  }

  heartbeat(ask: Heartbeat, out: ConsumerEffect[]): HeartbeatReply {
    if (ask.memberEpoch < MemberEpoch.join) return this.#leave(ask, out);
    const pattern = patternProblem(ask.topicPattern);
    if (pattern !== undefined) return refused(ErrorCode.INVALID_REGULAR_EXPRESSION, pattern);
    const { epoch } = this;
    const member = this.#memberFor(ask, out);
    if (typeof member === 'number') return refused(member);
    const before = member.assigned;
    if (this.#subscribe(member, ask) && this.epoch === epoch) this.epoch += 1;
    this.#lookAtTopics();
    if (this.epoch > this.assignmentEpoch) this.#assign();
    this.#reconcile(member, ask.memberEpoch === MemberEpoch.join ? NO_PARTITIONS : ask.owned, out);
    out.push({ kind: 'setTimer', timer: 'session', memberId: member.id, delayMs: this.#settings.sessionTimeoutMs });
    const isTold = ask.memberEpoch === MemberEpoch.join || isFull(ask) || !isSame(before, member.assigned);
    return {
      error: ErrorCode.NONE,
      message: null,
      memberId: member.id,
      memberEpoch: member.epoch,
      heartbeatIntervalMs: this.#settings.heartbeatIntervalMs,
      assigned: isTold ? member.assigned : null,
    };
  }

  /** A member was silent for too long. */
  sessionExpired(memberId: string, out: ConsumerEffect[]): void {
    const member = this.members.get(memberId);
    if (member) this.#remove(member, out);
  }

  /** A member did not give back in time what was taken from it. */
  rebalanceExpired(memberId: string, out: ConsumerEffect[]): void {
    const member = this.members.get(memberId);
    if (member?.state === 'revoking') this.#remove(member, out);
  }

  /** Whether a member may ask for offsets; with epoch -1 and no members anybody may. */
  check(memberId: string, memberEpoch: number): ErrorNumber {
    if (memberEpoch < 0 && this.members.size === 0) return ErrorCode.NONE;
    const member = this.members.get(memberId);
    if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    return member.epoch === memberEpoch ? ErrorCode.NONE : ErrorCode.STALE_MEMBER_EPOCH;
  }

  /**
   * Whether a member may commit offsets of `partitions`: as `check`, but a member that has not heard of its newest epoch
   * yet may still commit what it has had all along (KIP-1251).
   */
  checkCommit(memberId: string, memberEpoch: number, partitions: Iterable<GroupPartition>): ErrorNumber {
    const strict = this.check(memberId, memberEpoch);
    const member = this.members.get(memberId);
    if (strict !== ErrorCode.STALE_MEMBER_EPOCH || member === undefined || memberEpoch > member.epoch) return strict;
    for (const { topicId, partition } of partitions) {
      const since = epochOf(member.since, topicId, partition);
      if (since === undefined || memberEpoch < since) return strict;
    }
    return ErrorCode.NONE;
  }

  #memberFor(ask: Heartbeat, out: ConsumerEffect[]): ConsumerMember | ErrorNumber {
    const known = this.members.get(ask.memberId);
    const isJoin = ask.memberEpoch === MemberEpoch.join;
    const { instanceId } = ask;
    const holder = instanceId === null ? known : this.members.get(this.#statics.get(instanceId) ?? '');
    if (holder === undefined) {
      if (!isJoin) return ErrorCode.UNKNOWN_MEMBER_ID;
      if (this.members.size >= this.#settings.maxSize) return ErrorCode.GROUP_MAX_SIZE_REACHED;
      this.epoch += 1;
      return this.#add(emptyMember(ask));
    }
    if (holder.id !== ask.memberId) {
      if (!isJoin) return ErrorCode.FENCED_INSTANCE_ID;
      if (holder.epoch !== MemberEpoch.leaveStatic) return ErrorCode.UNRELEASED_INSTANCE_ID;
      return this.#replace(holder, ask.memberId, out);
    }
    if (isJoin) {
      if (holder.epoch === MemberEpoch.leaveStatic) holder.epoch = 0;
      return holder;
    }
    return isCurrent(holder, ask) ? holder : ErrorCode.FENCED_MEMBER_EPOCH;
  }

  #add(member: ConsumerMember): ConsumerMember {
    this.members.set(member.id, member);
    if (member.instanceId !== null) this.#statics.set(member.instanceId, member.id);
    return member;
  }

  /** The successor of a static member has its place: what it had, and what it shall have. */
  #replace(before: ConsumerMember, id: string, out: ConsumerEffect[]): ConsumerMember {
    this.#drop(before, out);
    const target = new Map(this.#target);
    target.set(id, target.get(before.id) ?? NO_PARTITIONS);
    target.delete(before.id);
    this.#target = target;
    return this.#add({ ...before, id, epoch: 0, previousEpoch: 0, state: 'stable', revoking: NO_PARTITIONS });
  }

  /** Takes over what the heartbeat says; true when what the member reads, or by which assignor, has changed. */
  #subscribe(member: ConsumerMember, ask: Heartbeat): boolean {
    member.clientId = ask.clientId;
    member.clientHost = ask.clientHost;
    if (ask.rackId !== null) member.rackId = ask.rackId;
    if (ask.rebalanceTimeoutMs >= 0) member.rebalanceTimeoutMs = ask.rebalanceTimeoutMs;
    const before = `${member.topicPattern} ${member.assignor}`;
    const names = ask.topicNames === null ? member.topicNames : [...new Set(ask.topicNames)].sort();
    const hasNewNames = names.join() !== member.topicNames.join();
    member.topicNames = names;
    if (ask.topicPattern !== null) member.topicPattern = ask.topicPattern;
    if (ask.assignor !== null) member.assignor = ask.assignor;
    const hasChanged = hasNewNames || before !== `${member.topicPattern} ${member.assignor}`;
    if (hasChanged || member.epoch === 0) this.#resolve(member);
    return hasChanged;
  }

  /** Which topics the member reads now. */
  #resolve(member: ConsumerMember): void {
    const topics = new Set(member.topicNames.filter((name) => this.#topics.get(name) !== undefined));
    if (member.topicPattern !== '') {
      const matches = compileTopicPattern(member.topicPattern);
      for (const name of this.#topics.names()) if (matches(name)) topics.add(name);
    }
    member.topics = topics;
  }

  #lookAtTopics(): void {
    if (this.#topicsChanged) {
      this.#topicsChanged = false;
      for (const member of this.members.values()) this.#resolve(member);
    }
    const text = this.#topicsText();
    if (text !== this.#topicsSeen && this.epoch === this.assignmentEpoch) this.epoch += 1;
    this.#topicsSeen = text;
  }

  /** Every topic that is read, with its partitions. */
  #topicsText(): string {
    const seen = [...this.subscribed].sort().map((name) => {
      const topic = this.#topics.get(name);
      return `${topic?.id}/${topic?.partitions}`;
    });
    return seen.join();
  }

  #assign(): void {
    const topics = new Map<string, number>();
    const members = [...this.members.values()].map(({ id, instanceId, topics: names }) => {
      const topicIds = new Set<string>();
      for (const name of names) {
        const topic = this.#topics.get(name);
        if (topic === undefined) continue;
        topicIds.add(topic.id);
        topics.set(topic.id, topic.partitions);
      }
      return { id, instanceId, topicIds };
    });
    const input: AssignorInput = { members, topics, previous: this.#target };
    const assignor = ASSIGNORS.get(this.assignor);
    if (assignor === undefined) throw new Error(`there is no assignor ${this.assignor}`);
    this.#target = assignor(input);
    this.assignmentEpoch = this.epoch;
  }

  #reconcile(member: ConsumerMember, owned: Partitions | null, out: ConsumerEffect[]): void {
    const wasRevoking = member.state === 'revoking';
    const { assignmentEpoch: epoch } = this;
    const isTaken = (topicId: string, partition: number): boolean => {
      const owner = this.#owners.get(keyOf(topicId, partition));
      return owner !== undefined && owner !== member.id;
    };
    const [assigned, revoking] = [member.assigned, member.revoking];
    reconcile(member, { epoch, partitions: this.targetOf(member.id), isTaken }, owned);
    this.#release(assigned, revoking);
    this.#claim(member);
    const isRevoking = member.state === 'revoking';
    const hasStepped = member.revoking !== revoking;
    if (isRevoking && (!wasRevoking || hasStepped)) {
      out.push({ kind: 'setTimer', timer: 'rebalance', memberId: member.id, delayMs: member.rebalanceTimeoutMs });
    } else if (wasRevoking && !isRevoking) {
      out.push({ kind: 'cancelTimer', timer: 'rebalance', memberId: member.id });
    }
  }

  #leave(ask: Heartbeat, out: ConsumerEffect[]): HeartbeatReply {
    const holder = ask.instanceId === null ? undefined : this.members.get(this.#statics.get(ask.instanceId) ?? '');
    const member = this.members.get(ask.memberId);
    if (holder !== undefined && holder.id !== ask.memberId) return refused(ErrorCode.FENCED_INSTANCE_ID);
    if (member === undefined) return refused(ErrorCode.UNKNOWN_MEMBER_ID);
    if (ask.memberEpoch === MemberEpoch.leaveStatic && member.instanceId !== null) {
      // It comes back: what it has stays its own until its session ends.
      member.epoch = MemberEpoch.leaveStatic;
    } else {
      this.#remove(member, out);
    }
    return { ...refused(ErrorCode.NONE), memberId: ask.memberId, memberEpoch: ask.memberEpoch };
  }

  #remove(member: ConsumerMember, out: ConsumerEffect[]): void {
    this.#drop(member, out);
    const target = new Map(this.#target);
    target.delete(member.id);
    this.#target = target;
    this.epoch += 1;
    if (this.members.size === 0) this.assignmentEpoch = this.epoch;
  }

  #drop(member: ConsumerMember, out: ConsumerEffect[]): void {
    this.members.delete(member.id);
    if (member.instanceId !== null) this.#statics.delete(member.instanceId);
    this.#release(member.assigned, member.revoking);
    for (const timer of ['session', 'rebalance'] as const) {
      out.push({ kind: 'cancelTimer', timer, memberId: member.id });
    }
  }

  #release(...sets: readonly Partitions[]): void {
    for (const set of sets)
      for (const [topicId, partition] of each(set)) this.#owners.delete(keyOf(topicId, partition));
  }

  #claim(member: ConsumerMember): void {
    for (const set of [member.assigned, member.revoking]) {
      for (const [topicId, partition] of each(set)) {
        const key = keyOf(topicId, partition);
        if (this.#owners.has(key)) throw new Error(`partition ${key} would belong to two members of ${this.id}`);
        this.#owners.set(key, member.id);
      }
    }
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

function digestOf(text: string): string {
  return createHash('sha1').update(text).digest('base64url');
}

function emptyMember(ask: Heartbeat): ConsumerMember {
  return {
    id: ask.memberId,
    instanceId: ask.instanceId,
    rackId: null,
    clientId: ask.clientId,
    clientHost: ask.clientHost,
    rebalanceTimeoutMs: ask.rebalanceTimeoutMs,
    assignor: null,
    topicNames: [],
    topicPattern: '',
    topics: new Set(),
    epoch: 0,
    previousEpoch: 0,
    state: 'stable',
    assigned: NO_PARTITIONS,
    revoking: NO_PARTITIONS,
    since: NO_EPOCHS,
  };
}

/** The epoch it was told last, or the one before when that answer was lost and it has nothing it should not have. */
function isCurrent(member: ConsumerMember, { memberEpoch, owned }: Heartbeat): boolean {
  if (memberEpoch === member.epoch) return true;
  if (memberEpoch !== member.previousEpoch || member.epoch < memberEpoch) return false;
  return owned !== null && isSubset(owned, member.assigned);
}

/** A client that has lost an answer says everything again, and wants to be told everything. */
function isFull({ rebalanceTimeoutMs, topicNames, topicPattern, owned }: Heartbeat): boolean {
  return rebalanceTimeoutMs >= 0 && (topicNames !== null || topicPattern !== null) && owned !== null;
}

function patternProblem(pattern: string | null): string | undefined {
  return pattern === null || pattern === '' ? undefined : topicPatternProblem(pattern);
}

export function refused(error: ErrorNumber, message: string | null = null): HeartbeatReply {
  return { error, message, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assigned: null };
}
