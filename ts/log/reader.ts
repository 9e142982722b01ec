/**
 * Reads batches of one topic, partition by partition, and waits at the end for more.
 *
 * Not the records (batch-view.ts). To remember: two calls fetch what all its partitions have; waiting costs no timer and
 * no call: the engine tells which partitions moved.
 */

import { type LogReadNews, logReads } from '../channels.ts';
import { abortedError, MillraceError, throwIfAborted } from '../errors.ts';
import type { NodeEngine } from '../io/engine.ts';
import { fromCode } from '../io/native-error.ts';
import { Code, Isolation } from '../io/native-types.ts';
import { AbortedRecords } from './aborted-records.ts';
import { type BatchHeader, type InflateTools, readHeader } from './batch-view.ts';
import { type BatchContext, LogBatch } from './log-batch.ts';
import {
  type From,
  type OnMissing,
  offsetInstead,
  type ReadTarget,
  type StartContext,
  startOffset,
} from './start-position.ts';
import type { LeaseHolder, Pin, ReadRequest, Watermarks } from './types.ts';

/** Up to which watermark a reader sees. */
export type IsolationName = 'read_uncommitted' | 'read_committed' | 'durable';

/** How to read. */
export interface ReadOptions {
  /** Default: `committed` with a group, `earliest` without. */
  from?: From | undefined;
  /** What to do when the start is not there. Default `error`. */
  onMissing?: OnMissing | undefined;
  /** Default: all partitions. */
  partition?: number | undefined;
  partitions?: readonly number[] | undefined;
  /** Whose committed offsets `from: 'committed'` and `batch.commit()` mean. */
  group?: string | undefined;
  /** Default `read_committed`. */
  isolation?: IsolationName | undefined;
  /** Bytes to fetch at a time, over all partitions; a larger single batch still comes whole. Default 1 MiB. */
  maxBytes?: number | undefined;
  /** Wait for more at the end (default), or end there. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

const isolations: Record<IsolationName, number> = {
  read_uncommitted: Isolation.readUncommitted,
  read_committed: Isolation.readCommitted,
  durable: Isolation.durable,
};

const DEFAULT_MAX_BYTES = 1024 * 1024;

/** The engine's number of an isolation. Throws MILLRACE_OPTION. */
export function isolationNumber(name: IsolationName): number {
  const isolation = isolations[name];
  if (isolation === undefined) throw new MillraceError('MILLRACE_OPTION', `unknown isolation ${String(name)}`);
  return isolation;
}

interface Cursor {
  readonly target: ReadTarget;
  offset: number;
}

/** Bytes fetched for one cursor. */
interface Fetched {
  readonly cursor: Cursor;
  readonly start: number;
  readonly end: number;
}

/** Whose batches are read. */
export interface ReadSource {
  readonly engine: NodeEngine;
  readonly binding: InflateTools;
  /** Throws MILLRACE_CLOSED. */
  assertOpen(): void;
  /** Runs `listener` when it closes; returns how to stop it. */
  onClose(listener: () => void): () => void;
}

/** Reads `targets` as `options` say. */
export async function* readBatches(
  source: ReadSource,
  targets: readonly ReadTarget[],
  options: ReadOptions,
): AsyncGenerator<LogBatch, void, undefined> {
  const { engine, binding: tools } = source;
  const { signal, group } = options;
  throwIfAborted(signal);
  const isolation = isolationNumber(options.isolation ?? 'read_committed');
  const start: StartContext = { engine, isolation, group, onMissing: options.onMissing ?? 'error' };
  const from = options.from ?? (group === undefined ? 'earliest' : 'committed');
  const cursors: Cursor[] = [];
  for (const target of targets) cursors.push({ target, offset: await startOffset(start, target, from) });
  const arrival = new Arrival(source, isolation, new Set(targets.map((target) => target.id)), signal);
  const context: BatchContext = { engine, tools, group };
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  try {
    for (;;) {
      throwIfAborted(signal);
      source.assertOpen();
      arrival.reset();
      const beganMs = logReads.hasSubscribers ? performance.now() : 0;
      const fetched = await fetch(start, cursors, maxBytes);
      if (fetched.parts.length > 0) {
        if (beganMs > 0) publish(fetched, beganMs);
        const before = cursors.map(({ offset }) => offset);
        yield* batchesOf(context, fetched.bytes, fetched.parts, isolation, signal);
        // Asking again would bring the same answer, and may never leave this turn of the loop.
        if (cursors.every(({ offset }, index) => offset === before[index])) {
          throw new MillraceError('MILLRACE_DAMAGED', 'what was read holds no whole batch');
        }
        // The partition that came first this time comes last the next, so that none starves.
        cursors.push(cursors.shift() as Cursor);
      } else if (options.follow === false) return;
      else await arrival.wait();
    }
  } finally {
    arrival.stop();
  }
}

function publish({ bytes, parts }: { bytes: Buffer; parts: readonly Fetched[] }, beganMs: number): void {
  const [first] = parts;
  logReads.publish({
    topic: first?.cursor.target.topic ?? '',
    partitions: parts.length,
    bytes: bytes.length,
    durationMs: performance.now() - beganMs,
  } satisfies LogReadNews);
}

/** Fetches what the cursors can see: one call to ask, one to pin, one for each partition to copy. */
async function fetch(
  start: StartContext,
  cursors: readonly Cursor[],
  maxBytes: number,
): Promise<{ bytes: Buffer; parts: Fetched[] }> {
  const { engine, isolation } = start;
  const ask = (): ReadRequest[] =>
    cursors.map(({ target, offset }) => requestOf(target.id, offset, maxBytes, isolation));
  let requests = ask();
  let marks = engine.readable(requests);
  if (moveStranded(start, cursors, marks)) {
    requests = ask();
    marks = engine.readable(requests);
  }
  const asked: ReadRequest[] = [];
  const chosen: Cursor[] = [];
  let total = 0;
  for (const [index, cursor] of cursors.entries()) {
    const { code, available: length } = marks[index] as Watermarks;
    if (code !== Code.ok) throw fromCode(code);
    if (length === 0 || (total > 0 && total + length > maxBytes)) continue;
    asked.push({ ...(requests[index] as ReadRequest), maxBytes: length });
    chosen.push(cursor);
    total += length;
  }
  if (chosen.length === 0) return { bytes: Buffer.alloc(0), parts: [] };
  const pins = await new Promise<readonly Pin[]>((resolve) => engine.pin(asked, resolve));
  return copied(engine, pins, chosen);
}

/** Copies what was pinned, one part behind the other, and lets it go. */
function copied(engine: LeaseHolder, pins: readonly Pin[], cursors: readonly Cursor[]) {
  try {
    const refused = pins.find(({ code }) => code !== Code.ok);
    if (refused) throw fromCode(refused.code);
    const bytes = Buffer.allocUnsafeSlow(pins.reduce((sum, pin) => sum + (pin.lease === 0 ? 0 : pin.available), 0));
    let end = 0;
    const parts = pins.map(({ lease }, index): Fetched => {
      const start = end;
      if (lease !== 0) end += engine.copyLease(lease, bytes, start);
      return { cursor: cursors[index] as Cursor, start, end };
    });
    return { bytes, parts };
  } finally {
    for (const { lease } of pins) engine.releaseLease(lease);
  }
}

function requestOf(partition: number, offset: number, maxBytes: number, isolation: number): ReadRequest {
  return { partition, offset, maxBytes, isolation, leaderEpoch: -1 };
}

/** Moves cursors that lie outside the log to where `onMissing` says; answers whether there were any. */
function moveStranded(start: StartContext, cursors: readonly Cursor[], marks: readonly Watermarks[]): boolean {
  let moved = false;
  for (const [index, cursor] of cursors.entries()) {
    if (marks[index]?.code !== Code.offsetOutOfRange) continue;
    cursor.offset = offsetInstead(start, cursor.target, cursor.offset);
    moved = true;
  }
  return moved;
}

function* batchesOf(
  context: BatchContext,
  bytes: Buffer,
  parts: readonly Fetched[],
  isolation: number,
  signal: AbortSignal | undefined,
): Generator<LogBatch, void, undefined> {
  for (const { cursor, start, end } of parts) {
    const aborted = isolation === Isolation.readCommitted ? abortedIn(context, cursor, bytes, start, end) : undefined;
    let at = start;
    for (;;) {
      const header: BatchHeader | undefined = readHeader(bytes, at, end);
      if (!header) break;
      const from = cursor.offset;
      cursor.offset = header.lastOffset + 1;
      if (!aborted?.has(bytes, at, header) && !header.control && header.lastOffset >= from) {
        throwIfAborted(signal);
        yield new LogBatch(context, cursor.target, bytes, at, header, from);
      }
      at += header.length;
    }
  }
}

/** What readers of committed data leave out of these batches; undefined when nothing ever was aborted. */
function abortedIn(
  { engine }: BatchContext,
  { target, offset }: Cursor,
  bytes: Buffer,
  start: number,
  end: number,
): AbortedRecords | undefined {
  if (engine.hasNoAborted) return undefined;
  let last = offset;
  for (let at = start; ; ) {
    const header = readHeader(bytes, at, end);
    if (!header) break;
    last = header.lastOffset;
    at += header.length;
  }
  const { code, aborted } = engine.abortedBetween(target.id, offset, last + 1, 0);
  // The log start has passed the offset since it was read: what was aborted there is not known any more.
  if (code !== Code.ok) throw fromCode(code);
  return new AbortedRecords(aborted);
}

/** Wakes a reader when one of its partitions moved, its signal fires, or the engine goes away. */
class Arrival {
  #arrived = false;
  #wake: (() => void) | undefined;
  #failed: MillraceError | undefined;
  readonly #stops: (() => void)[] = [];

