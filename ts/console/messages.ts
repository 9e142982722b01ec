/**
 * Records of a topic for the message viewer: a scan with a filter and a budget, a live tail, and one record whole.
 *
 * Not the looking itself (message-scan.ts). To remember: the filter runs here, so what is not wanted never travels; a page
 * that is closed ends its scan.
 */

import type { Topic } from '../log/catalogue.ts';
import { type IsolationName, isolationNumber, readBatches } from '../log/reader.ts';
import type { LogRecord } from '../log/record.ts';
import { type ReadTarget, readableEnd, startOffset } from '../log/start-position.ts';
import { marksOf } from '../metrics/partition-marks.ts';
import type { ScanEnd, ScanProgress } from './api.ts';
import type { EventStream } from './event-stream.ts';
import { readStretch, sourceOf } from './log-windows.ts';
import { MessageScan, type ScanPart } from './message-scan.ts';
import { ConsoleError, type ConsoleParts, type Query, textOf, wholeOf } from './parts.ts';
import { parseFilter } from './record-filter.ts';
import { LISTED, recordRow, WHOLE } from './record-json.ts';
import { topicOf } from './topics.ts';

const LIMIT = { from: 1, to: 1000, otherwise: 50 };
const MEGABYTE = 1024 * 1024;
const BUDGET_MB = { from: 1, to: 4096, otherwise: 64 };
const OFFSET = { from: 0, to: Number.MAX_SAFE_INTEGER };
/** A tail shows at most so many records at a time, and tells how many it left out. */
const TAIL_SHOWN = 200;
const TAIL_PERIOD_MS = 250;

function isolationOf(query: Query): IsolationName {
  const name = textOf(query, 'isolation', 'read_committed');
  if (name === 'read_committed' || name === 'read_uncommitted' || name === 'durable') return name;
  throw new ConsoleError(400, 'isolation is read_committed, read_uncommitted or durable');
}

/** The partitions that are asked for: one, or all. */
function targetsOf(topic: Topic, query: Query): ReadTarget[] {
  const all = topic.partitions.map((id, partition) => ({ topic: topic.name, partition, id }));
  if (textOf(query, 'partition', '') === '') return all;
  const partition = wholeOf(query, 'partition', { from: 0, to: all.length - 1 });
  return all.slice(partition, partition + 1);
}

/** Where to begin and end in every partition: at the ends of the log as they are now, or where a scan has stopped. */
async function partsOf(parts: ConsoleParts, query: Query, isolation: IsolationName): Promise<ScanPart[]> {
  const topic = topicOf(parts, query);
  const { engine } = parts.server;
  const number = isolationNumber(isolation);
  const marks = new Map(marksOf(engine, [topic]).map(({ partition, marks: of }) => [partition, of]));
  const from = textOf(query, 'from', 'newest');
  const cursor = cursorOf(query);
  const found: ScanPart[] = [];
  for (const target of targetsOf(topic, query)) {
    const of = marks.get(target.partition);
    if (!of) continue;
    let low = of.logStart;
    let high = readableEnd(of, number);
    if (from === 'offset') low = Math.max(low, wholeOf(query, 'at', OFFSET));
    if (from === 'time') {
      const start = { engine, isolation: number, group: undefined, onMissing: 'earliest' as const };
      low = await startOffset(start, target, { timestamp: wholeOf(query, 'at', OFFSET) });
    }
    const stopped = cursor?.[target.partition];
    if (typeof stopped === 'number' && from === 'newest') high = Math.min(high, stopped);
    else if (typeof stopped === 'number') low = Math.max(low, stopped);
    found.push({ target, low, high });
  }
  return found;
}

function cursorOf(query: Query): Record<string, unknown> | undefined {
  const text = textOf(query, 'cursor', '');
  if (text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below, as for what is JSON but no object.
  }
  throw new ConsoleError(400, 'cursor is not one that a scan has given');
}

