/**
 * Deletes committed offsets that nobody has used for offsets.retention.minutes (rule 43).
 *
 * Not the offsets themselves (offsets.ts). To remember, from when the time counts:
 *   a group without members        from when the last one left, or from a later commit
 *   a group that never had any     from each offset's own commit (standalone consumers)
 *   a group with members           only offsets of topics it is known not to read any more, from their commit
 * A commit of OffsetCommit 2-4 may carry a time of its own, which then counts alone.
 */

import { Code, type CodeNumber } from '../../io/native-types.ts';
import type { StoredOffset } from '../../log/committed-offset.ts';
import type { CommittedOffsets } from './offsets.ts';

/** Who uses a group's offsets. */
export type GroupUse =
  | { readonly kind: 'empty'; readonly sinceMs: number }
  | { readonly kind: 'standalone' }
  | { readonly kind: 'members'; readonly topics: ReadonlySet<string> | undefined };

/** Deletes what has expired. */
export class OffsetExpiry {
  readonly #offsets: CommittedOffsets;
  readonly #useOf: (group: string) => GroupUse;
  readonly #retentionMs: number;
  readonly #emptied: (group: string) => void;

  /** `emptied` runs for a group that has no offsets left. */
  constructor(
    offsets: CommittedOffsets,
    useOf: (group: string) => GroupUse,
    retentionMs: number,
    emptied: (group: string) => void,
  ) {
    this.#offsets = offsets;
    this.#useOf = useOf;
    this.#retentionMs = retentionMs;
    this.#emptied = emptied;
  }

  /** Looks at every group once. `nowMs` is wall time. */
  check(nowMs: number): void {
    for (const group of [...this.#offsets.groups()]) {
      const use = this.#useOf(group);
      const isExpired = (topic: string, committed: StoredOffset): boolean =>
        nowMs >= this.#expiresMs(use, topic, committed);
      this.#offsets.delete(group, isExpired, (code: CodeNumber) => {
        if (code === Code.ok && !this.#offsets.has(group)) this.#emptied(group);
      });
    }
  }

  #expiresMs(use: GroupUse, topic: string, { committedMs, expiresMs }: StoredOffset): number {
    if (expiresMs !== undefined) return expiresMs;
    if (use.kind === 'standalone') return committedMs + this.#retentionMs;
    if (use.kind === 'empty') return Math.max(use.sinceMs, committedMs) + this.#retentionMs;
    const isRead = use.topics === undefined || use.topics.has(topic);
    return isRead ? Number.POSITIVE_INFINITY : committedMs + this.#retentionMs;
  }
}
