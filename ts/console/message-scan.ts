/**
 * Looks through partitions for records, from either end, stretch by stretch, until enough was found or read.
 *
 * Not who asks (messages.ts). To remember: records of all partitions are given out by time, and of each partition in its own
 * order, so where a scan stops it can always be gone on from; what is kept of a record meanwhile is what a list shows.
 */

import type { IsolationName, ReadSource } from '../log/reader.ts';
import type { LogRecord } from '../log/record.ts';
import type { ReadTarget } from '../log/start-position.ts';
import type { RecordRow, ScanCursor, ScanEnd } from './api.ts';
import { readStretch } from './log-windows.ts';
import type { RecordFilter } from './record-filter.ts';
import { LISTED, recordRow } from './record-json.ts';

/** One partition to be looked through: offsets from `low` up to `high`, not included. */
export interface ScanPart {
  readonly target: ReadTarget;
  readonly low: number;
  readonly high: number;
}

export interface ScanOptions {
  readonly source: ReadSource;
  readonly isolation: IsolationName;
  readonly filter: RecordFilter | undefined;
  /** Newest first. */
  readonly isBackwards: boolean;
  /** Records to be found at most. */
  readonly limit: number;
  /** Bytes to be read at most, but for one stretch of each partition. */
  readonly budget: number;
  readonly signal: AbortSignal;
}

const LONGEST_STRETCH = 8192;
const SHORTEST_STRETCH = 16;

/** A partition while it is looked through. */
interface Looking {
  readonly target: ReadTarget;
  low: number;
  high: number;
  /** Found and not given out, in the order asked for. */
  found: RecordRow[];
  /** The time at which looking has arrived: what is found later lies beyond it. */
  edge: number;
}

/** A scan under way: counters, and where it is. */
export class MessageScan {
  records = 0;
  bytes = 0;
  matches = 0;
  readonly total: number;
  readonly #parts: readonly Looking[];
  readonly #options: ScanOptions;
  #length: number;

  constructor(parts: readonly ScanPart[], options: ScanOptions) {
    const edge = options.isBackwards ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.#parts = parts.map((part) => ({ ...part, found: [], edge }));
    this.#options = options;
    this.total = parts.reduce((sum, { low, high }) => sum + Math.max(0, high - low), 0);
    this.#length = Math.max(SHORTEST_STRETCH, Math.ceil(options.limit / Math.max(1, parts.length)));
  }

  /** Why it ended; undefined while it may go on. */
  get ended(): ScanEnd['reason'] | undefined {
    if (this.matches >= this.#options.limit) return 'limit';
    if (this.#parts.every((part) => part.found.length === 0 && isThrough(part))) return 'end';
    return this.bytes >= this.#options.budget ? 'budget' : undefined;
  }

  /** Where to go on; null when everything was looked at and given out. */
  get cursor(): ScanCursor | null {
    if (this.#parts.every((part) => part.found.length === 0 && isThrough(part))) return null;
    const { isBackwards } = this.#options;
    const stops = this.#parts.map(({ target, low, high, found: [next] }) => {
      if (next) return [target.partition, isBackwards ? next.offset + 1 : next.offset];
      return [target.partition, isBackwards ? high : low];
    });
    return Object.fromEntries(stops) as ScanCursor;
  }

  /** What each round of stretches has found, in the order asked for. Rounds without matches come as empty ones. */
  async *rounds(): AsyncGenerator<RecordRow[], void, undefined> {
    const { signal } = this.#options;
    while (this.ended === undefined && !signal.aborted) {
      for (const part of this.#parts) {
        if (part.found.length === 0 && !isThrough(part) && !signal.aborted) await this.#look(part);
      }
      yield this.#giveOut();
      this.#length = Math.min(LONGEST_STRETCH, this.#length * 2);
    }
  }

  async #look(part: Looking): Promise<void> {
    const { isBackwards, source, isolation, filter, limit } = this.#options;
    const from = isBackwards ? Math.max(part.low, part.high - this.#length) : part.low;
    const to = isBackwards ? part.high : Math.min(part.high, part.low + this.#length);
    let first: number | undefined;
    let last: number | undefined;
    const found: RecordRow[] = [];
    const take = (record: LogRecord): boolean => {
      this.records += 1;
      first ??= record.timestamp;
      last = record.timestamp;
      if (filter && !filter(record)) return true;
      found.push(recordRow(record, LISTED));
      if (isBackwards && found.length > limit) found.shift();
      return isBackwards || found.length < limit;
    };
    this.bytes += (await readStretch(source, part.target, { from, to }, isolation, take)).bytes;
    const isFull = found.length >= limit;
    if (isBackwards) {
      // Of more than can be given out the rest is looked at again.
      part.high = isFull ? (found[0]?.offset ?? from) : from;
      part.edge = (isFull ? found[0]?.timestamp : first) ?? part.edge;
      part.found = found.reverse();
    } else {
      part.low = isFull ? (found.at(-1)?.offset ?? to) + 1 : to;
      part.edge = last ?? part.edge;
      part.found = found;
    }
  }

  /** Of what was found everything that nothing can come before any more; all of it when nothing more is looked at. */
  #giveOut(): RecordRow[] {
    const { limit, isBackwards } = this.#options;
    const sign = isBackwards ? -1 : 1;
    const isOver = this.ended === 'budget';
    const rows: RecordRow[] = [];
    while (this.matches < limit) {
      let best: Looking | undefined;
      for (const part of this.#parts) {
        const [head] = part.found;
        const lead = best?.found[0];
        if (head && (!lead || (head.timestamp - lead.timestamp) * sign < 0)) best = part;
      }
      const next = best?.found[0];
      if (!best || !next) break;
      const mayComeBefore = (part: Looking): boolean =>
        part.found.length === 0 && !isThrough(part) && (part.edge - next.timestamp) * sign < 0;
      if (!isOver && this.#parts.some(mayComeBefore)) break;
      best.found.shift();
      rows.push(next);
      this.matches += 1;
    }
    return rows;
  }
}

function isThrough({ low, high }: Looking): boolean {
  return low >= high;
}
