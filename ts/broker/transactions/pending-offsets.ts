/**
 * Which offsets of which groups wait for the end of a transaction (kafka.md rule 23).
 *
 * Not the offsets themselves: those lie with their transaction. To remember: several transactions may have offsets for one
 * partition of a group; it is unstable until the last of them has ended.
 */

/** Any offset, by what it is of. */
interface OfPartition {
  readonly topic: string;
  readonly partition: number;
}

export class PendingOffsets {
  /** group -> `partition/topic` -> the transactions that have an offset for it. */
  readonly #groups = new Map<string, Map<string, Set<object>>>();

  /** `offsets` wait for the end of `transaction`. */
  add(transaction: object, group: string, offsets: readonly OfPartition[]): void {
    if (offsets.length === 0) return;
    const pending = this.#groups.get(group) ?? new Map<string, Set<object>>();
    for (const offset of offsets) {
      const key = keyOf(offset);
      pending.set(key, (pending.get(key) ?? new Set()).add(transaction));
    }
    this.#groups.set(group, pending);
  }

  /** `transaction` has ended. */
  remove(transaction: object, group: string, offsets: readonly OfPartition[]): void {
    const pending = this.#groups.get(group);
    if (!pending) return;
    for (const offset of offsets) {
      const key = keyOf(offset);
      const waiting = pending.get(key);
      if (waiting?.delete(transaction) && waiting.size === 0) pending.delete(key);
    }
    if (pending.size === 0) this.#groups.delete(group);
  }

  /** Whether a transaction may still change what the group has committed for a partition. */
  has(group: string, topic: string, partition: number): boolean {
    return this.#groups.get(group)?.has(keyOf({ topic, partition })) ?? false;
  }

  /** Groups with anything pending. */
  get size(): number {
    return this.#groups.size;
  }
}

function keyOf({ topic, partition }: OfPartition): string {
  return `${partition}/${topic}`;
}
