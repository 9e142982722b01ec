/**
 * The measured stretch of a program whose operations end in callbacks: a warm-up, then so many seconds that count.
 *
 * Not a loop: programs that await each operation have closed-loop.ts. Invariant: what ended before the stretch began, or
 * after it was over, is in no figure.
 */
import { createHistogram } from 'node:perf_hooks';

export class Stretch {
  readonly #seconds: number;
  readonly #begin: number;
  readonly #end: number;
  readonly #latencies = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  #counted = 0;
  #cpu: NodeJS.CpuUsage | undefined;

  /** Begins its warm-up now. */
  constructor({ warmUpSeconds, seconds }: { readonly warmUpSeconds: number; readonly seconds: number }) {
    this.#seconds = seconds;
    this.#begin = performance.now() + warmUpSeconds * 1000;
    this.#end = this.#begin + seconds * 1000;
  }

  /** Counts operations that were seen to end at `now` (`performance.now()`); false once the stretch is over. */
  count(now: number, operations: number): boolean {
    if (now >= this.#end) return false;
    if (now >= this.#begin) {
      this.#cpu ??= process.cpuUsage();
      this.#counted += operations;
    }
    return true;
  }

  /** Notes the latency of one of those that were counted; costs about as much as an operation, so not for all. */
  note(now: number, begun: number): void {
    if (now >= this.#begin && now < this.#end) this.#latencies.record(Math.max(1, Math.round((now - begun) * 1000)));
  }

  /** Prints the figures as one line of JSON, with the names all load programs use. To be called at its end. */
  print(bytesEach: number): void {
    const used = process.cpuUsage(this.#cpu);
    const latencies = this.#latencies;
    const figures = {
      seconds: this.#seconds,
      requests: this.#counted,
      requestsPerSecond: this.#counted / this.#seconds,
      megabytesPerSecond: (this.#counted * bytesEach) / 1e6 / this.#seconds,
      latencyMicros: latencies.count > 0 ? { p50: latencies.percentile(50), p99: latencies.percentile(99) } : {},
      serverCpuMicrosPerRequest: this.#counted === 0 ? 0 : (used.user + used.system) / this.#counted,
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
}
