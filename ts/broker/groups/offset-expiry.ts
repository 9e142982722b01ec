/**
 * Deletes the offsets of groups nobody has used for offsets.retention.minutes (rule 43).
 *
 * Not the offsets themselves (offsets.ts). To remember: time counts from when the group was last seen with a member or
 * from its last commit, whichever is later, and never from before this node started, so nothing expires early.
 */

import type { CommittedOffsets } from './offsets.ts';

/** Watches which groups are in use and expires what the others have committed. */
export class OffsetExpiry {
  readonly #offsets: CommittedOffsets;
  readonly #isInUse: (group: string) => boolean;
  readonly #retentionMs: number;
  readonly #startedMs: number;
  readonly #lastUsedMs = new Map<string, number>();

  constructor(offsets: CommittedOffsets, isInUse: (group: string) => boolean, retentionMs: number, nowMs: number) {
    this.#offsets = offsets;
    this.#isInUse = isInUse;
    this.#retentionMs = retentionMs;
    this.#startedMs = nowMs;
  }

  /** Looks at every group once. `nowMs` is wall time. */
  check(nowMs: number): void {
    const before = nowMs - this.#retentionMs;
    for (const group of [...this.#offsets.groups()]) {
      if (this.#isInUse(group)) this.#lastUsedMs.set(group, nowMs);
      else if ((this.#lastUsedMs.get(group) ?? this.#startedMs) < before) this.#expire(group, before);
    }
  }

  #expire(group: string, before: number): void {
    this.#offsets.expire(group, before, () => {
      if (!this.#offsets.has(group)) this.#lastUsedMs.delete(group);
    });
  }
}
