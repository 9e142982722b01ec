/**
 * The results of one run as a page for people: conditions first, then every scenario with medians, their spread, ratios to
 * the first side, goals and plots.
 *
 * Not a judgement beyond the goals. To remember: no figure stands here without the conditions of its run and the number of
 * repetitions its spread is of.
 */
import { stolenSentence } from './disturbance.ts';
import { type Plot, plotsOf } from './plots.ts';
import { goalSentence, SHOWN } from './report.ts';
import type { Figures, ScenarioResult, SideResult, Size } from './scenario.ts';
import { short } from './svg.ts';
import { figureAt, type Sweep, sweptNames } from './sweep.ts';

/** What one run leaves: the JSON. */
export interface BenchReport {
  readonly conditions: Readonly<Record<string, string>>;
  readonly size: Size;
  readonly results: readonly ScenarioResult[];
}

/** The page, and the plots it shows, which lie beside it. */
export function benchPage({ conditions, size, results }: BenchReport): { markdown: string; plots: Plot[] } {
  const sections = results.map((result) => ({ result, plots: plotsOf(result) }));
  const lines = [
    '# Bench',
    '',
    ...Object.entries(conditions).map(([name, fact]) => `- ${name}: ${fact}`),
    `- measured: ${size.repetitions} x ${size.seconds} s each after ${size.warmUpSeconds} s of warm-up, all sides in turn; ${size.discarded} rounds before them are not counted`,
    '- a cell is the median, and in brackets the least and the largest of the repetitions',
    '- ratios are to the first side; `latency` of a closed loop is that of a server kept busy, and only what says "arrivals at a fixed rate" is free of coordinated omission',
    '',
    ...sections.flatMap(({ result, plots }) => section(result, plots)),
  ];
  return { markdown: lines.join('\n'), plots: sections.flatMap(({ plots }) => plots) };
}

function section(result: ScenarioResult, plots: readonly Plot[]): string[] {
  return [
    `## ${result.scenario}`,
    '',
    `${result.what}.`,
    '',
    ...(result.sweep === undefined ? table(result.sides) : sweepTables(result.sides, result.sweep)),
    ...(stolenSentence(result.stolenShare) === '' ? [] : [stolenSentence(result.stolenShare), '']),
    ...(result.verdicts.length === 0 ? [] : [...result.verdicts.map((verdict) => `- ${goalSentence(verdict)}`), '']),
    ...plots.flatMap(({ file, title }) => [`![${title}](${file})`, '']),
  ];
}

/** Sides as rows, what they have of the known figures as columns. */
function table(sides: readonly SideResult[]): string[] {
  const known = SHOWN.filter((name) => sides.some(({ median }) => median[name] !== undefined));
  const [first] = known;
  const names = [...known, ...(known.length === 0 ? Object.keys(sides[0]?.median ?? {}) : [])];
  const hasRatio = first !== undefined && sides.length > 1;
  const base = first === undefined ? undefined : sides[0]?.median[first];
  const rows = sides.map(({ side, median, repetitions }) => [
    side,
    ...names.map((name) => cell(name, median, repetitions)),
    ...(hasRatio ? [ratio(median[first], base)] : []),
  ]);
  return markdownTable(['', ...names, ...(hasRatio ? [`ratio of ${first}`] : [])], rows);
}

/** What says nothing that another figure of a curve does not. */
const leftOutOfSweeps: ReadonlySet<string> = new Set(['recordsPerSecond', 'loadCpuSeconds']);

/** A table for each figure: sides as rows, steps as columns. */
function sweepTables(sides: readonly SideResult[], sweep: Sweep): string[] {
  const names = [...new Set(sides.flatMap(({ median }) => sweptNames(median)))];
  return SHOWN.filter((name) => names.includes(name) && !leftOutOfSweeps.has(name)).flatMap((name) => {
    const rows = sides.map(({ side, median, repetitions }, at) => [
      side,
      ...sweep.steps.map((step) => {
        const own = cell(`${name}@${step}`, median, repetitions);
        const base = at === 0 ? undefined : figureAt(sides[0]?.median ?? {}, name, step);
        const isReached = (figureAt(median, 'rateMet', step) ?? 1) === 1;
        return `${own}${base === undefined ? '' : `, ${ratio(figureAt(median, name, step), base)}`}${isReached ? '' : ', rate not reached'}`;
      }),
    ]);
    return markdownTable([`${name} by ${sweep.over}`, ...sweep.steps.map(String)], rows);
  });
}

function cell(name: string, median: Figures, repetitions: readonly Figures[]): string {
  const value = median[name];
  if (value === undefined) return '-';
  const all = repetitions.flatMap((figures) => figures[name] ?? []);
  if (all.length < 2) return short(value);
  return `${short(value)} (${short(Math.min(...all))} to ${short(Math.max(...all))})`;
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '-' : `${(value / base).toFixed(2)} x`;
}

function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((one) => one.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line), ''];
}
