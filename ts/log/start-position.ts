/**
 * Where a reader starts: turns `from` and `onMissing` into an offset per partition.
 *
 * Not the reading. To remember: a start that is not there is an error unless `onMissing` says where to go instead; the
 * meaning of `from` never depends on whether something was committed.
 */

import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import { Code } from '../io/native-types.ts';
import { findStoredOffset } from './committed-offset.ts';
import type { Engine, Watermarks } from './types.ts';

/** Where to start. */
export type From =
  | 'earliest'
  | 'latest'
  | 'committed'
  | { readonly offset: bigint | number }
  | { readonly timestamp: number | Date };

/** Where to go when the start is not in the log (any more), or nothing was committed. */
export type OnMissing = 'earliest' | 'latest' | 'error';

/** One partition to be read. */
export interface ReadTarget {
  readonly topic: string;
  readonly partition: number;
  /** The engine's id of it. */
  readonly id: number;
}

/** How reads are bounded. */
export interface StartContext {
  readonly engine: Engine;
  readonly isolation: number;
  readonly group: string | undefined;
  readonly onMissing: OnMissing;
}

/** What `offsetForTime` takes for the start of the log. */
const EARLIEST = -2;

/** Watermarks of a partition. Throws MILLRACE_UNKNOWN_PARTITION. */
export function watermarksOf(engine: Engine, id: number, isolation: number): Watermarks {
  // Watermarks are answered for an offset in the log only; its start is one, and is known without reading.
  let start = -1;
  engine.offsetForTime(id, EARLIEST, isolation, (code, offset) => {
    if (code !== Code.ok) throw fromCode(code);
    start = offset;
  });
  const [marks] = engine.readable([{ partition: id, offset: start, maxBytes: 0, isolation, leaderEpoch: -1 }]);
  if (!marks || marks.code !== Code.ok) throw fromCode(marks?.code ?? Code.unknownPartition);
  return marks;
}

/** The end a reader of this isolation sees. */
export function readableEnd(marks: Watermarks, isolation: number): number {
  if (isolation === 2) return marks.durable;
  return isolation === 1 ? marks.lastStable : marks.highWatermark;
}

function missing(context: StartContext, target: ReadTarget, error: MillraceError): number {
  if (context.onMissing === 'error') throw error;
  const marks = watermarksOf(context.engine, target.id, context.isolation);
  return context.onMissing === 'earliest' ? marks.logStart : readableEnd(marks, context.isolation);
}

function atTime(context: StartContext, target: ReadTarget, timestamp: number): Promise<number> {
  return new Promise((resolve, reject) => {
    context.engine.offsetForTime(target.id, timestamp, context.isolation, (code, offset) => {
      if (code !== Code.ok) reject(fromCode(code));
      else if (offset >= 0) resolve(offset);
      else resolve(readableEnd(watermarksOf(context.engine, target.id, context.isolation), context.isolation));
    });
  });
}

/** The offset at which to start reading `target`. */
export async function startOffset(context: StartContext, target: ReadTarget, from: From): Promise<number> {
  const { engine, isolation, group } = context;
  if (from === 'earliest') return watermarksOf(engine, target.id, isolation).logStart;
  if (from === 'latest') return readableEnd(watermarksOf(engine, target.id, isolation), isolation);
  if (from === 'committed') {
    if (group === undefined) throw new MillraceError('MILLRACE_OPTION', "from: 'committed' needs a group");
    const stored = findStoredOffset(engine, group, target.topic, target.partition);
    if (stored) return stored.offset;
    return missing(
      context,
      target,
      new MillraceError('MILLRACE_NO_COMMITTED_OFFSET', `${group} on ${target.topic}-${target.partition}`),
    );
  }
  if (typeof from === 'object' && 'offset' in from) return checkedOffset(Number(from.offset));
  if (typeof from === 'object' && 'timestamp' in from) {
    return atTime(context, target, checkedOffset(Number(from.timestamp)));
  }
  throw new MillraceError('MILLRACE_OPTION', 'from must be earliest, latest, committed, { offset } or { timestamp }');
}

function checkedOffset(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new MillraceError('MILLRACE_OPTION', 'from: an offset or timestamp must be a whole number, 0 or more');
  }
  return value;
}

/** Where to go on when the engine says that the cursor lies outside the log. */
export function offsetInstead(context: StartContext, target: ReadTarget, offset: number): number {
  const reason = `offset ${offset} of ${target.topic}-${target.partition}`;
  return missing(context, target, new MillraceError('MILLRACE_OFFSET_OUT_OF_RANGE', reason));
}