  constructor(source: ReadSource, isolation: number, ids: ReadonlySet<number>, signal: AbortSignal | undefined) {
    const { engine } = source;
    const moved = (partitions: Iterable<number>): void => {
      for (const partition of partitions) if (ids.has(partition)) this.#notify();
    };
    const durable = isolation === Isolation.durable;
    this.#stops.push(durable ? engine.onDurable(moved) : engine.onAdvance(moved));
    if (isolation === Isolation.readCommitted) this.#stops.push(engine.onStable(moved));
    this.#stops.push(
      engine.onFailure((code) => {
        this.#failed = new MillraceError(code === Code.closing ? 'MILLRACE_CLOSED' : 'MILLRACE_POISONED');
        this.#notify();
      }),
    );
    this.#stops.push(
      source.onClose(() => {
        this.#failed = new MillraceError('MILLRACE_CLOSED');
        this.#notify();
      }),
    );
    if (signal) {
      const abort = (): void => {
        this.#failed = abortedError(signal);
        this.#notify();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#stops.push(() => signal.removeEventListener('abort', abort));
    }
  }

  /** What arrives from now on counts. */
  reset(): void {
    this.#arrived = false;
  }

  async wait(): Promise<void> {
    if (!this.#arrived && !this.#failed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failed) throw this.#failed;
  }

  #notify(): void {
    this.#arrived = true;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}
