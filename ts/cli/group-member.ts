/**
 * One member of a consumer group, by Kafka's classic protocol: join, assign (range, when leader), heartbeat, commit,
 * leave. It has a connection of its own, because a join may wait long and heartbeats must not wait behind a fetch.
 *
 * Invariant: offsets are committed with the generation they were read in, so a member that was left out commits nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode as KafkaError } from '../broker/protocol/error-codes.ts';
import { offsetCommitApi } from '../broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../broker/protocol/gen/09-offset-fetch.gen.ts';
import { joinGroupApi } from '../broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../broker/protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../broker/protocol/gen/14-sync-group.gen.ts';
import { openCoordinator } from './coordinator-session.ts';
import type { ReadPosition } from './fetcher.ts';
import {
  assignRange,
  decodeAssignment,
  encodeAssignment,
  encodeSubscription,
  type TopicPartitions,
} from './group-assignment.ts';
import { check } from './kafka-names.ts';
import type { OffsetRange } from './offset-range.ts';
import type { ClientOptions, Session } from './session.ts';
import { resolvePositions } from './start-positions.ts';
import { fetchTopics } from './topic-description.ts';

const sessionTimeoutMs = 10_000;
const rebalanceTimeoutMs = 30_000;
const heartbeatEveryMs = 1000;

/** Errors of a coordinator that is not ready: the same is asked again a little later. */
const askAgain: ReadonlySet<number> = new Set([
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.NOT_COORDINATOR,
]);
const askAgainMs = 200;

/** Errors after which a member joins again instead of failing. */
const rejoin: ReadonlySet<number> = new Set([
  KafkaError.REBALANCE_IN_PROGRESS,
  KafkaError.ILLEGAL_GENERATION,
  KafkaError.UNKNOWN_MEMBER_ID,
]);

export class GroupMember implements AsyncDisposable {
  readonly #session: Session;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #range: OffsetRange;
  #memberId = '';
  #generation = -1;
  #positions: ReadPosition[] | undefined;
  #committed = new Map<string, number>();
  #heartbeatDue = 0;

  private constructor(session: Session, group: string, topics: readonly string[], range: OffsetRange) {
    this.#session = session;
    this.#group = group;
    this.#topics = topics;
    this.#range = range;
  }

  /** Connects as a member of `group` for `topics`; `range` says where to begin without a committed offset. */
  static async join(
    options: ClientOptions,
    group: string,
    topics: readonly string[],
    range: OffsetRange,
  ): Promise<GroupMember> {
    const session = await openCoordinator(options, group);
    for (const topic of await fetchTopics(session, topics)) check(topic.errorCode, topic.name ?? '');
    return new GroupMember(session, group, topics, range);
  }

