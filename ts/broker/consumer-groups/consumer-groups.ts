/**
 * The coordinator of groups of the newer protocol (KIP-848): keeps the groups, stores them, runs their timers, tells them
 * of topics.
 *
 * Not the protocol itself (consumer-group.ts). The invariants to remember: a name is a group of one protocol at a time; a
 * group without members is nobody's, so either protocol may begin with it; and a member is told only what is durable, so
 * after kill -9 nobody has what the group does not know of.
 */

import { Code, type CodeNumber } from '../../io/native-types.ts';
import type { ErrorNumber } from '../protocol/error-codes.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { Timers } from '../purgatory/timer-host.ts';
import { WheelTimer } from '../purgatory/timing-wheel.ts';
import {
  ConsumerGroup,
  type ConsumerGroupSettings,
  type GroupPartition,
  MemberEpoch,
  refused,
} from './consumer-group.ts';
import { encodeConsumerGroup } from './consumer-group-record.ts';
import { type ConsumerGroupStore, changedEntries, GROUP_ENTRY, type GroupEntries } from './consumer-group-store.ts';
import type { ConsumerEffect, GroupTopics, Heartbeat, HeartbeatReply } from './heartbeat.ts';

export interface ConsumerGroupsParts {
  readonly timers: Timers;
  readonly settings: ConsumerGroupSettings;
  readonly topics: GroupTopics;
  readonly store: ConsumerGroupStore;
  /** Whether the classic protocol has members in a group. */
  readonly isClassic: (groupId: string) => boolean;
  /** Whether a group without members must be remembered. */
  readonly hasOffsets: (groupId: string) => boolean;
  /** An id for a member whose client makes none (version 0). */
  readonly newMemberId: () => string;
  /** Wall time, ms. */
  readonly wallMs: () => number;
}

/** What a commit names of a topic. */
interface CommittedTopic {
  readonly name: string;
  readonly partitions: readonly { readonly partitionIndex: number }[];
}

interface Running {
  readonly group: ConsumerGroup;
  readonly timers: Map<string, WheelTimer>;
  /** What is stored, or is on its way. An empty text is one that could not be stored. */
  entries: GroupEntries;
  /** Who waits for the newest frame on its way; undefined when none is. */
  waiting: ((code: CodeNumber) => void)[] | undefined;
}

export class ConsumerGroups {
  readonly #parts: ConsumerGroupsParts;
  readonly #groups = new Map<string, Running>();
  /** Groups without members that have offsets: wall time (ms) since when. */
  readonly #emptySince = new Map<string, number>();
  #closed = false;

  /** Takes over the groups that are stored. Throws on one it cannot read. */
  constructor(parts: ConsumerGroupsParts) {
    this.#parts = parts;
    for (const [groupId, stored] of parts.store.load()) {
      if (stored.members.length === 0) {
        this.#emptySince.set(groupId, stored.record.emptySinceMs);
        continue;
      }
      const running = this.#start(groupId, stored.entries);
      const out: ConsumerEffect[] = [];
      running.group.restore(stored, out);
      for (const effect of out) this.#perform(running, effect);
    }
  }

  /** The group of this name, while it has members. */
  get(groupId: string): ConsumerGroup | undefined {
    const group = this.#groups.get(groupId)?.group;
    return group !== undefined && group.members.size > 0 ? group : undefined;
  }

