/**
 * One redis-server (Debian's package) with an append-only file, fresh directory, and redis-benchmark as load for it and
 * for us.
 *
 * Remember: `everysec` writes the file before it answers and flushes once a second; `always` flushes before it answers.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../__test__/support/server.ts';
import type { Figures } from '../scenario.ts';

const START_LIMIT_MS = 10_000;
/** Ticks of CPU time a second: what the kernel tells user space on every Linux. */
const TICKS = 100;

export type AppendFsync = 'always' | 'everysec';

export interface RedisTarget {
  readonly port: number;
  readonly pid: number;
}

export interface Rival extends RedisTarget {
  /** Ends the server and waits for it. */
  stop(): Promise<void>;
}

/** Starts redis-server and waits until it takes clients. */
export async function startRedis(directory: string, appendFsync: AppendFsync): Promise<Rival> {
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'yes', appendfsync: appendFsync };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new Error('redis-server is needed as a rival', { cause })));
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  failed.catch(() => {});
  await Promise.race([started(port), failed]);
  return { port, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function started(port: number): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (!(await accepts(port))) {
    if (Date.now() > limit) throw new Error('redis-server did not start');
    await sleep(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const hurry = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  await ended;
  clearTimeout(hurry);
}

/** What one run of redis-benchmark does. */
export interface RedisLoad {
  readonly command: 'set' | 'get';
  readonly pipeline: number;
  readonly requests: number;
}

/** 50 connections, values of 100 bytes, keys drawn from 100,000. */
export function benchmark({ port, pid }: RedisTarget, { command, pipeline, requests }: RedisLoad): Figures {
  const before = cpuSeconds(pid);
  const shape = [
    '-t',
    command,
    '-c',
    '50',
    '-P',
    String(pipeline),
    '-n',
    String(requests),
    '-d',
    '100',
    '-r',
    '100000',
  ];
  const text = execFileSync('redis-benchmark', ['-p', String(port), ...shape, '--csv'], {
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
  const numbers = (text.trim().split('\n').at(-1) ?? '').split(',').map((cell) => Number(cell.replaceAll('"', '')));
  const [, requestsPerSecond = Number.NaN, , , p50 = Number.NaN, , p99 = Number.NaN] = numbers;
  return {
    requestsPerSecond,
    latencyMicrosP50: p50 * 1000,
    latencyMicrosP99: p99 * 1000,
    serverCpuMicrosPerRequest: ((cpuSeconds(pid) - before) * 1e6) / requests,
  };
}

/** CPU time a process has had, all its threads, in the kernel and outside. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