  /** What this member is to read now: joins when it has to, heartbeats when it is time. */
  async positions(signal: AbortSignal): Promise<readonly ReadPosition[]> {
    if (this.#positions !== undefined && Date.now() >= this.#heartbeatDue) await this.#heartbeat();
    const deadline = Date.now() + rebalanceTimeoutMs;
    while (this.#positions === undefined && !signal.aborted) {
      const code = await this.#joinOnce();
      if (askAgain.has(code) && Date.now() < deadline) await sleep(askAgainMs);
      else check(code, `group ${this.#group}`);
    }
    return this.#positions ?? [];
  }

  /** True when the range has an end and everything assigned has reached it. */
  isFinished(): boolean {
    return this.#range.until !== undefined && (this.#positions ?? []).every((one) => one.next >= one.end);
  }

  /** Commits how far `positions` have been printed. A generation that has passed is not an error: others read on. */
  async commit(positions: readonly ReadPosition[]): Promise<void> {
    const moved = positions.filter((one) => this.#committed.get(`${one.topic}/${one.partition}`) !== one.next);
    if (moved.length === 0) return;
    const topics = [...new Set(moved.map((one) => one.topic))].map((name) => {
      const partitions = moved
        .filter((one) => one.topic === name)
        .map(({ partition, next }) => {
          return { partitionIndex: partition, committedOffset: next, committedLeaderEpoch: -1, committedMetadata: '' };
        });
      return { name, partitions };
    });
    const response = await this.#session.send(offsetCommitApi, {
      groupId: this.#group,
      generationIdOrMemberEpoch: this.#generation,
      memberId: this.#memberId,
      retentionTimeMs: -1n,
      topics,
    });
    const codes = response.topics.flatMap((topic) => topic.partitions.map((partition) => partition.errorCode));
    if (codes.some((code) => this.#mustRejoin(code))) return;
    for (const code of codes) check(code, `offsets of group ${this.#group}`);
    for (const one of moved) this.#committed.set(`${one.topic}/${one.partition}`, one.next);
  }

  /** Leaves the group, so that others need not wait for the session to time out. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#memberId !== '') {
        await this.#session.send(leaveGroupApi, { groupId: this.#group, memberId: this.#memberId });
      }
    } finally {
      await this.#session[Symbol.asyncDispose]();
    }
  }

  /** Notes an error that means "join again"; true when it was one. */
  #mustRejoin(code: number): boolean {
    if (!rejoin.has(code)) return false;
    if (code === KafkaError.UNKNOWN_MEMBER_ID) this.#memberId = '';
    this.#positions = undefined;
    return true;
  }

  async #heartbeat(): Promise<void> {
    const { errorCode } = await this.#session.send(heartbeatApi, {
      groupId: this.#group,
      generationId: this.#generation,
      memberId: this.#memberId,
    });
    this.#heartbeatDue = Date.now() + heartbeatEveryMs;
    if (!this.#mustRejoin(errorCode)) check(errorCode, `group ${this.#group}`);
  }

  /** One round of joining. Sets the positions when it succeeds; returns a code that is for the caller to judge, or 0. */
  async #joinOnce(): Promise<number> {
    const joined = await this.#session.send(joinGroupApi, {
      groupId: this.#group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeSubscription(this.#topics) }],
    });
    if (joined.errorCode === KafkaError.MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId;
      return 0;
    }
    if (joined.errorCode !== 0) return this.#mustRejoin(joined.errorCode) ? 0 : joined.errorCode;
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    const assignments = joined.leader === joined.memberId ? await this.#assign(joined.members) : [];
    const synced = await this.#session.send(syncGroupApi, {
      groupId: this.#group,
      generationId: this.#generation,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments,
    });
    if (synced.errorCode !== 0) return this.#mustRejoin(synced.errorCode) ? 0 : synced.errorCode;
    this.#positions = await this.#startPositions(decodeAssignment(synced.assignment));
    this.#heartbeatDue = Date.now() + heartbeatEveryMs;
    return 0;
  }

  async #assign(members: readonly { memberId: string; metadata: Uint8Array }[]) {
    const names = new Set(this.#topics);
    const topics = (await fetchTopics(this.#session, [...names])).map((topic) => {
      return { topic: topic.name ?? '', partitions: topic.partitions.map((partition) => partition.partitionIndex) };
    });
    const assigned = assignRange(members, topics);
    return [...assigned].map(([memberId, partitions]) => ({ memberId, assignment: encodeAssignment(partitions) }));
  }

  /** Committed offsets where there are any, the range's own beginning elsewhere. */
  async #startPositions(assigned: readonly TopicPartitions[]): Promise<ReadPosition[]> {
    const topics = assigned.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: [...partitions] }));
    const response = await this.#session.send(offsetFetchApi, { groupId: this.#group, topics });
    this.#committed = new Map();
    for (const topic of response.topics) {
      for (const one of topic.partitions) {
        check(one.errorCode, `offsets of group ${this.#group}`);
        if (one.committedOffset >= 0) this.#committed.set(`${topic.name}/${one.partitionIndex}`, one.committedOffset);
      }
    }
    const positions = await Promise.all(
      assigned.map(({ topic, partitions }) => resolvePositions(this.#session, topic, partitions, this.#range)),
    );
    return positions
      .flat()
      .map((one) => ({ ...one, next: this.#committed.get(`${one.topic}/${one.partition}`) ?? one.next }));
  }
}
