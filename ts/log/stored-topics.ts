/**
 * Whose the engine's partitions are, from the state map of a directory that nobody has open: for people, who know topics.
 *
 * Not an opening. To remember: a partition of a topic that is deleted is nobody's.
 */
import { nativeStoredEntries } from '../io/verify.ts';
import { TopicCatalogue } from './catalogue.ts';

/** A partition as people call it. */
export interface NamedPartition {
  readonly topic: string;
  readonly index: number;
}

/** By the engine's ids. Empty when the directory's state cannot be read: it may be what is damaged. */
export function storedPartitions(dir: string): ReadonlyMap<number, NamedPartition> {
  const named = new Map<number, NamedPartition>();
  try {
    const flat = nativeStoredEntries(dir, false);
    const entries = flat.flatMap((key, at): [Uint8Array, Uint8Array][] =>
      at % 2 === 0 ? [[key, flat[at + 1] ?? Buffer.alloc(0)]] : [],
    );
    const scanState = (prefix: Uint8Array) =>
      entries.filter(([key]) => Buffer.from(key).subarray(0, prefix.length).equals(prefix));
    const catalogue = new TopicCatalogue({ scanState, submit: refuse }, () => '', Date.now);
    for (const { name, partitions } of catalogue.all()) {
      for (const [index, partition] of partitions.entries()) named.set(partition, { topic: name, index });
    }
  } catch {
    return new Map();
  }
  return named;
}

function refuse(): never {
  throw new Error('stored topics are only read');
}
