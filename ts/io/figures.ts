/**
 * What the engine tells people and monitoring when they ask: segments of a partition, and figures of the whole engine.
 *
 * Not the page, whose numbers cost no call. To remember: the numbers of kinds, states and causes are those of
 * crates/log/src/segment.rs, crates/log/src/segment_report.rs and crates/journal/src/flush.rs.
 */

import type { CodeNumber } from './native-types.ts';
import { Code } from './native-types.ts';

/** Kinds of segment files: of one partition, of many, of large batches as they were appended, of what compaction left. */
export const segmentKinds = ['own', 'shared', 'bulk', 'compacted'] as const;
export type SegmentKind = (typeof segmentKinds)[number];

/** What is known of a segment's index; nothing is read to find out. */
export const indexStates = ['not needed', 'on disk', 'in memory', 'unreadable', 'made when read'] as const;
export type IndexState = (typeof indexStates)[number];

/** What a flush of the journal was due to: a policy, or a request under a policy that would not have flushed yet. */
export const flushCauses = ['always', 'records', 'bytes', 'interval', 'request'] as const;
export type FlushCause = (typeof flushCauses)[number];

/** Consecutive batches of one partition in one immutable file. */
export interface SegmentRange {
  /** Number of the file. */
  readonly file: number;
  readonly kind: SegmentKind;
  /** Offset of the first record, and behind the last one. */
  readonly base: number;
  readonly end: number;
  readonly bytes: number;
  /** Latest timestamp, ms since 1970. */
  readonly maxTimestamp: number;
  readonly indexEntries: number;
  readonly index: IndexState;
}

/** Figures of the engine; all but the first two and those of segments only grow. */
export interface EngineFigures {
  /** Bytes that a power cut could take now. */
  readonly unflushedBytes: number;
  readonly isFlushing: boolean;
  /** Times that operations waited because the ring's submission queue was full. */
  readonly queueFull: number;
  /** Files that were opened through the page cache because there is no direct I/O. */
  readonly directFallbacks: number;
  /** Flushes of the journal, and writes of it that were durable by themselves. */
  readonly flushes: Readonly<Record<FlushCause, number>>;
  readonly segments: readonly { readonly kind: SegmentKind; readonly files: number; readonly bytes: number }[];
}

const RANGE_ROW = 8;

/** Takes apart what `NativeEngine.segments` answers. */
export function decodeSegments(flat: readonly number[]): { code: CodeNumber; segments: SegmentRange[] } {
  const code = (flat[0] ?? Code.closing) as CodeNumber;
  const segments: SegmentRange[] = [];
  for (let at = 1; at + RANGE_ROW <= flat.length; at += RANGE_ROW) {
    const [file = 0, kind = 0, base = 0, end = 0, bytes = 0, maxTimestamp = 0, indexEntries = 0, index = 0] =
      flat.slice(at, at + RANGE_ROW);
    segments.push({
      file,
      kind: segmentKinds[kind] as SegmentKind,
      base,
      end,
      bytes,
      maxTimestamp,
      indexEntries,
      index: indexStates[index] as IndexState,
    });
  }
  return { code, segments };
}

/** Takes apart what `NativeEngine.figures` answers; of an engine that is gone everything is 0. */
export function decodeFigures(flat: readonly number[]): EngineFigures {
  const at = (index: number): number => flat[index] ?? 0;
  const causesFrom = 4;
  const segmentsFrom = causesFrom + flushCauses.length;
  const flushes = Object.fromEntries(flushCauses.map((cause, index) => [cause, at(causesFrom + index)]));
  return {
    unflushedBytes: at(0),
    isFlushing: at(1) === 1,
    queueFull: at(2),
    directFallbacks: at(3),
    flushes: flushes as Record<FlushCause, number>,
    segments: segmentKinds.map((kind, index) => {
      return { kind, files: at(segmentsFrom + 2 * index), bytes: at(segmentsFrom + 2 * index + 1) };
    }),
  };
}
