/**
 * The load of `millrace bench`: operations at a fixed rate (open loop), or as many as so many callers can have under way
 * (closed loop). Not what an operation is, and not how figures are shown.
 *
 * Invariant: at a fixed rate a latency counts from when the operation was due, not from when it could be started: a server
 * that stalls is charged for everything that waits meanwhile.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** How much, how fast, how long. */
export interface LoadShape {
  /** Callers: connections, or whatever the target makes of them. */
  readonly clients: number;
  /** Operations each of them has under way in a closed loop. */
  readonly inFlight: number;
  /** Operations a second, evenly spaced over all callers; undefined: as many as come back. */
  readonly rate: number | undefined;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Starts one operation of a caller; resolves with the number of records it moved. `due`: as `performance.now()`. */
export type Operate = (client: number, due: number) => Promise<number>;

/** What was measured between warm-up and end. */
export interface Measured {
  /** Of the measured stretch. */
  readonly seconds: number;
  readonly operations: number;
  readonly records: number;
  /** Nanoseconds. */
  readonly latency: RecordableHistogram;
  /** How late operations were started, in nanoseconds: what this program itself adds. Empty in a closed loop. */
  readonly lateness: RecordableHistogram;
}

/** Operations under way at a fixed rate beyond which arrivals wait, on the clock. */
const outstandingMost = 20_000;
/** From here to an arrival a timer is too coarse, and the loop is turned instead, in ms. */
const timerMs = 2;
/** A closed loop gives way to everything else so often, in ms. */
const turnMs = 20;

class Meter {
  readonly latency: RecordableHistogram = histogram();
  readonly lateness: RecordableHistogram = histogram();
  readonly begin: number;
  readonly end: number;
  operations = 0;
  records = 0;
  failure: unknown;
  #last: number;

  constructor({ warmUpMs, durationMs }: LoadShape) {
    this.begin = performance.now() + warmUpMs;
    this.end = this.begin + durationMs;
    this.#last = this.begin;
  }

  note(from: number, records: number): void {
    const now = performance.now();
    this.#last = Math.max(this.#last, Math.min(now, this.end));
    if (now >= this.begin && now < this.end) {
      this.operations += 1;
      this.records += records;
    }
    if (from >= this.begin && from < this.end) this.latency.record(nanoseconds(now - from));
  }

  result(stoppedEarly: boolean): Measured {
    const { latency, lateness, operations, records } = this;
    const seconds = ((stoppedEarly ? this.#last : this.end) - this.begin) / 1000;
    return { seconds, operations, records, latency, lateness };
  }
}

/** Runs a load to its end, or until `signal`; waits for what is under way. Rejects with the first failed operation. */
export async function runLoad(shape: LoadShape, operate: Operate, signal: AbortSignal): Promise<Measured> {
  const meter = new Meter(shape);
  const stopped = (): boolean => signal.aborted || meter.failure !== undefined;
  await (shape.rate === undefined
    ? closedLoop(shape, operate, meter, stopped)
    : openLoop(shape.rate, shape, operate, meter, stopped));
  if (meter.failure !== undefined) throw meter.failure;
  return meter.result(signal.aborted);
}

async function closedLoop(
  { clients, inFlight }: LoadShape,
  operate: Operate,
  meter: Meter,
  stopped: () => boolean,
): Promise<void> {
  const call = async (client: number): Promise<void> => {
    let turned = performance.now();
    for (let now = performance.now(); now < meter.end && !stopped(); now = performance.now()) {
      try {
        meter.note(now, await operate(client, now));
      } catch (error) {
        meter.failure ??= error;
      }
      if (now - turned < turnMs) continue;
      // What is answered from memory never leaves the microtasks by itself: Ctrl-C would not be heard.
      await new Promise((resolve) => setImmediate(resolve));
      turned = now;
    }
  };
  await Promise.all(Array.from({ length: clients * inFlight }, (_, index) => call(index % clients)));
}

async function openLoop(
  rate: number,
  { clients, warmUpMs }: LoadShape,
  operate: Operate,
  meter: Meter,
  stopped: () => boolean,
): Promise<void> {
  // Not the time it is now: as many are due in the measured stretch, however long it took to come here.
  const first = meter.begin - warmUpMs;
  let outstanding = 0;
  let wake: (() => void) | undefined;
  const ended = (): void => {
    outstanding -= 1;
    wake?.();
  };
  const start = (client: number, due: number): void => {
    outstanding += 1;
    if (due >= meter.begin) meter.lateness.record(nanoseconds(performance.now() - due));
    operate(client, due)
      .then((records) => meter.note(due, records))
      .catch((error: unknown) => {
        meter.failure ??= error;
      })
      .finally(ended);
  };
  const room = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  for (let count = 0; !stopped(); count += 1) {
    const due = first + (count * 1000) / rate;
    if (due >= meter.end) break;
    while (performance.now() < due && !stopped()) await pause(due - performance.now());
    while (outstanding >= outstandingMost && !stopped()) await room();
    if (performance.now() >= meter.end + meter.end - meter.begin) break;
    start(count % clients, due);
  }
  while (outstanding > 0 && meter.failure === undefined) await room();
}

/** Until shortly before an arrival, or one turn of the loop. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms > timerMs ? setTimeout(resolve, ms - timerMs) : setImmediate(resolve)));
}

function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}

function histogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 3_600_000_000_000, figures: 3 });
}
