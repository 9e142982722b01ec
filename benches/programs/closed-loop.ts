/**
 * A closed loop in JavaScript: so many writers, each with one append outstanding, for a warm-up and a measured stretch.
 *
 * Prints one line of JSON with the names the Rust load tools use, so that both can stand in one table. Only one writer
 * in eight reads the clock and has its latencies noted, the others see what it saw: a clock costs as much as a tenth of
 * an append.
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
  /** Partitions that the appends go to in turn. */
  readonly partitions: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Reads the options from the command line. */
export function loopOptions(): LoopOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { directory: text, writers: text, size: text, partitions: text, 'warm-up': text, duration: text },
  });
  if (values.directory === undefined) throw new Error('--directory is missing');
  return {
    directory: values.directory,
    writers: Number(values.writers ?? 128),
    size: Number(values.size ?? 128),
    partitions: Number(values.partitions ?? 1),
    warmUpSeconds: Number(values['warm-up'] ?? 0.5),
    seconds: Number(values.duration ?? 3),
  };
}

/** Runs `append` from every writer until the time is over, then prints the figures. */
export async function runClosedLoop(options: LoopOptions, append: (writer: number) => Promise<unknown>): Promise<void> {
  const latencies = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const begin = performance.now() + options.warmUpSeconds * 1000;
  const end = begin + options.seconds * 1000;
  let counting = false;
  let over = false;
  let counted = 0;
  let cpu: NodeJS.CpuUsage | undefined;

  async function writeNoted(writer: number): Promise<void> {
    for (let now = performance.now(); now < end; ) {
      const sent = now;
      await append(writer);
      now = performance.now();
      over = now >= end;
      counting = now >= begin && !over;
      if (!counting) continue;
      cpu ??= process.cpuUsage();
      counted += 1;
      latencies.record(Math.max(1, Math.round((now - sent) * 1000)));
    }
  }
  async function write(writer: number): Promise<void> {
    while (!over) {
      await append(writer);
      if (counting) counted += 1;
    }
  }
  const writers = Array.from({ length: options.writers }, (_, writer) =>
    writer % NOTED_EVERY === 0 ? writeNoted(writer) : write(writer),
  );
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
