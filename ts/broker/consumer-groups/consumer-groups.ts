/**
 * The coordinator of groups of the newer protocol (KIP-848): keeps the groups, runs their timers, tells them of topics.
 *
 * Not the protocol itself (consumer-group.ts). The invariant to remember: a name is a group of one protocol at a time; a
 * group without members is nobody's, so either protocol may begin with it.
 */

import type { ErrorNumber } from '../protocol/error-codes.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { Timers } from '../purgatory/timer-host.ts';
import { WheelTimer } from '../purgatory/timing-wheel.ts';
import { ConsumerGroup, type ConsumerGroupSettings, MemberEpoch, refused } from './consumer-group.ts';
import type { ConsumerEffect, GroupTopics, Heartbeat, HeartbeatReply } from './heartbeat.ts';

export interface ConsumerGroupsParts {
  readonly timers: Timers;
  readonly settings: ConsumerGroupSettings;
  readonly topics: GroupTopics;
  /** Whether the classic protocol has members in a group. */
  readonly isClassic: (groupId: string) => boolean;
  /** An id for a member whose client makes none (version 0). */
  readonly newMemberId: () => string;
}

interface Running {
  readonly group: ConsumerGroup;
  readonly timers: Map<string, WheelTimer>;
}

export class ConsumerGroups {
  readonly #parts: ConsumerGroupsParts;
  readonly #groups = new Map<string, Running>();
  #closed = false;

  constructor(parts: ConsumerGroupsParts) {
    this.#parts = parts;
  }

  /** The group of this name, while it has members. */
  get(groupId: string): ConsumerGroup | undefined {
    return this.#groups.get(groupId)?.group;
  }

  /** All groups that have members. */
  *all(): IterableIterator<ConsumerGroup> {
    for (const { group } of this.#groups.values()) yield group;
  }

  newMemberId(): string {
    return this.#parts.newMemberId();
  }

  heartbeat(groupId: string, ask: Heartbeat): HeartbeatReply {
    const known = this.#groups.get(groupId);
    if (known === undefined && ask.memberEpoch !== MemberEpoch.join) return refused(ErrorCode.GROUP_ID_NOT_FOUND);
    if (this.#parts.isClassic(groupId)) {
      return refused(ErrorCode.GROUP_ID_NOT_FOUND, 'the group has members of the classic protocol');
    }
    const running = known ?? this.#start(groupId);
    return this.#run(running, (out) => running.group.heartbeat(ask, out));
  }

  /** Whether a member of a group of this protocol may commit; undefined when the group is none. */
  check(groupId: string, memberId: string, memberEpoch: number): ErrorNumber | undefined {
    return this.#groups.get(groupId)?.group.check(memberId, memberEpoch);
  }

  /** A topic was made, changed or deleted. */
  topicsChanged(): void {
    for (const { group } of this.#groups.values()) group.topicsChanged();
  }

  /** No timer runs afterwards. */
  close(): void {
    this.#closed = true;
    for (const { timers } of this.#groups.values()) {
      for (const timer of timers.values()) this.#parts.timers.cancel(timer);
    }
    this.#groups.clear();
  }

  #start(groupId: string): Running {
    const { settings, topics } = this.#parts;
    const running: Running = { group: new ConsumerGroup(groupId, settings, topics), timers: new Map() };
    this.#groups.set(groupId, running);
    return running;
  }

  #run<Answer>(running: Running, step: (out: ConsumerEffect[]) => Answer): Answer {
    const out: ConsumerEffect[] = [];
    const answer = step(out);
    for (const effect of out) this.#perform(running, effect);
    if (running.group.members.size === 0) this.#groups.delete(running.group.id);
    return answer;
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
      });
    running.timers.set(key, timer);
    if (!this.#closed) this.#parts.timers.set(timer, effect.delayMs);
  }
}
