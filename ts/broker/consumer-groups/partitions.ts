/**
 * Sets of partitions by topic id: what a member is given, owns or has to give back.
 *
 * Values only. To remember: a topic without partitions is not in the map, so an empty set has size 0.
 */

export type Partitions = ReadonlyMap<string, ReadonlySet<number>>;

export const NO_PARTITIONS: Partitions = new Map();

/** A set under construction. */
export class PartitionSet {
  readonly #topics = new Map<string, Set<number>>();

  add(topicId: string, partition: number): this {
    const known = this.#topics.get(topicId);
    if (known) known.add(partition);
    else this.#topics.set(topicId, new Set([partition]));
    return this;
  }

  get value(): Partitions {
    return this.#topics;
  }
}

export function has(partitions: Partitions, topicId: string, partition: number): boolean {
  return partitions.get(topicId)?.has(partition) === true;
}

/** Every partition, topic by topic. */
export function* each(partitions: Partitions): IterableIterator<readonly [topicId: string, partition: number]> {
  for (const [topicId, numbers] of partitions) {
    for (const partition of numbers) yield [topicId, partition];
  }
}

/** The partitions of `from` that `keep` says yes to. */
export function only(from: Partitions, keep: (topicId: string, partition: number) => boolean): Partitions {
  const kept = new PartitionSet();
  for (const [topicId, partition] of each(from)) if (keep(topicId, partition)) kept.add(topicId, partition);
  return kept.value;
}

export function union(left: Partitions, right: Partitions): Partitions {
  const all = new PartitionSet();
  for (const [topicId, partition] of each(left)) all.add(topicId, partition);
  for (const [topicId, partition] of each(right)) all.add(topicId, partition);
  return all.value;
}

export function intersects(left: Partitions, right: Partitions): boolean {
  for (const [topicId, partition] of each(left)) if (has(right, topicId, partition)) return true;
  return false;
}

export function isSubset(part: Partitions, whole: Partitions): boolean {
  for (const [topicId, partition] of each(part)) if (!has(whole, topicId, partition)) return false;
  return true;
}

export function count(partitions: Partitions): number {
  let total = 0;
  for (const numbers of partitions.values()) total += numbers.size;
  return total;
}

export function isSame(left: Partitions, right: Partitions): boolean {
  return count(left) === count(right) && isSubset(left, right);
}

/** One row a topic, partitions in order. */
export function rowsOf(partitions: Partitions): { topicId: string; partitions: number[] }[] {
  return Array.from(partitions, ([topicId, numbers]) => ({ topicId, partitions: [...numbers].sort((a, b) => a - b) }));
}
