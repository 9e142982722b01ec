/**
 * Our own families, `millrace_...`: the journal, flushes, watermarks, driver, recovery.
 *
 * Not what exporters of others are called. To remember: a name is added here only when its number is measured; nothing
 * constant pretends to be.
 */

import { type BucketCounts, countUpTo, type EngineTimings, totalOf } from '../io/timings.ts';
import type { ServerParts } from '../server-parts.ts';
import { version } from '../version.ts';
import { writeEngineFigures } from './engine-figures.ts';
import type { PartitionMarks } from './partition-marks.ts';
import type { HistogramNumbers, MetricType, PrometheusText } from './prometheus-text.ts';

/** Counters of the engine and of sockets in a ring by their names in `server.counters()`. */
const counted: readonly {
  readonly counter: string;
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
}[] = [
  { counter: 'commits', name: 'group_commits_total', type: 'counter', help: 'Group commits written.' },
  { counter: 'frames', name: 'frames_total', type: 'counter', help: 'Frames written: atomic effects.' },
  { counter: 'flushes', name: 'syncs_total', type: 'counter', help: 'Flushes and durable writes of any file.' },
  { counter: 'writes', name: 'writes_total', type: 'counter', help: 'Writes of any file.' },
  { counter: 'bytesWritten', name: 'written_bytes_total', type: 'counter', help: 'Bytes written to any file.' },
  { counter: 'bytesCopied', name: 'copied_bytes_total', type: 'counter', help: 'Payload bytes copied in memory.' },
  { counter: 'reads', name: 'reads_total', type: 'counter', help: 'Reads of files.' },
  { counter: 'bytesRead', name: 'read_bytes_total', type: 'counter', help: 'Bytes read from files.' },
  { counter: 'settles', name: 'settles_total', type: 'counter', help: 'Times the journal was settled.' },
  { counter: 'laps', name: 'journal_laps_total', type: 'counter', help: 'Uses of journal files.' },
  { counter: 'compactions', name: 'compactions_total', type: 'counter', help: 'Partitions compacted to their end.' },
  {
    counter: 'compactionsAbandoned',
    name: 'compactions_abandoned_total',
    type: 'counter',
    help: 'Compactions given up: a full disk, damage, a partition that went.',
  },
  { counter: 'compactedBytes', name: 'compacted_bytes_total', type: 'counter', help: 'Bytes that were compacted.' },
  {
    counter: 'compactedBytesLeft',
    name: 'compacted_bytes_left_total',
    type: 'counter',
    help: 'What was left of them.',
  },
  { counter: 'joins', name: 'joins_total', type: 'counter', help: 'Runs of small settled ranges that were joined.' },
  { counter: 'joinedRanges', name: 'joined_ranges_total', type: 'counter', help: 'Ranges in them.' },
  { counter: 'joinedBytes', name: 'joined_bytes_total', type: 'counter', help: 'Bytes in them.' },
  {
    counter: 'readAheadWindows',
    name: 'read_ahead_reads_total',
    type: 'counter',
    help: 'Reads of settled data made before a reader asked.',
  },
  { counter: 'readAheadBytes', name: 'read_ahead_bytes_total', type: 'counter', help: 'Bytes of them.' },
  {
    counter: 'readAheadUnreadBytes',
    name: 'read_ahead_unread_bytes_total',
    type: 'counter',
    help: 'Bytes of them that no reader came to.',
  },
  {
    counter: 'readAheadAnswers',
    name: 'read_ahead_answers_total',
    type: 'counter',
    help: 'Fetches answered from what was read ahead.',
  },
  {
    counter: 'readAheadHeld',
    name: 'read_ahead_held_bytes',
    type: 'gauge',
    help: 'Memory that what was read ahead takes: at most read.ahead.bytes.',
  },
  { counter: 'unsettledBytes', name: 'unsettled_bytes', type: 'gauge', help: 'Bytes that are only in the journal.' },
  { counter: 'enters', name: 'io_enters_total', type: 'counter', help: 'System calls of the I/O driver.' },
  {
    counter: 'sockets.bytesReceived',
    name: 'net_received_bytes_total',
    type: 'counter',
    help: 'Bytes received by sockets in a ring.',
  },
  { counter: 'sockets.bytesSent', name: 'net_sent_bytes_total', type: 'counter', help: 'Bytes sent by them.' },
  { counter: 'sockets.refused', name: 'net_refused_total', type: 'counter', help: 'Connections refused by them.' },
];

