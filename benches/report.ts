/** Results as a table for people. The JSON for programs is the results themselves. */
import { stolenSentence } from './disturbance.ts';
import type { Goal, ScenarioResult, Verdict } from './scenario.ts';
import type { Sweep } from './sweep.ts';

/** Figures that people are shown, in the order of columns; the first that a scenario has is what it is about. */
export const SHOWN: readonly string[] = [
  'requestsPerSecond',
  'recordsPerSecond',
  'megabytesPerSecond',
  'aloneLatencyMicrosP50',
  'latencyMicrosP50',
  'latencyMicrosP99',
  'latencyMicrosP999',
  'serverCpuSecondsPerGigabyte',
  'serverCpuMicrosPerRequest',
  'loadCpuSeconds',
  'milliseconds',
  'readyMilliseconds',
  'joinMilliseconds',
  'rebalanceMilliseconds',
  'memoryBytesPerKey',
  'diskBytesPerKey',
  'replayedMegabytesPerSecond',
];

/** One scenario: its sides as rows, the figures that all know as columns, then the goals. */
export function table(result: ScenarioResult): string {
  if (result.sweep !== undefined) return sweepTable(result, result.sweep);
  const names = SHOWN.filter((name) => result.sides.some(({ median }) => median[name] !== undefined));
  const rows = [
    ['', ...names],
    ...result.sides.map(({ side, median }) => [side, ...names.map((name) => shown(median[name]))]),
  ];
  const widths = names.length === 0 ? [0] : rows[0]?.map((_, column) => columnWidth(rows, column));
  const lines = rows.map((row) => row.map((cell, column) => cell.padStart(widths?.[column] ?? 0)).join('  '));
  const notes = [...result.verdicts.map(goalSentence), stolenSentence(result.stolenShare)].filter(
    (note) => note !== '',
  );
  return [`## ${result.scenario}: ${result.what}`, ...lines, ...notes, ''].join('\n');
}

/** A sweep: a line for each side and step. */
function sweepTable({ sweep: _, ...result }: ScenarioResult, { over, steps }: Sweep): string {
  const sides = result.sides.flatMap(({ side, median }) =>
    steps.map((step) => {
      const ending = `@${step}`;
      const own = Object.entries(median).filter(([name]) => name.endsWith(ending));
      const figures = Object.fromEntries(own.map(([name, value]) => [name.slice(0, -ending.length), value]));
      return { side: `${side}, ${step} ${over}`, repetitions: [], median: figures };
    }),
  );
  return table({ ...result, sides });
}

function columnWidth(rows: readonly (readonly string[])[], column: number): number {
  return Math.max(...rows.map((row) => row[column]?.length ?? 0));
}

function shown(value: number | undefined): string {
  if (value === undefined) return '-';
  return value >= 1000 ? Math.round(value).toString() : value.toPrecision(3);
}

/** Whether a goal was met, and by how much. */
export function goalSentence({ goal, value, met }: Verdict): string {
  if (goal.atMost !== undefined) {
    return `${met ? 'met   ' : 'MISSED'} ${goal.figure}: ${goal.side} has ${shown(value)} (goal: at most ${goal.atMost})`;
  }
  const relation = goal.excessAtMost === undefined ? `${value.toFixed(2)} x` : `${shown(value)} above`;
  return `${met ? 'met   ' : 'MISSED'} ${goal.figure}: ${goal.side} is ${relation} ${goal.against} (goal: ${limit(goal)})`;
}

function limit(goal: Goal): string {
  if (goal.excessAtMost !== undefined) return `at most ${goal.excessAtMost} above`;
  return [
    goal.ratioAtLeast === undefined ? '' : `at least ${goal.ratioAtLeast} x`,
    goal.ratioAtMost === undefined ? '' : `at most ${goal.ratioAtMost} x`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
