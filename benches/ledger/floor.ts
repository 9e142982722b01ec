/**
 * The floor of the machine: the same load against a server that reads, makes one write durable where that is promised, and
 * answers, in C and without a protocol (floor.c).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { countSyscalls } from './syscalls.ts';
import { Traffic } from './traffic.ts';
import type { Work } from './works.ts';

export interface Floor {
  readonly syscalls: number | undefined;
  /** User and system; the median of the windows. */
  readonly cpuNanos: number;
  readonly latencyMicros: number;
}

const source = fileURLToPath(new URL('floor.c', import.meta.url));

const WINDOWS = 5;

/** CPU time of a process with one thread, in nanoseconds. */
function cpuNanos(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]);
}

/** Measures the floor of one kind of work; undefined for work without a server. */
export async function measureFloor(
  base: string,
  work: Work,
  callers: number,
  requests: number,
): Promise<Floor | undefined> {
  if (work.floor === undefined) return undefined;
  const { requestBytes, replyBytes, isDurable } = work.floor;
  const directory = mkdtempSync(join(base, 'millrace-floor-'));
  const program = join(directory, 'floor');
  execFileSync('cc', ['-O2', '-o', program, source]);
  const args = [requestBytes, replyBytes].map(String);
  if (isDurable) args.push(join(directory, 'file'));
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const port = Number(line);
    const pid = child.pid ?? 0;
    const exchange = { request: Buffer.alloc(requestBytes), check: () => replyBytes };
    using traffic = await Traffic.open(
      port,
      Array.from({ length: callers }, () => exchange),
    );
    await traffic.run(requests);
    const windows: { readonly cpu: number; readonly latency: number }[] = [];
    for (let window = 0; window < WINDOWS; window += 1) {
      const before = cpuNanos(pid);
      const latency = await traffic.run(requests);
      windows.push({ latency, cpu: cpuNanos(pid) - before });
    }
    const median = (of: 'cpu' | 'latency'): number =>
      windows.map((window) => window[of]).sort((a, b) => a - b)[WINDOWS >> 1] ?? Number.NaN;
    const counted = await countSyscalls(pid, () => traffic.run(requests));
    return {
      syscalls: counted && counted.all / requests,
      cpuNanos: median('cpu') / requests,
      latencyMicros: median('latency') * 1000,
    };
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