  /** All groups that have members. */
  *all(): IterableIterator<ConsumerGroup> {
    for (const { group } of this.#groups.values()) if (group.members.size > 0) yield group;
  }

  /** Wall time (ms) since when a group of this protocol has had no members; undefined when it is none, or has some. */
  emptySinceMs(groupId: string): number | undefined {
    return this.#emptySince.get(groupId);
  }

  /** Forgets a group without members, when it has no offsets any more or belongs to the classic protocol. */
  forgetUnused(groupId: string): void {
    if (!this.#emptySince.has(groupId)) return;
    if (this.#parts.hasOffsets(groupId) && !this.#parts.isClassic(groupId)) return;
    this.#emptySince.delete(groupId);
    // When this fails the entry is found at the next start, and is forgotten then.
    if (!this.#closed) this.#parts.store.write(groupId, new Map([[GROUP_ENTRY, undefined]]), () => {});
  }

  newMemberId(): string {
    return this.#parts.newMemberId();
  }

  /** One heartbeat; `reply` runs when everything it tells is durable, or at once when nothing has changed. */
  heartbeat(groupId: string, ask: Heartbeat, reply: (reply: HeartbeatReply) => void): void {
    const known = this.#groups.get(groupId);
    if ((known === undefined && ask.memberEpoch !== MemberEpoch.join) || this.#closed) {
      reply(refused(ErrorCode.GROUP_ID_NOT_FOUND));
      return;
    }
    if (this.#parts.isClassic(groupId)) {
      reply(refused(ErrorCode.GROUP_ID_NOT_FOUND, 'the group has members of the classic protocol'));
      return;
    }
    const running = known ?? this.#start(groupId, this.#emptyEntries(groupId));
    const answer = this.#run(running, (out) => running.group.heartbeat(ask, out));
    this.#store(running, ask.memberId, (code) => {
      reply(code === Code.ok ? answer : refused(ErrorCode.COORDINATOR_NOT_AVAILABLE, 'the group could not be stored'));
    });
  }

  /** Whether a member of a group of this protocol may ask for offsets; undefined when the group is none. */
  check(groupId: string, memberId: string, memberEpoch: number): ErrorNumber | undefined {
    return this.get(groupId)?.check(memberId, memberEpoch);
  }

  /** Whether a member of a group of this protocol may commit offsets of these topics; undefined when the group is none. */
  checkCommit(
    groupId: string,
    memberId: string,
    memberEpoch: number,
    topics: readonly CommittedTopic[],
  ): ErrorNumber | undefined {
    return this.get(groupId)?.checkCommit(memberId, memberEpoch, this.#partitionsThatAre(topics));
  }

  /** Partitions that are not there are refused by themselves, and say nothing of who may commit. */
  *#partitionsThatAre(topics: readonly CommittedTopic[]): IterableIterator<GroupPartition> {
    for (const { name, partitions } of topics) {
      const topic = this.#parts.topics.get(name);
      if (topic === undefined) continue;
      for (const { partitionIndex: partition } of partitions) {
        if (partition >= 0 && partition < topic.partitions) yield { topicId: topic.id, partition };
      }
    }
  }

  /** A topic was made, changed or deleted. */
  topicsChanged(): void {
    for (const { group } of this.#groups.values()) group.topicsChanged();
  }

  /** No timer runs afterwards; what is stored stays. */
  close(): void {
    this.#closed = true;
    for (const { timers } of this.#groups.values()) {
      for (const timer of timers.values()) this.#parts.timers.cancel(timer);
    }
    this.#groups.clear();
  }

  #start(groupId: string, entries: GroupEntries): Running {
    const { settings, topics } = this.#parts;
    const group = new ConsumerGroup(groupId, settings, topics);
    const running: Running = { group, timers: new Map(), entries, waiting: undefined };
    this.#groups.set(groupId, running);
    return running;
  }

  /** What is stored of a group that had no members so far. */
  #emptyEntries(groupId: string): GroupEntries {
    const entries: GroupEntries = new Map();
    if (this.#emptySince.delete(groupId)) entries.set(GROUP_ENTRY, '');
    return entries;
  }

  #run<Answer>(running: Running, step: (out: ConsumerEffect[]) => Answer): Answer {
    const out: ConsumerEffect[] = [];
    const answer = step(out);
    for (const effect of out) this.#perform(running, effect);
    return answer;
  }

  /** Stores what a step has changed; `done` runs when that, and all that was changed before, is durable. */
  #store(running: Running, memberId: string | undefined, done: (code: CodeNumber) => void): void {
    const { group, entries } = running;
    const now = this.#entriesOf(running, memberId);
    const changes = changedEntries(entries, now);
    if (group.members.size === 0) this.#groups.delete(group.id);
    if (changes.size === 0) {
      if (running.waiting) running.waiting.push(done);
      else done(Code.ok);
      return;
    }
    running.entries = now;
    const waiting = [done];
    running.waiting = waiting;
    this.#parts.store.write(group.id, changes, (code) => {
      if (code !== Code.ok) for (const name of changes.keys()) running.entries.set(name, '');
      if (running.waiting === waiting) running.waiting = undefined;
      for (const one of waiting) one(code);
    });
  }

  /** All entries as they shall be. Unless something else has changed, only the member of the step is looked at. */
  #entriesOf({ group, entries: before }: Running, memberId: string | undefined): GroupEntries {
    const now: GroupEntries = new Map();
    if (group.members.size === 0) {
      if (!this.#parts.hasOffsets(group.id)) return now;
      const { epoch, assignmentEpoch } = group;
      const emptySinceMs = this.#parts.wallMs();
      this.#emptySince.set(group.id, emptySinceMs);
      return now.set(GROUP_ENTRY, encodeConsumerGroup({ epoch, assignmentEpoch, topicsSeen: '', emptySinceMs }));
    }
    group.entries(now, (id) => id === memberId);
    const isOther =
      memberId === undefined ||
      now.get(GROUP_ENTRY) !== before.get(GROUP_ENTRY) ||
      !before.has(memberId) ||
      before.size !== group.members.size + 1;
    if (isOther) group.entries(now, () => true);
    else for (const [name, text] of before) if (!now.has(name)) now.set(name, text);
    return now;
  }

  #perform(running: Running, effect: ConsumerEffect): void {
    const { timer: kind, memberId } = effect;
    const key = `${kind} ${memberId}`;
    const known = running.timers.get(key);
    if (effect.kind === 'cancelTimer') {
      if (known) this.#parts.timers.cancel(known);
      running.timers.delete(key);
      return;
    }
    const { group } = running;
    const timer =
      known ??
      new WheelTimer(() => {
        running.timers.delete(key);
        this.#run(running, (out) =>
          kind === 'session' ? group.sessionExpired(memberId, out) : group.rebalanceExpired(memberId, out),
        );
        this.#store(running, undefined, () => {});
      });
    running.timers.set(key, timer);
    if (!this.#closed) this.#parts.timers.set(timer, effect.delayMs);
  }
}
