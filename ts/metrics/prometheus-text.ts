/**
 * Prometheus' text format, version 0.0.4: families with help and type, samples with labels, histograms.
 *
 * Not what is measured. To remember: all samples of a family stand together under one header, and label values are
 * escaped, because topics and groups are named by clients.
 */

/** Kinds of families. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** Labels of one sample. */
export type Labels = Readonly<Record<string, string | number>>;

/** What `/metrics` answers as content type. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Numbers of a histogram: how many lay at or below each bound, in ascending order. */
export interface HistogramNumbers {
  /** Seconds or bytes. */
  readonly bounds: readonly number[];
  /** As many as bounds; not added up. */
  readonly counts: readonly number[];
  /** Above the last bound. */
  readonly above: number;
  readonly sum: number;
}

/** One family while it is written. */
export interface Family {
  /** Adds a sample; one that is not a finite number is left out. */
  add(value: number, labels?: Labels): void;
  /** Adds a summary's samples: how often and how much in all, without quantiles. */
  addSummary(count: number, sum: number, labels?: Labels): void;
  /** Adds a histogram's samples. */
  addHistogram(numbers: HistogramNumbers, labels?: Labels): void;
}

/** Collects families and gives back the text. */
export class PrometheusText {
  readonly #lines: string[] = [];
  readonly #names = new Set<string>();

  /** Begins a family. Throws when there was one of the name: its samples would lie in two places. */
  family(name: string, type: MetricType, help: string): Family {
    if (this.#names.has(name)) throw new Error(`the metric ${name} is written twice`);
    this.#names.add(name);
    this.#lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
    const sample = (of: string, labels: Labels, value: number): void => {
      if (Number.isFinite(value)) this.#lines.push(`${of}${writeLabels(labels)} ${value}`);
    };
    return {
      add: (value, labels = {}) => sample(name, labels, value),
      addSummary: (count, sum, labels = {}) => {
        sample(`${name}_sum`, labels, sum);
        sample(`${name}_count`, labels, count);
      },
      addHistogram: ({ bounds, counts, above, sum }, labels = {}) => {
        let total = 0;
        for (const [index, bound] of bounds.entries()) {
          total += counts[index] ?? 0;
          sample(`${name}_bucket`, { ...labels, le: bound }, total);
        }
        sample(`${name}_bucket`, { ...labels, le: '+Inf' }, total + above);
        sample(`${name}_sum`, labels, sum);
        sample(`${name}_count`, labels, total + above);
      },
    };
  }

  /** A family of one sample. */
  one(name: string, type: MetricType, help: string, value: number, labels?: Labels): void {
    this.family(name, type, help).add(value, labels);
  }

  toString(): string {
    return this.#lines.length === 0 ? '' : `${this.#lines.join('\n')}\n`;
  }
}

function writeLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(String(value))}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
