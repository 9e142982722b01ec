/**
 * Which plots a result has: curves of a sweep, percentiles of latencies at a fixed rate, and what each promise costs.
 *
 * Not how they are drawn (svg.ts). To remember: a result without what a plot is of has none; nothing is made up for it.
 */
import type { Figures, ScenarioResult, SideResult } from './scenario.ts';
import { barPlot, linePlot, type Point, type Series } from './svg.ts';
import { figureAt, type Sweep, sweptNames } from './sweep.ts';

/** One plot as a file. */
export interface Plot {
  /** Without a folder: `wire-curve-requestsPerSecond.svg`. */
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** Figures that are drawn as curves, with the label of their axis, and whether it is one of logarithms. */
const curves: Readonly<Record<string, { readonly label: string; readonly logY: boolean }>> = {
  requestsPerSecond: { label: 'requests/s, median and range', logY: true },
  megabytesPerSecond: { label: 'MB/s, median and range', logY: true },
  latencyMicrosP50: { label: 'latency p50 in us, median and range', logY: true },
  latencyMicrosP99: { label: 'latency p99 in us, median and range', logY: true },
};
/** Percentiles by the figures they are in, and the share that is slower. */
const percentiles = [
  ['p50', 'latencyMicrosP50', 1 / 2],
  ['p90', 'latencyMicrosP90', 1 / 10],
  ['p99', 'latencyMicrosP99', 1 / 100],
  ['p99.9', 'latencyMicrosP999', 1 / 1000],
] as const;
/** Figures of the scenario of policies that are drawn as bars. */
const policyBars = [
  {
    what: 'latency',
    yLabel: 'us',
    logY: true,
    figures: ['aloneLatencyMicrosP50', 'latencyMicrosP50', 'latencyMicrosP99'],
  },
  { what: 'throughput', yLabel: 'appends/s of all callers', logY: false, figures: ['recordsPerSecond'] },
] as const;

const shownNames: Readonly<Record<string, string>> = {
  aloneLatencyMicrosP50: 'one at a time, p50',
  latencyMicrosP50: 'at a fixed rate, p50',
  latencyMicrosP99: 'at a fixed rate, p99',
  recordsPerSecond: 'appends/s',
};

/** Every plot of a result. */
export function plotsOf(result: ScenarioResult): Plot[] {
  if (result.scenario === 'policies') return policyPlots(result);
  if (result.sweep === undefined) return [];
  return [...curvePlots(result, result.sweep), ...percentilePlots(result, result.sweep)];
}

function curvePlots({ scenario, sides }: ScenarioResult, sweep: Sweep): Plot[] {
  const names = [...new Set(sides.flatMap(({ median }) => sweptNames(median)))];
  return names.flatMap((name) => {
    const shape = curves[name];
    if (shape === undefined) return [];
    const title = `${scenario}: ${name} over ${sweep.over}`;
    const series = sides.map((side): Series => ({ name: side.side, points: pointsOf(side, name, sweep) }));
    const plot = { title, xLabel: sweep.over, yLabel: shape.label, logX: true, logY: shape.logY, series };
    return drawn(`${scenario}-${name}`, title, series, () => linePlot(plot));
  });
}

function pointsOf({ median, repetitions }: SideResult, name: string, { steps }: Sweep): Point[] {
  return steps.flatMap((step) => {
    const y = figureAt(median, name, step);
    if (y === undefined) return [];
    const all = repetitions.flatMap((one) => figureAt(one, name, step) ?? []);
    return [{ x: step, y, low: Math.min(...all), high: Math.max(...all) }];
  });
}

/** At the highest rate that most sides reached every time, of those sides: above it latencies tell of the queue. */
function percentilePlots({ scenario, sides }: ScenarioResult, { over, steps }: Sweep): Plot[] {
  const reached = ({ repetitions }: SideResult, step: number): boolean =>
    repetitions.every((one) => figureAt(one, 'rateMet', step) === 1);
  const counts = steps.map((one) => sides.filter((side) => reached(side, one)).length);
  const most = Math.max(...counts);
  const step = steps[counts.lastIndexOf(most)];
  if (step === undefined || most === 0) return [];
  const shown = sides.filter((side) => reached(side, step));
  const title = `${scenario}: latency percentiles at ${step} ${over}`;
  const at = (median: Figures): Point[] =>
    percentiles.flatMap(([, name, share]) => {
      const y = figureAt(median, name, step);
      return y === undefined ? [] : [{ x: 1 / share, y }];
    });
  const series = shown.map(({ side, median }): Series => ({ name: side, points: at(median) }));
  const xTicks = percentiles.map(([text, , share]) => ({ at: 1 / share, text }));
  const axes = { xLabel: 'percentile', yLabel: 'latency in us, median of the repetitions', logX: true, logY: true };
  return drawn(`${scenario}-percentiles`, title, series, () => linePlot({ title, ...axes, xTicks, series }));
}

function policyPlots({ scenario, sides }: ScenarioResult): Plot[] {
  return policyBars.flatMap(({ what, yLabel, logY, figures }) => {
    const title = `${scenario}: ${what} by flush policy and durability level`;
    const series = figures.map((name) => ({
      name: shownNames[name] ?? name,
      // At a rate that was not reached a latency is that of the queue.
      values: sides.map(({ median }) =>
        name.startsWith('latency') && median.rateMet !== 1 ? Number.NaN : (median[name] ?? Number.NaN),
      ),
    }));
    const names = sides.map(({ side }) => side);
    return drawn(
      `${scenario}-${what}`,
      title,
      series.map(({ values }) => ({ points: values.filter(Number.isFinite) })),
      () => barPlot({ title, yLabel, logY, names, series }),
    );
  });
}

/** The plot, if there is something to draw. */
function drawn(
  name: string,
  title: string,
  series: readonly { readonly points: readonly unknown[] }[],
  draw: () => string,
): Plot[] {
  return series.some(({ points }) => points.length > 0) ? [{ file: `${name}.svg`, title, svg: draw() }] : [];
}
