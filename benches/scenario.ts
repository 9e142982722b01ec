/**
 * What a bench is: sides that do the same work, measured in turn, and goals between their medians.
 *
 * Invariant: a goal compares figures of one run only; nothing is compared with a number from another day.
 */
import type { Sweep } from './sweep.ts';

/** Named results of one measurement; the unit is part of the name (`requestsPerSecond`, `p50Micros`). */
export type Figures = Record<string, number>;

/** One way to do the work. */
export interface Side {
  readonly name: string;
  measure(): Promise<Figures>;
}

/** A relation that must hold between two sides' medians of one figure. */
export interface Goal {
  readonly figure: string;
  readonly side: string;
  readonly against: string;
  /** The figure of `side` is at least this many times that of `against`. */
  readonly ratioAtLeast?: number;
  /** The figure of `side` is at most this many times that of `against`. */
  readonly ratioAtMost?: number;
  /** The figure of `side` is at most this much above that of `against`. */
  readonly excessAtMost?: number;
  /** The figure of `side` is at most this, whatever that of `against` is. */
  readonly atMost?: number;
}

/** How much of everything. */
export interface Size {
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly repetitions: number;
  /** Rounds over all sides before the measured ones: a JVM needs some, and so does V8. */
  readonly discarded: number;
  /** Whether rivals take part; without them only our own side is run, and no goal is judged. */
  readonly rivals: boolean;
}

/** What a scenario may use; all of it is ended and removed after the scenario. */
export interface Workplace {
  readonly size: Size;
  /** A fresh directory on the disk that is measured. */
  directory(name: string): string;
  /** Has `end` called when the scenario is over, last registered first. */
  defer(end: () => PromiseLike<void> | void): void;
}

export interface Scenario {
  readonly name: string;
  /** One sentence: the work, the promise, the rivals. */
  readonly what: string;
  readonly goals: readonly Goal[];
  /** What is varied: figures are those of its steps, called `name@step`. */
  readonly sweep?: Sweep;
  /** Left out of the smoke run: it starts JVMs, or takes as long at any size. */
  readonly isLong?: boolean;
  /** False: needs none of the programs of benches/load, so they need not be built. */
  readonly usesLoadTools?: boolean;
  open(workplace: Workplace): Promise<readonly Side[]>;
}

/** One goal, judged. */
export interface Verdict {
  readonly goal: Goal;
  readonly value: number;
  readonly met: boolean;
}

/** All repetitions of a side and their medians. */
export interface SideResult {
  readonly side: string;
  readonly repetitions: readonly Figures[];
  readonly median: Figures;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly what: string;
  readonly sweep?: Sweep;
  readonly sides: readonly SideResult[];
  readonly verdicts: readonly Verdict[];
  /** Of the processors, 0 to 1: what the hypervisor gave to others meanwhile. */
  readonly stolenShare?: number;
}

/** Measures all sides in turn, as often as the size says, so that what the machine does meanwhile meets all of them. */
export async function runScenario(scenario: Scenario, workplace: Workplace): Promise<ScenarioResult> {
  const sides = await scenario.open(workplace);
  const measured = sides.map((side) => ({ side, repetitions: [] as Figures[] }));
  for (let round = 0; round < workplace.size.discarded; round += 1) {
    for (const { side } of measured) await side.measure();
  }
  for (let round = 0; round < workplace.size.repetitions; round += 1) {
    for (const { side, repetitions } of measured) repetitions.push(await side.measure());
  }
  const results = measured.map(({ side, repetitions }) => ({
    side: side.name,
    repetitions,
    median: medianOf(repetitions),
  }));
  const verdicts = workplace.size.rivals ? scenario.goals.map((goal) => judge(goal, results)) : [];
  const { name, what, sweep } = scenario;
  return { scenario: name, what, ...(sweep ? { sweep } : {}), sides: results, verdicts };
}

function medianOf(repetitions: readonly Figures[]): Figures {
  const names = new Set(repetitions.flatMap((figures) => Object.keys(figures)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = repetitions.map((figures) => figures[name]).filter((value) => value !== undefined);
      return [name, median(values)];
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error('no values, no median');
  return (upper + lower) / 2;
}

function judge(goal: Goal, results: readonly SideResult[]): Verdict {
  const own = figureOf(goal.side, goal.figure, results);
  if (goal.atMost !== undefined) return { goal, value: own, met: own <= goal.atMost };
  const other = figureOf(goal.against, goal.figure, results);
  if (goal.excessAtMost !== undefined) {
    const value = own - other;
    return { goal, value, met: value <= goal.excessAtMost };
  }
  const value = own / other;
  const met =
    (goal.ratioAtLeast === undefined || value >= goal.ratioAtLeast) &&
    (goal.ratioAtMost === undefined || value <= goal.ratioAtMost);
  return { goal, value, met };
}

function figureOf(side: string, figure: string, results: readonly SideResult[]): number {
  const value = results.find((result) => result.side === side)?.median[figure];
  if (value === undefined) throw new Error(`${side} has no figure ${figure}`);
  return value;
}