/** Scans as `from`, `filter`, `limit` and `budget` say: events `records`, `progress`, and `end` with how to go on. */
export async function messages(parts: ConsoleParts, query: Query, events: EventStream): Promise<void> {
  const isolation = isolationOf(query);
  const from = textOf(query, 'from', 'newest');
  if (!['newest', 'oldest', 'offset', 'time'].includes(from)) throw new ConsoleError(400, `from cannot be ${from}`);
  const scan = new MessageScan(await partsOf(parts, query, isolation), {
    source: sourceOf(parts.server),
    isolation,
    filter: parseFilter(textOf(query, 'filter', '')),
    isBackwards: from === 'newest',
    limit: wholeOf(query, 'limit', LIMIT),
    budget: wholeOf(query, 'budget', BUDGET_MB) * MEGABYTE,
    signal: events.signal,
  });
  for await (const found of scan.rounds()) {
    if (found.length > 0) await events.send('records', found);
    await events.send('progress', progressOf(scan));
  }
  const end: ScanEnd = { ...progressOf(scan), reason: scan.ended ?? 'end', cursor: scan.cursor };
  await events.send('end', end);
}

function progressOf({ records, bytes, matches, total }: MessageScan): ScanProgress {
  return { records, bytes, matches, total, skipped: 0 };
}

/** Records as they arrive from now on, those that the filter takes. */
export async function tail(parts: ConsoleParts, query: Query, events: EventStream): Promise<void> {
  const topic = topicOf(parts, query);
  const filter = parseFilter(textOf(query, 'filter', ''));
  const shown = new TailWindow(events);
  const options = { from: 'latest', isolation: isolationOf(query), signal: events.signal } as const;
  try {
    for await (const batch of readBatches(sourceOf(parts.server), targetsOf(topic, query), options)) {
      for (const record of batch.records())
        shown.saw(record, !filter || filter(record), batch.bytes.length / batch.count);
    }
  } catch (error) {
    if (!events.signal.aborted) throw error;
  } finally {
    shown.close();
  }
}

/** What a tail has brought since it last told. */
class TailWindow {
  readonly #events: EventStream;
  readonly #timer: NodeJS.Timeout;
  #fresh: LogRecord[] = [];
  #told = { records: 0, bytes: 0, matches: 0, total: 0, skipped: 0 };
  #isNew = true;

  constructor(events: EventStream) {
    this.#events = events;
    this.#timer = setInterval(() => this.#tell(), TAIL_PERIOD_MS).unref();
  }

  saw(record: LogRecord, isWanted: boolean, bytes: number): void {
    this.#told.records += 1;
    this.#told.bytes += bytes;
    this.#isNew = true;
    if (!isWanted) return;
    this.#told.matches += 1;
    this.#fresh.push(record);
    if (this.#fresh.length <= TAIL_SHOWN) return;
    this.#fresh.shift();
    this.#told.skipped += 1;
  }

  #tell(): void {
    if (!this.#isNew || !this.#events.hasRoom) return;
    const rows = this.#fresh.reverse().map((record) => recordRow(record, LISTED));
    this.#fresh = [];
    this.#isNew = false;
    if (rows.length > 0) void this.#events.send('records', rows);
    void this.#events.send('progress', { ...this.#told, bytes: Math.round(this.#told.bytes) });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** One record with everything in it. */
export async function record(parts: ConsoleParts, query: Query): Promise<unknown> {
  const topic = topicOf(parts, query);
  const offset = wholeOf(query, 'offset', OFFSET);
  const [target] = targetsOf(topic, query);
  if (!target) throw new ConsoleError(404, 'there is no such partition');
  let found: LogRecord | undefined;
  const stretch = { from: offset, to: offset + 1 };
  await readStretch(sourceOf(parts.server), target, stretch, 'read_uncommitted', (one) => {
    found = one;
    return false;
  });
  if (!found) throw new ConsoleError(404, `${topic.name}-${target.partition} has no record at ${offset} (any more)`);
  return recordRow(found, WHOLE);
}
