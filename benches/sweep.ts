/**
 * A sweep: one scenario measured at several steps of something (connections, arrivals a second), as one curve a side.
 *
 * Not a scenario itself. To remember: a figure of a step is a figure like any other, called `name@step`, so that medians and
 * spreads of curves come from where those of everything else do.
 */
import type { Figures } from './scenario.ts';

/** What is varied. */
export interface Sweep {
  /** With its unit, for an axis: `connections`. */
  readonly over: string;
  /** Rising, above 0. */
  readonly steps: readonly number[];
}

/** `figures` as those of one step. */
export function atStep(figures: Figures, step: number): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${name}@${step}`, value]));
}

/** The figure called `name` of a step. */
export function figureAt(figures: Figures, name: string, step: number): number | undefined {
  return figures[`${name}@${step}`];
}

/** Figures of a sweep by their names without the step, each once. */
export function sweptNames(figures: Figures): string[] {
  return [
    ...new Set(Object.keys(figures).flatMap((name) => (name.includes('@') ? [name.split('@', 1)[0] ?? ''] : []))),
  ];
}

/** Measures every step in turn, and gathers their figures under their steps' names. */
export async function measureSweep({ steps }: Sweep, measure: (step: number) => Promise<Figures>): Promise<Figures> {
  const all: Figures = {};
  for (const step of steps) Object.assign(all, atStep(await measure(step), step));
  return all;
}
