/**
 * A closed loop in JavaScript: so many writers, each with one append outstanding, for a warm-up and a measured stretch.
 *
 * Prints one line of JSON with the names the Rust load tools use, so that both can stand in one table. Only one writer
 * in eight has its latencies noted: noting costs as much as a tenth of an append.
 */
import { createHistogram } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const NOTED_EVERY = 8;

/** What a program of this folder is told. */
export interface LoopOptions {
  /** A directory of the program's own. */
  readonly directory: string;
  readonly writers: number;
  /** Bytes per append. */
  readonly size: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Reads the options from the command line. */
export function loopOptions(): LoopOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { directory: text, writers: text, size: text, 'warm-up': text, duration: text },
  });
  if (values.directory === undefined) throw new Error('--directory is missing');
  return {
    directory: values.directory,
    writers: Number(values.writers ?? 128),
    size: Number(values.size ?? 128),
    warmUpSeconds: Number(values['warm-up'] ?? 0.5),
    seconds: Number(values.duration ?? 3),
  };
}

/** Runs `append` from every writer until the time is over, then prints the figures. */
export async function runClosedLoop(options: LoopOptions, append: (writer: number) => Promise<unknown>): Promise<void> {
  const latencies = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const begin = performance.now() + options.warmUpSeconds * 1000;
  const end = begin + options.seconds * 1000;
  let counted = 0;
  let cpu: NodeJS.CpuUsage | undefined;
  const writers = Array.from({ length: options.writers }, async (_, writer) => {
    for (let now = performance.now(); now < end; ) {
      const sent = now;
      await append(writer);
      now = performance.now();
      if (now < begin || now >= end) continue;
      cpu ??= process.cpuUsage();
      counted += 1;
      if (writer % NOTED_EVERY === 0) latencies.record(Math.max(1, Math.round((now - sent) * 1000)));
    }
  });
  await Promise.all(writers);
  const used = process.cpuUsage(cpu);
  const figures = {
    seconds: options.seconds,
    requests: counted,
    requestsPerSecond: counted / options.seconds,
    latencyMicros: { p50: latencies.percentile(50), p99: latencies.percentile(99), p999: latencies.percentile(99.9) },
    serverCpuMicrosPerRequest: counted === 0 ? 0 : (used.user + used.system) / counted,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
