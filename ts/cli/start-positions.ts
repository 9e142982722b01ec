/**
 * Turns an offset range into numbers for each partition, by asking the server once per kind of place.
 *
 * Invariant: positions lie between log start and high watermark; what was asked for beyond them is moved to the nearer.
 */
import { CliError, ExitCode } from './exit.ts';
import type { ReadPosition } from './fetcher.ts';
import type { OffsetRange, Point } from './offset-range.ts';
import type { Session } from './session.ts';
import { earliestOffset, latestOffset, offsetsAt } from './topic-description.ts';

/** Where to read each of `partitions` of `topic`. A partition with nothing between its ends is left out. */
export async function resolvePositions(
  session: Session,
  topic: string,
  partitions: readonly number[],
  range: OffsetRange,
): Promise<ReadPosition[]> {
  const [start, end] = await Promise.all([
    offsetsAt(session, topic, partitions, earliestOffset, 0),
    offsetsAt(session, topic, partitions, latestOffset, 0),
  ]);
  const from = await placesOf(session, topic, partitions, range.from, start, end);
  const until =
    range.until === undefined ? undefined : await placesOf(session, topic, partitions, range.until, start, end);
  const positions = partitions.map((partition) => {
    const first = start.get(partition) ?? 0;
    const last = end.get(partition) ?? 0;
    const next = Math.min(Math.max(from.get(partition) ?? first, first), Math.max(last, first));
    return { topic, partition, next, end: until?.get(partition) ?? Number.POSITIVE_INFINITY };
  });
  return positions.filter((position) => position.next < position.end);
}

async function placesOf(
  session: Session,
  topic: string,
  partitions: readonly number[],
  point: Point,
  start: ReadonlyMap<number, number>,
  end: ReadonlyMap<number, number>,
): Promise<Map<number, number>> {
  const place = (compute: (partition: number) => number): Map<number, number> => {
    return new Map(partitions.map((partition) => [partition, compute(partition)]));
  };
  switch (point.kind) {
    case 'start':
      return place((partition) => start.get(partition) ?? 0);
    case 'end':
      return place((partition) => end.get(partition) ?? 0);
    case 'offset':
      return place(() => point.offset);
    case 'afterStart':
      return place((partition) => (start.get(partition) ?? 0) + point.count);
    case 'beforeEnd':
      return place((partition) => (end.get(partition) ?? 0) - point.count);
    case 'time': {
      const found = await offsetsAt(session, topic, partitions, BigInt(point.ms), 0);
      // No record at or after that time: reading begins, or ends, where the log ends.
      return place((partition) => {
        const offset = found.get(partition) ?? -1;
        return offset < 0 ? (end.get(partition) ?? 0) : offset;
      });
    }
  }
}

/** The partitions of `-p`, checked against what the topic has; all of them without `-p`. */
export function choosePartitions(
  topic: string,
  known: readonly number[],
  wanted: readonly string[] | undefined,
): number[] {
  if (wanted === undefined) return [...known];
  return wanted
    .flatMap((text) => text.split(','))
    .map((text) => {
      const partition = Number(text);
      if (/^\d+$/.test(text) && known.includes(partition)) return partition;
      throw new CliError(ExitCode.notFound, `${topic} has partitions 0 to ${known.length - 1}: there is no '${text}'`);
    });
}
