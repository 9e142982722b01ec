/**
 * What `millrace bench` prints: figures with the conditions they hold under, as text, as one line of JSON, as a percentile
 * file for HdrHistogram's plotter, and beside an earlier run.
 *
 * Invariant: no latency without saying whether arrivals had a rate of their own, and no figure without its conditions.
 */
import { readFileSync } from 'node:fs';
import type { RecordableHistogram } from 'node:perf_hooks';
import { renderColumns } from '../columns.ts';
import { CliError, ExitCode, usage } from '../exit.ts';
import type { LoadShape, Measured } from './load.ts';

/** What a figure holds under: text by name, in the order of printing. */
export type Conditions = Readonly<Record<string, string | number>>;

/** Microseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One run, as `--json` prints it. */
export interface BenchResult {
  readonly bench: string;
  readonly conditions: Conditions;
  readonly seconds: number;
  readonly operations: number;
  readonly records: number;
  readonly operationsPerSecond: number;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Operations a second that were asked for; null: as many as came back. */
  readonly rate: number | null;
  /** Operations under way at a time; null with a rate, which asks nobody. */
  readonly underWay: number | null;
  /** False when less than 95 % of the rate was reached: then latencies grow with the duration, and mean little. */
  readonly rateMet: boolean;
  readonly latencyMicros: Percentiles;
  /** How late this program started operations; null without a rate. */
  readonly latenessMicros: Percentiles | null;
}

/** Puts figures together. `bytesEach`: of a record. */
export function resultOf(
  bench: string,
  conditions: Conditions,
  shape: LoadShape,
  measured: Measured,
  bytesEach: number,
): BenchResult {
  const { seconds, operations, records, latency, lateness } = measured;
  const perSecond = (count: number): number => (seconds > 0 ? count / seconds : 0);
  const rate = shape.rate ?? null;
  return {
    bench,
    conditions,
    seconds,
    operations,
    records,
    operationsPerSecond: perSecond(operations),
    recordsPerSecond: perSecond(records),
    bytesPerSecond: perSecond(records * bytesEach),
    rate,
    underWay: rate === null ? shape.clients * shape.inFlight : null,
    rateMet: rate === null || perSecond(operations) >= rate * 0.95,
    latencyMicros: percentilesOf(latency),
    latenessMicros: rate === null ? null : percentilesOf(lateness),
  };
}

function percentilesOf(histogram: RecordableHistogram): Percentiles {
  const at = (percentile: number): number => (histogram.count === 0 ? 0 : histogram.percentile(percentile) / 1000);
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: histogram.count === 0 ? 0 : histogram.max / 1000,
  };
}

/** The figures for a person. */
export function describe(result: BenchResult): string {
  const { latencyMicros, latenessMicros, rate, underWay } = result;
  const facts = Object.entries(result.conditions).map(([name, value]) => [name, String(value)]);
  const rows = [
    ...facts,
    [
      'rate',
      rate === null
        ? `as fast as answers come back, ${underWay} under way (closed loop)`
        : `${whole(rate)} operations/s (open loop)`,
    ],
    ['operations', `${whole(result.operations)} in ${result.seconds.toFixed(1)} s`],
    ['throughput', throughputText(result)],
    ['latency', percentileText(latencyMicros)],
  ];
  if (latenessMicros !== null) rows.push(['started late', percentileText(latenessMicros)]);
  const notes = [];
  if (rate === null)
    notes.push('Latency in a closed loop is that of a server kept busy: give --rate for one to rely on.');
  if (!result.rateMet) notes.push('The rate was not reached: latencies tell how long the queue became, nothing else.');
  return `${renderColumns({ headings: [result.bench.toUpperCase(), ''], rows })}${notes.map((note) => `${note}\n`).join('')}`;
}

function throughputText({
  records,
  operations,
  recordsPerSecond,
  bytesPerSecond,
  operationsPerSecond,
}: BenchResult): string {
  const many = records === operations ? [] : [`${whole(recordsPerSecond)} records/s`];
  return [...many, `${whole(operationsPerSecond)} operations/s`, `${(bytesPerSecond / 1e6).toFixed(2)} MB/s`].join(
    ', ',
  );
}

function percentileText({ p50, p90, p99, p999, max }: Percentiles): string {
  return `p50 ${time(p50)}, p90 ${time(p90)}, p99 ${time(p99)}, p99.9 ${time(p999)}, max ${time(max)}`;
}

function time(micros: number): string {
  if (micros >= 1e6) return `${(micros / 1e6).toFixed(2)} s`;
  return micros >= 1000 ? `${(micros / 1000).toFixed(2)} ms` : `${micros.toFixed(1)} us`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** The latencies in the text form of HdrHistogram's percentile plotter; values in ms. */
export function percentileFile({ latency }: Measured): string {
  const { count } = latency;
  const lines = [...latency.percentiles].map(([percentile, nanoseconds]) => {
    const share = percentile / 100;
    const inverse = share < 1 ? (1 / (1 - share)).toFixed(2) : 'inf';
    const seen = Math.round(count * share);
    return `${(nanoseconds / 1e6).toFixed(6).padStart(14)} ${share.toFixed(12)} ${String(seen).padStart(10)} ${inverse.padStart(14)}`;
  });
  const [mean, deviation] = count === 0 ? [0, 0] : [latency.mean / 1e6, latency.stddev / 1e6];
  const largest = count === 0 ? 0 : latency.max / 1e6;
  return `${[
    '         Value     Percentile TotalCount 1/(1-Percentile)',
    '',
    ...lines,
    `#[Mean    = ${mean.toFixed(6)}, StdDeviation   = ${deviation.toFixed(6)}]`,
    `#[Max     = ${largest.toFixed(6)}, Total count    = ${count}]`,
  ].join('\n')}\n`;
}

/** Reads what `--json` printed earlier. Throws a usage error for anything else. */
export function readEarlier(path: string): BenchResult {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(ExitCode.notFound, `${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const earlier = JSON.parse(text) as Partial<BenchResult>;
    if (typeof earlier.bench === 'string' && earlier.latencyMicros !== undefined) return earlier as BenchResult;
  } catch {
    // Said below, whatever it is.
  }
  throw usage(`${path} is not what millrace bench --json prints`);
}

/** Both runs side by side, and in what their conditions differ. */
export function compare(earlier: BenchResult, now: BenchResult): string {
  const row = (name: string, before: number, after: number, show: (value: number) => string): string[] => {
    return [name, show(before), show(after), before > 0 ? `x ${(after / before).toFixed(2)}` : '-'];
  };
  const table = renderColumns({
    headings: ['', 'EARLIER', 'NOW', 'RATIO'],
    rows: [
      row('records/s', earlier.recordsPerSecond, now.recordsPerSecond, whole),
      ...(['p50', 'p99', 'p999'] as const).map((name) => {
        return row(name, earlier.latencyMicros[name], now.latencyMicros[name], time);
      }),
    ],
  });
  const differing = [...new Set([...Object.keys(earlier.conditions), ...Object.keys(now.conditions)])]
    .filter((name) => earlier.conditions[name] !== now.conditions[name])
    .map((name) => `${name}: ${earlier.conditions[name] ?? '-'} then, ${now.conditions[name] ?? '-'} now`);
  if (earlier.bench !== now.bench) differing.unshift(`bench: ${earlier.bench} then, ${now.bench} now`);
  if (earlier.rate !== now.rate) differing.push(`rate: ${earlier.rate ?? 'none'} then, ${now.rate ?? 'none'} now`);
  return `${table}${differing.map((line) => `not the same: ${line}\n`).join('')}`;
}
