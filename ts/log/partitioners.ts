/**
 * Ways to choose the partition of a record, besides the built-in one (by key like Java's client, else one partition a
 * batch in turn).
 *
 * Not the hash (partitioner.ts). To remember: a partitioner is a function with a state of its own, made once and handed to
 * every append; the same one in two topics mixes them up.
 */

import { MillraceError } from '../errors.ts';
import { murmur2, partitionOfKey } from './partitioner.ts';
import type { RecordInput } from './record.ts';

/** What a partitioner may look at. */
export interface PartitionChoice {
  /** Number of partitions of the topic. */
  readonly partitions: number;
  /** Bytes that were appended to a partition and are not yet with the engine. */
  waitingBytes(partition: number): number;
}

/** Answers the partition of `record`, `0 <= answer < partitions`; anything else rejects the append. */
export type Partitioner = (record: RecordInput, choice: PartitionChoice) => number;

/** Ring points of a partition: with so many, loads differ by some ten percent. */
const POINTS = 128;

/** Every record to the next partition, whatever its key is. */
export function roundRobin(): Partitioner {
  let next = 0;
  return (_record, { partitions }) => {
    const partition = next % partitions;
    next = partition + 1;
    return partition;
  };
}

/** Records with a key by Java's murmur2, as every Kafka client does; the others as `otherwise` says. */
export function byKey(otherwise: Partitioner): Partitioner {
  return (record, choice) => {
    const { key } = record;
    if (key === undefined || key === null) return otherwise(record, choice);
    return partitionOfKey(key, choice.partitions);
  };
}

/**
 * Partition i gets `weights[i]` of every sum of weights, spread evenly; keys do not matter. Throws MILLRACE_ARGUMENT when a
 * weight is negative or all are zero; a partition without a weight gets nothing.
 */
export function weighted(weights: readonly number[]): Partitioner {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || !Number.isFinite(total) || weights.some((weight) => !(weight >= 0))) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'weights are numbers, 0 or more, and at least one is more');
  }
  const credit = weights.map(() => 0);
  // The one that is owed most is next, and pays for it: no partition gets its share in one run.
  return () => {
    let best = 0;
    for (const [index, weight] of weights.entries()) {
      credit[index] = (credit[index] as number) + weight;
      if ((credit[index] as number) > (credit[best] as number)) best = index;
    }
    credit[best] = (credit[best] as number) - total;
    return best;
  };
}

/** To the partition that has the fewest bytes waiting; the first of several. Keys do not matter. */
export function leastLoaded(): Partitioner {
  return (_record, { partitions, waitingBytes }) => {
    let best = 0;
    for (let partition = 1; partition < partitions; partition += 1) {
      if (waitingBytes(partition) < waitingBytes(best)) best = partition;
    }
    return best;
  };
}

/**
 * Keys on a ring, so that partitions that are added take few keys from each of the others; records without a key go as
 * `otherwise` says. Other Kafka clients do not find keys this way.
 */
export function consistentHash(otherwise: Partitioner = roundRobin()): Partitioner {
  let ring: { readonly partitions: number; readonly points: readonly (readonly [hash: number, partition: number])[] } =
    {
      partitions: 0,
      points: [],
    };
  return (record, choice) => {
    const { key } = record;
    if (key === undefined || key === null) return otherwise(record, choice);
    if (ring.partitions !== choice.partitions) ring = ringOf(choice.partitions);
    return successor(ring.points, murmur2(bytesOf(key)) >>> 0);
  };
}

function ringOf(partitions: number) {
  const points: [number, number][] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    for (let point = 0; point < POINTS; point += 1) {
      points.push([murmur2(Buffer.from(`${partition}/${point}`)) >>> 0, partition]);
    }
  }
  return { partitions, points: points.sort((left, right) => left[0] - right[0]) };
}

/** The partition of the first point at or behind `hash`; behind the last one the ring begins again. */
function successor(points: readonly (readonly [number, number])[], hash: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as readonly [number, number])[0] < hash) low = middle + 1;
    else high = middle;
  }
  return (points[low % points.length] as readonly [number, number])[1];
}

function bytesOf(key: Uint8Array | string): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : key;
}