/** Writes our own families. `poisoned`: whether a flush has failed. */
export function writeOwnMetrics(
  text: PrometheusText,
  { engine, broker, counters }: ServerParts,
  marks: readonly PartitionMarks[],
  poisoned: boolean,
): void {
  text.one('millrace_build_info', 'gauge', 'Version that runs.', 1, { version });
  const { driver, reason } = engine.driver;
  text.one('millrace_io_driver_info', 'gauge', 'I/O driver, and why it was chosen.', 1, { driver, reason });
  const numbers = counters();
  for (const { counter, name, type, help } of counted) {
    const value = numbers[counter];
    if (value !== undefined) text.one(`millrace_${name}`, type, help, value);
  }
  const crossings = text.family('millrace_crossings_total', 'counter', 'Calls between JavaScript and the engine.');
  crossings.add(numbers.callsIn ?? 0, { direction: 'in' });
  crossings.add(numbers.callbacksOut ?? 0, { direction: 'out' });
  const unflushed = engine.appendedLsn - engine.durableLsn;
  text.one('millrace_unflushed_frames', 'gauge', 'Frames a power cut could take now.', unflushed);
  text.one('millrace_journal_poisoned', 'gauge', '1 when a flush has failed: nothing is written any more.', +poisoned);
  const isFull = +engine.isOutOfSpace;
  text.one('millrace_disk_full', 'gauge', '1 while writes are refused because the disk is full.', isFull);
  text.one('millrace_kafka_connections', 'gauge', 'Open connections of Kafka clients.', broker.connections);
  writeTimings(text, engine.timings());
  writeRecovery(text, engine);
  writeEngineFigures(text, engine);
  const durable = text.family('millrace_partition_durable_offset', 'gauge', 'Records below survive a power cut.');
  for (const { topic, partition, marks: of } of marks) durable.add(of.durable, { topic: topic.name, partition });
  const stable = text.family(
    'millrace_partition_last_stable_offset',
    'gauge',
    'Records below are of no open transaction.',
  );
  for (const { topic, partition, marks: of } of marks) stable.add(of.lastStable, { topic: topic.name, partition });
}

const TRUNCATED = 'Bytes of a torn tail that the opening cut.';
const DAMAGE = 'Places where durable data did not verify at the opening.';
const FENCED = 'Offsets that were durable and that the opening found damaged: they answer errors.';

const fenced = new WeakMap<object, number>();

/** Counted once: the account of an opening does not change. */
function fencedOffsets(engine: ServerParts['engine']): number {
  let count = fenced.get(engine);
  if (count === undefined) {
    const lost = engine.recoveryDetails().partitions.flatMap((partition) => partition.lost);
    count = lost.reduce((sum, [from, to]) => sum + to - from, 0);
    fenced.set(engine, count);
  }
  return count;
}

/** Powers of two that are bounds: 16 us to 17 s, one to 65,536 frames, 512 bytes to 64 MiB. */
const FLUSH_POWERS = { from: 14, to: 34 };
const FRAME_POWERS = { from: 0, to: 16 };
const BYTE_POWERS = { from: 9, to: 26 };
const NS_PER_SECOND = 1e9;

function writeTimings(text: PrometheusText, { flushNs, commitFrames, commitBytes }: EngineTimings): void {
  const families = [
    ['flush_duration_seconds', 'Duration of a flush, or of a write that is durable by itself.', flushNs, FLUSH_POWERS],
    ['group_commit_frames', 'Frames of a group commit.', commitFrames, FRAME_POWERS],
    ['group_commit_bytes', 'Bytes of a group commit as it was written.', commitBytes, BYTE_POWERS],
  ] as const;
  for (const [name, help, counts, powers] of families) {
    const unit = counts === flushNs ? NS_PER_SECOND : 1;
    text.family(`millrace_${name}`, 'histogram', help).addHistogram(histogramOf(counts, powers, unit));
  }
}

/** Counts by our buckets as a scrape wants them, with powers of two as bounds, in `unit`s of what was counted. */
function histogramOf(counts: BucketCounts, { from, to }: { from: number; to: number }, unit: number): HistogramNumbers {
  const powers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const upTo = powers.map((power) => countUpTo(counts, power));
  return {
    bounds: powers.map((power) => 2 ** power / unit),
    counts: upTo.map((count, index) => count - (upTo[index - 1] ?? 0)),
    above: totalOf(counts) - (upTo.at(-1) ?? 0),
    sum: counts.sum / unit,
  };
}

function writeRecovery(text: PrometheusText, engine: ServerParts['engine']): void {
  const { clean, durationMs, keptBytes, cutBytes, damage, incarnation } = engine.recovery;
  text.one('millrace_recovery_duration_seconds', 'gauge', 'How long the last opening took.', durationMs / 1000);
  text.one('millrace_recovery_clean', 'gauge', '1 when it had been closed cleanly before.', +clean);
  text.one('millrace_recovery_kept_bytes', 'gauge', 'Bytes of the journal that the last opening kept.', keptBytes);
  text.one('millrace_recovery_truncated_bytes_total', 'counter', TRUNCATED, cutBytes);
  text.one('millrace_damage_total', 'counter', DAMAGE, damage.length);
  text.one('millrace_fenced_offsets', 'gauge', FENCED, fencedOffsets(engine));
  text.one('millrace_incarnation', 'gauge', 'Grows with every opening.', incarnation);
}
