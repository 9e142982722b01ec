/**
 * Which records of a refused batch are to blame, and why (rules 9 and 11): for the answer to Produce, from version 8 on.
 *
 * Not the refusal, which is the engine's. To remember: it is asked for a batch that is refused anyway, so it may cost
 * something; how much is bounded, because the batch comes from a client.
 */

import { MillraceError } from '../../errors.ts';
import { batchTools } from '../../log/batch-tools.ts';
import { readHeader, readRecords } from '../../log/batch-view.ts';
import type { LogRecord } from '../../log/record.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { TopicLimits } from '../settings.ts';

/** Records looked at, and errors told. */
const RECORDS_MAX = 10_000;
const ERRORS_MAX = 1000;
/** How many of them are told in the message for people, as Kafka does. */
const SHOWN = 3;

export interface RecordError {
  readonly batchIndex: number;
  readonly batchIndexErrorMessage: string;
}

export interface Blame {
  readonly recordErrors: RecordError[];
  readonly errorMessage: string;
}

/** A refused batch, `bytes[start, end)`, and where it was to go. */
export interface RefusedBatch {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly topic: string;
  readonly index: number;
  readonly limits: TopicLimits;
}

type Problem = (record: LogRecord) => string | undefined;

/** What is wrong with single records of a batch that was refused with `error`; undefined when it is none of them. */
export function blameOf(batch: RefusedBatch, error: ErrorNumber, nowMs: number): Blame | undefined {
  if (error === ErrorCode.INVALID_TIMESTAMP) {
    const recordErrors = errorsOf(batch, timestampProblem(batch.limits, nowMs));
    if (recordErrors.length === 0) return undefined;
    return { recordErrors, errorMessage: 'One or more records have been rejected due to invalid timestamp' };
  }
  if (error !== ErrorCode.INVALID_RECORD || !batch.limits.refuseKeyless) return undefined;
  const recordErrors = errorsOf(batch, (record) =>
    record.key === null
      ? `Compacted topic cannot accept message without key in topic partition ${batch.topic}-${batch.index}`
      : undefined,
  );
  return recordErrors.length === 0 ? undefined : { recordErrors, errorMessage: summaryOf(recordErrors) };
}

function timestampProblem({ partitions }: TopicLimits, nowMs: number): Problem {
  const { timestampBeforeMs = Number.POSITIVE_INFINITY, timestampAfterMs = Number.POSITIVE_INFINITY } = partitions;
  const [oldest, newest] = [nowMs - timestampBeforeMs, nowMs + timestampAfterMs];
  return ({ timestamp, offset }) => {
    if (timestamp === -1 || (timestamp >= oldest && timestamp <= newest)) return undefined;
    return (
      `Timestamp ${timestamp} of message with offset ${offset} is out of range. ` +
      `The timestamp should be within [${oldest}, ${newest}]`
    );
  };
}

function errorsOf(batch: RefusedBatch, problemOf: Problem): RecordError[] {
  try {
    return walk(batch, problemOf);
  } catch (error) {
    // Records that cannot be read have no number to be blamed by.
    if (error instanceof MillraceError) return [];
    throw error;
  }
}

function walk({ bytes, start, end, index }: RefusedBatch, problemOf: Problem): RecordError[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const errors: RecordError[] = [];
  const header = readHeader(view, start, end);
  if (!header) return errors;
  let batchIndex = 0;
  for (const record of readRecords(view, start, header, index, 0, batchTools())) {
    const problem = problemOf(record);
    if (problem !== undefined) errors.push({ batchIndex, batchIndexErrorMessage: problem });
    batchIndex += 1;
    if (batchIndex >= RECORDS_MAX || errors.length >= ERRORS_MAX) break;
  }
  return errors;
}

function summaryOf(errors: readonly RecordError[]): string {
  const shown = errors
    .slice(0, SHOWN)
    .map(({ batchIndex, batchIndexErrorMessage: why }) => `RecordError(batchIndex=${batchIndex}, message='${why}')`);
  return (
    `One or more records have been rejected due to ${errors.length} record errors in total, ` +
    `and only showing the first three errors at most: [${shown.join(', ')}]`
  );
}
