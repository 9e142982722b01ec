/**
 * Runs specs in a process of their own under conditions nobody likes: io_uring refused, little locked memory, few
 * descriptors, system calls interrupted.
 *
 * Invariant: the specs are those that pass without; what differs is the machine they see.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Longer than any run takes on a machine that is many times slower. */
const LIMIT_MS = 280_000;

export interface Conditions {
  /** What the three calls of io_uring are answered with. */
  readonly ringRefused?: 'EPERM' | 'ENOSYS';
  /** Less than any arena has: registering one is to be refused. */
  readonly lockedBytes?: number;
  readonly descriptors?: number;
  readonly isInterrupted?: boolean;
}

export interface Ran {
  readonly passed: number;
  readonly failed: number;
  /** Calls that were answered EINTR, and signals that arrived. */
  readonly interrupts: number;
  readonly signals: number;
  /** What it printed: read when something failed. */
  readonly printed: string;
}

/** The launcher that has io_uring refused; built if it is not there. */
export function refusal(): string {
  const args = ['build', '-q', '-p', 'millrace-net', '--example', 'refuse-io-uring', '--message-format', 'json'];
  const built = execFileSync('cargo', args, { cwd: root, encoding: 'utf8' });
  const launcher = /"executable":"([^"]+refuse-io-uring)"/.exec(built)?.[1];
  if (launcher === undefined) throw new Error('cargo built no launcher');
  return launcher;
}

/** Compiles what interrupts calls; its place. */
export function interrupter(directory: string): string {
  const library = join(directory, 'interrupt.so');
  const source = fileURLToPath(new URL('interrupt.c', import.meta.url));
  execFileSync('cc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']);
  return library;
}

/** Runs specs under `conditions`, with their files in `directory`. */
export async function runUnder(
  conditions: Conditions,
  specs: readonly string[],
  tools: { readonly directory: string; readonly launcher: string; readonly library: string },
): Promise<Ran> {
  const { ringRefused, lockedBytes, descriptors, isInterrupted } = conditions;
  const name = JSON.stringify(conditions).replaceAll(/\W/g, '-');
  const [counts, report, temporary] = ['counts', 'report', 'tmp'].map((what) => join(tools.directory, what + name));
  if (counts === undefined || report === undefined || temporary === undefined) throw new Error('three names');
  writeFileSync(counts, Buffer.alloc(4096));
  mkdirSync(temporary);
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...specs, '--no-isolate', '--maxWorkers', '1'];
  // Who may lock any amount is not held to the limit.
  const isPrivileged = lockedBytes !== undefined && process.getuid?.() === 0;
  const command = [
    ...(isPrivileged ? ['setpriv', '--bounding-set=-ipc_lock'] : []),
    'prlimit',
    ...(lockedBytes === undefined ? [] : [`--memlock=${lockedBytes}:${lockedBytes}`]),
    ...(descriptors === undefined ? [] : [`--nofile=${descriptors}:${descriptors}`]),
    ...(ringRefused === undefined ? [] : [tools.launcher, ringRefused]),
    // Not in what comes before: a signal that is pending when one program becomes another ends it.
    ...(isInterrupted ? ['env', `LD_PRELOAD=${tools.library}`] : []),
    ...[process.execPath, ...vitest, '--reporter', 'default', '--reporter', 'json', '--outputFile', report],
  ];
  const env = {
    ...process.env,
    // Its report is its own, not that of the run it is part of.
    MILLRACE_TEST_REPORT: '',
    TMPDIR: temporary,
    ...(ringRefused && { MILLRACE_RING_REFUSED: ringRefused }),
    ...(lockedBytes !== undefined && { MILLRACE_MEMLOCK_SHORT: '1' }),
    ...(isInterrupted && { INTERRUPTS_FILE: counts }),
  };
  const printed = await run(command, env);
  const counted = readFileSync(counts);
  const [interrupts, signals] = [0, 8].map((at) => Number(counted.readBigUInt64LE(at)));
  return { ...numbersOf(report), interrupts: interrupts ?? 0, signals: signals ?? 0, printed };
}

function run([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: root, env, timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 } as const;
    // How it ended shows in its report: a run that failed has one, too.
    execFile(program, args, options, (_error, stdout, stderr) => resolve(`${stdout}\n${stderr}`));
  });
}

function numbersOf(report: string): { passed: number; failed: number } {
  try {
    const told: unknown = JSON.parse(readFileSync(report, 'utf8'));
    const { numPassedTests, numFailedTests, numFailedTestSuites, success } = told as Record<string, unknown>;
    const failed = Number(numFailedTests) + Number(numFailedTestSuites);
    return { passed: Number(numPassedTests), failed: success === true ? failed : Math.max(1, failed) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
