/**
 * `millrace bench` as a process of its own: load at a fixed rate, whose latencies count from when a request was due.
 *
 * Not the closed loop of benches/load, which is for throughput. To remember: a rate that is not reached is a figure
 * (`rateMet` 0), because where it bends is what a curve is for; any other failure ends the bench.
 */
import { spawn } from 'node:child_process';
import { commandLine } from '../__test__/support/server.ts';
import type { Figures } from './scenario.ts';

/** Exit code of a bench whose rate was not reached. */
const RATE_NOT_REACHED = 5;

interface BenchOutput {
  readonly operationsPerSecond: number;
  readonly recordsPerSecond: number;
  readonly rateMet: boolean;
  readonly latencyMicros: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>;
  readonly latenessMicros: { readonly p99: number } | null;
}

/** Runs `millrace bench ...words --json`; answers its figures. */
export async function openLoop(...words: readonly (string | number)[]): Promise<Figures> {
  const args = [commandLine, 'bench', ...words.map(String), '--json', '--no-progress'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [printed, complained] = [[] as string[], [] as string[]];
  child.stdout.on('data', (chunk: Buffer) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => complained.push(String(chunk)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0 && code !== RATE_NOT_REACHED) {
    throw new Error(`millrace bench ${words.join(' ')} ended with ${code}: ${complained.join('')}`);
  }
  return figuresOf(JSON.parse(printed.join('')) as BenchOutput);
}

function figuresOf({ operationsPerSecond, rateMet, latencyMicros, latenessMicros }: BenchOutput): Figures {
  const { p50, p90, p99, p999, max } = latencyMicros;
  return {
    requestsPerSecond: operationsPerSecond,
    latencyMicrosP50: p50,
    latencyMicrosP90: p90,
    latencyMicrosP99: p99,
    latencyMicrosP999: p999,
    latencyMicrosMax: max,
    rateMet: rateMet ? 1 : 0,
    ...(latenessMicros === null ? {} : { startedLateMicrosP99: latenessMicros.p99 }),
  };
}
