/**
 * One line of the ledger: what one operation costs, found by doing many and dividing.
 *
 * To remember: counts are taken over windows, and the least of a window is what an operation needs; what is above it in
 * other windows is the process's own (timers, marks of a quiet journal). Memory is the median of the windows, because a
 * collection in between makes one look cheap. Times are taken of another process, where nobody asks for collections.
 */
import type { Spent } from './process.ts';
import type { Subject } from './subject.ts';
import type { Running } from './works.ts';

/** Counts of one operation. */
export interface Counts {
  readonly callsIn: number;
  readonly callbacksOut: number;
  readonly enters: number;
  readonly commits: number;
  readonly sends: number;
  readonly copied: number;
  /** Bytes of V8's heap. */
  readonly heap: number;
  /** Calls of malloc and its kin; undefined when they are not counted. */
  readonly allocations: number | undefined;
}

export interface Line extends Counts {
  readonly latencyMicros: number;
}

/** What one operation takes of an ordinary process. */
export interface Times {
  /** Of all threads, user and system; the median of the windows. */
  readonly cpuNanos: number;
  readonly latencyMicros: number;
}

export interface Effort {
  readonly warmUp: number;
  readonly windows: number;
  /** Operations of a window. */
  readonly operations: number;
}

const names = ['callsIn', 'callbacksOut', 'enters', 'commits', 'sends', 'copied'] as const;

function least(values: readonly number[]): number {
  return values.reduce((less, value) => Math.min(less, value), Number.POSITIVE_INFINITY);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

interface Mark {
  readonly spent: Spent;
  readonly allocations: number;
}

async function mark(subject: Subject): Promise<Mark> {
  return { spent: await subject.snapshot(), allocations: subject.allocations() ?? 0 };
}

/** What was spent between the second and the third mark beyond what was spent between the first two. */
function grownBeyond([first, second, third]: readonly [Mark, Mark, Mark]): Mark {
  const beyond = (one: number, two: number, three: number): number => three - two - (two - one);
  const grown = Object.entries(third.spent).map(([name, value]) => {
    const of = name as keyof Spent;
    return [name, Math.max(0, beyond(first.spent[of], second.spent[of], value))];
  });
  return {
    spent: Object.fromEntries(grown) as Spent,
    allocations: Math.max(0, beyond(first.allocations, second.allocations, third.allocations)),
  };
}

/** Measures one kind of work that is open. */
export async function measure(subject: Subject, running: Running, effort: Effort): Promise<Line> {
  await running.run(effort.warmUp);
  const windows: Mark[] = [];
  const latencies: number[] = [];
  for (let window = 0; window < effort.windows; window += 1) {
    await subject.tell({ what: 'collect' });
    // A snapshot itself makes calls and objects: what one costs is taken off.
    const marks = [await mark(subject), await mark(subject)];
    latencies.push(await running.run(effort.operations));
    marks.push(await mark(subject));
    windows.push(grownBeyond(marks as [Mark, Mark, Mark]));
  }
  const each = (name: keyof Spent): number => least(windows.map(({ spent }) => spent[name])) / effort.operations;
  const counts = Object.fromEntries(names.map((name) => [name, each(name)])) as Record<(typeof names)[number], number>;
  const allocations = median(windows.map((window) => window.allocations)) / effort.operations;
  return {
    ...counts,
    heap: median(windows.map(({ spent }) => spent.heap)) / effort.operations,
    allocations: subject.allocations() === undefined ? undefined : allocations,
    latencyMicros: median(latencies) * 1000,
  };
}

/** Measures the times of one kind of work that is open, in a process that is left alone. */
export async function measureTimes(subject: Subject, running: Running, effort: Effort): Promise<Times> {
  await running.run(effort.warmUp);
  const spent: number[] = [];
  const latencies: number[] = [];
  for (let window = 0; window < effort.windows; window += 1) {
    const before = (await subject.snapshot()).cpuMicros;
    latencies.push(await running.run(effort.operations));
    spent.push((await subject.snapshot()).cpuMicros - before);
  }
  return { cpuNanos: (median(spent) / effort.operations) * 1000, latencyMicros: median(latencies) * 1000 };
}
