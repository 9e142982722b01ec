/**
 * The fetch sessions of one broker: found by id from any connection, bounded in number and in memory (rule 32).
 *
 * Not tied to connections: a session outlives the one it was made on, as with Kafka. The invariant to remember: a session
 * is a convenience; whenever there is no room it is declined or dropped, and its client goes on with full fetches.
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { FetchRequest, FetchTopic } from '../protocol/gen/01-fetch.gen.ts';
import { FetchSession, nextEpoch } from './fetch-session.ts';

export interface FetchSessionLimits {
  /** `max.incremental.fetch.session.cache.slots`. */
  readonly slots: number;
  /** `fetch.session.memory.bytes`. */
  readonly bytes: number;
}

/** What one partition of a session takes, roughly: its fields, its key and its place in the map. */
const PARTITION_BYTES = 320;
const SESSION_BYTES = 512;
/** A session that was used, or made, later than this ago is not evicted; Kafka's own number. */
const EVICTION_MS = 120_000;
const INITIAL_EPOCH = 0;
const FINAL_EPOCH = -1;
const ID_LIMIT = 2 ** 31 - 1;
const IDS_FROM_VERSION = 13;

/** What a request means: an error, no session, a new one when there is room, or the next step of `session`. */
export type FetchContext =
  | { readonly kind: 'refused'; readonly error: ErrorNumber }
  | { readonly kind: 'sessionless'; readonly topics: readonly FetchTopic[] }
  | { readonly kind: 'full'; readonly topics: readonly FetchTopic[]; readonly usesIds: boolean }
  | {
      readonly kind: 'incremental';
      readonly topics: readonly FetchTopic[];
      readonly session: FetchSession;
      /** The session's epoch while this request is the latest one of it. */
      readonly epoch: number;
    };

export class FetchSessions {
  readonly #limits: FetchSessionLimits;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  /** By id, the least recently used first. */
  readonly #sessions = new Map<number, FetchSession>();
  #partitions = 0;

  /** `nowMs` is monotonic; `random` is in [0, 1). */
  constructor(limits: FetchSessionLimits, nowMs: () => number, random: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#random = random;
  }

  /** Number of sessions. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Memory of all sessions, roughly. */
  get bytes(): number {
    return this.#sessions.size * SESSION_BYTES + this.#partitions * PARTITION_BYTES;
  }

  /** Reads what the request says of its session, and moves that session on. */
  contextOf(request: FetchRequest, apiVersion: number): FetchContext {
    const usesIds = apiVersion >= IDS_FROM_VERSION;
    const { sessionId, sessionEpoch, topics } = request;
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#remove(this.#sessions.get(sessionId));
      return sessionEpoch === FINAL_EPOCH ? { kind: 'sessionless', topics } : { kind: 'full', topics, usesIds };
    }
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { kind: 'refused', error: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
    if (session.epoch !== sessionEpoch) return { kind: 'refused', error: ErrorCode.INVALID_FETCH_SESSION_EPOCH };
    if (session.usesIds !== usesIds) return { kind: 'refused', error: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR };
    this.#update(session, request);
    if (session.size === 0) {
      this.#remove(session);
      return { kind: 'sessionless', topics };
    }
    if (this.bytes > this.#limits.bytes) {
      // Grown beyond the budget: its client begins again, and is declined then.
      this.#remove(session);
      return { kind: 'refused', error: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
    }
    this.#touch(session);
    session.epoch = nextEpoch(session.epoch);
    return { kind: 'incremental', topics: session.wanted(), session, epoch: session.epoch };
  }

  /** A session that reads `topics`, or undefined when there is no room: then the client is told id 0. */
  create(topics: readonly FetchTopic[], usesIds: boolean): FetchSession | undefined {
    const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0);
    if (!this.#makeRoom(partitions)) return undefined;
    const session = new FetchSession(this.#freeId(), usesIds, this.#nowMs());
    session.update(topics, []);
    this.#sessions.set(session.id, session);
    this.#partitions += session.size;
    return session;
  }

  #update(session: FetchSession, request: FetchRequest): void {
    this.#partitions -= session.size;
    session.update(request.topics, request.forgottenTopicsData);
    this.#partitions += session.size;
  }

  #touch(session: FetchSession): void {
    session.usedMs = this.#nowMs();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  #remove(session: FetchSession | undefined): void {
    if (session !== undefined && this.#sessions.delete(session.id)) this.#partitions -= session.size;
  }

  /** Evicts until one more session of so many partitions has room; false when that may not be. */
  #makeRoom(partitions: number): boolean {
    const bytes = SESSION_BYTES + partitions * PARTITION_BYTES;
    if (this.#limits.slots === 0 || bytes > this.#limits.bytes) return false;
    while (this.#sessions.size >= this.#limits.slots || this.bytes + bytes > this.#limits.bytes) {
      const victim = this.#evictable(partitions);
      if (victim === undefined) return false;
      this.#remove(victim);
    }
    return true;
  }

  /** The one unused for long; else, of those that are old enough, the smallest if it is smaller than the newcomer. */
  #evictable(partitions: number): FetchSession | undefined {
    const before = this.#nowMs() - EVICTION_MS;
    let smallest: FetchSession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.usedMs < before) return session;
      if (session.createdMs < before && session.size < (smallest?.size ?? partitions)) smallest = session;
    }
    return smallest;
  }

  /** Never 0, which means "no session", and never one that is in use. */
  #freeId(): number {
    let id: number;
    do id = 1 + Math.floor(this.#random() * (ID_LIMIT - 1));
    while (this.#sessions.has(id));
    return id;
  }
}
