/**
 * System calls of a process, counted by the kernel's own trace point through `perf stat`: nothing is stopped for it, as it
 * would be under strace, so the batches are those of an ordinary run.
 *
 * Invariant: what cannot be counted (no perf, no right to) is undefined, never zero.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Calls by what they are for. */
export interface Syscalls {
  /** All of them, those of `memory` too. */
  readonly all: number;
  readonly ringEnter: number;
  readonly epollWait: number;
  readonly readWrite: number;
  readonly futex: number;
  /** Pages that are mapped and given back: V8's, in bursts, when its heap changes its size. */
  readonly memory: number;
}

type Name = keyof Syscalls;

/** Numbers of x86-64; on other machines nothing is counted by kind. */
const groups: readonly (readonly [Name, readonly number[]])[] = [
  ['all', []],
  ['ringEnter', [426]],
  ['epollWait', [232, 281, 441]],
  ['readWrite', [0, 1, 17, 18, 19, 20, 327, 328]],
  ['futex', [202]],
  ['memory', [9, 10, 11, 12, 25, 28]],
];

/** Counts what `pid` does while `work` runs. */
export async function countSyscalls(pid: number, work: () => Promise<unknown>): Promise<Syscalls | undefined> {
  if (spawnSync('perf', ['--version']).status !== 0 || process.arch !== 'x64') return undefined;
  const events = groups.flatMap(([, numbers]) => {
    const filter = numbers.map((number) => `id==${number}`).join('||');
    return ['-e', 'raw_syscalls:sys_enter', ...(filter === '' ? [] : ['--filter', filter])];
  });
  const perf = spawn('perf', ['stat', '-x,', ...events, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  perf.stderr.on('data', (chunk) => {
    told += String(chunk);
  });
  // There is no word from perf when it has begun to count.
  await sleep(500);
  if (perf.exitCode !== null) return undefined;
  await work();
  perf.kill('SIGINT');
  await once(perf, 'close');
  const counted = told.split('\n').flatMap((line) => {
    return line.includes('raw_syscalls:sys_enter') ? [Number(line.split(',')[0])] : [];
  });
  if (counted.length !== groups.length || counted.some(Number.isNaN)) return undefined;
  return Object.fromEntries(groups.map(([name], at) => [name, counted[at] ?? 0])) as Record<Name, number>;
}
