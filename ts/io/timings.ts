/**
 * Histograms of the journal: how long flushes took, how large group commits were, since the engine was opened.
 *
 * Not how they are drawn or scraped. To remember: four buckets to an octave, every power of two the last value of its
 * bucket, as crates/journal/src/timings.rs counts them.
 */

const SPLIT = 4;

/** Counts by bucket. `counts[i]` are values above the upper bound of the bucket before, up to and including its own. */
export interface BucketCounts {
  readonly sum: number;
  readonly counts: ReadonlyMap<number, number>;
}

export interface EngineTimings {
  /** Flushes and writes that are durable by themselves, nanoseconds. */
  readonly flushNs: BucketCounts;
  readonly commitFrames: BucketCounts;
  readonly commitBytes: BucketCounts;
}

const NOTHING: BucketCounts = { sum: 0, counts: new Map() };

/** Takes apart what `NativeEngine.timings` answers; of an engine that is gone nothing was counted. */
export function decodeTimings(flat: readonly number[]): EngineTimings {
  let at = 0;
  const next = (): BucketCounts => {
    if (at + 1 >= flat.length) return NOTHING;
    const sum = flat[at] as number;
    const buckets = flat[at + 1] as number;
    at += 2;
    const counts = new Map<number, number>();
    for (let index = 0; index < buckets; index += 1, at += 2) counts.set(flat[at] as number, flat[at + 1] as number);
    return { sum, counts };
  };
  return { flushNs: next(), commitFrames: next(), commitBytes: next() };
}

/** The largest value of a bucket. */
export function upperBound(bucket: number): number {
  if (bucket < SPLIT) return bucket + 1;
  const octave = Math.floor(bucket / SPLIT);
  return 2 ** octave + ((bucket % SPLIT) + 1) * 2 ** (octave - 2);
}

/** How many values are at most `2 ** power`: exact. */
export function countUpTo({ counts }: BucketCounts, power: number): number {
  let total = 0;
  for (const [bucket, count] of counts) if (upperBound(bucket) <= 2 ** power) total += count;
  return total;
}

/** What was counted between two looks. */
export function grownBetween(before: BucketCounts, after: BucketCounts): BucketCounts {
  const counts = new Map<number, number>();
  for (const [bucket, count] of after.counts) {
    const more = count - (before.counts.get(bucket) ?? 0);
    if (more > 0) counts.set(bucket, more);
  }
  return { sum: after.sum - before.sum, counts };
}

export function totalOf({ counts }: BucketCounts): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

/** The value that a share of all is at most, taken evenly within its bucket; null when nothing was counted. */
export function quantileOf(of: BucketCounts, share: number): number | null {
  const wanted = totalOf(of) * share;
  let seen = 0;
  for (const [bucket, count] of [...of.counts].sort(([left], [right]) => left - right)) {
    if (seen + count >= wanted) {
      const lower = bucket === 0 ? 0 : upperBound(bucket < 2 * SPLIT && bucket >= SPLIT ? SPLIT - 1 : bucket - 1);
      return lower + (upperBound(bucket) - lower) * Math.max(0, Math.min(1, (wanted - seen) / count));
    }
    seen += count;
  }
  return null;
}
