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
  readonly cpuMicros: number;
  readonly latencyMicros: number;
}

const source = fileURLToPath(new URL('floor.c', import.meta.url));

/** CPU time of a process with one thread, in microseconds. */
function cpuMicros(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
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
    const before = cpuMicros(pid);
    const latency = await traffic.run(requests);
    const cpu = cpuMicros(pid) - before;
    const counted = await countSyscalls(pid, () => traffic.run(requests));
    return {
      syscalls: counted && counted.all / requests,
      cpuMicros: cpu / requests,
      latencyMicros: latency * 1000,
    };
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
