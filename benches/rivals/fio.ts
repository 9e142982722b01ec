/**
 * fio as the floor of the device: direct I/O through io_uring, without JavaScript. Debian's package.
 *
 * Invariant: fio gets the same file, block size and depth as the side it is held against.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Figures, Side, Workplace } from '../scenario.ts';

/** What fio does. */
export interface FioWork {
  readonly rw: 'write' | 'read' | 'randread';
  readonly file: string;
  /** Bytes of one operation. */
  readonly blockBytes: number;
  readonly depth: number;
  /** Bytes of the file that are used. */
  readonly fileBytes: number;
  /**
   * Writes into space that no file had, as an append does: the file is removed before each run. Blocks that were written
   * before can be several times faster.
   */
  readonly isFresh?: boolean;
  /** Each write is durable by itself. */
  readonly isDurable?: boolean;
}

interface Direction {
  readonly bw_bytes: number;
  readonly iops: number;
  readonly clat_ns: { readonly percentile?: Readonly<Record<string, number>> };
}

interface Job {
  readonly read: Direction;
  readonly write: Direction;
  /** Per cent of one CPU. */
  readonly usr_cpu: number;
  readonly sys_cpu: number;
}

/** A side that is a run of fio. */
export function fio(name: string, workplace: Workplace, work: FioWork): Side {
  const { seconds, warmUpSeconds } = workplace.size;
  const args = ['--name=bench', `--filename=${work.file}`, `--rw=${work.rw}`, `--bs=${work.blockBytes}`, '--direct=1'];
  args.push('--ioengine=io_uring', `--iodepth=${work.depth}`, `--size=${work.fileBytes}`, '--time_based');
  args.push(`--runtime=${seconds}`, `--ramp_time=${warmUpSeconds}`, '--randrepeat=0', '--output-format=json');
  if (work.isDurable) args.push('--sync=dsync');
  const measure = async (): Promise<Figures> => {
    if (work.isFresh) rmSync(work.file, { force: true });
    const run = spawnSync('fio', args, { encoding: 'utf8' });
    if (work.isFresh) rmSync(work.file, { force: true });
    if (run.error) throw new Error('fio is needed for this bench', { cause: run.error });
    if (run.status !== 0) throw new Error(`fio ended with ${run.status}: ${run.stderr}`);
    const report: { jobs: Job[] } = JSON.parse(run.stdout);
    const [job] = report.jobs;
    if (job === undefined) throw new Error('fio reported no job');
    return figuresOf(job, work.rw === 'write' ? job.write : job.read);
  };
  return { name, measure };
}

function figuresOf(job: Job, { bw_bytes, iops, clat_ns }: Direction): Figures {
  const latency = (percentile: string): number => (clat_ns.percentile?.[percentile] ?? Number.NaN) / 1000;
  return {
    requestsPerSecond: iops,
    megabytesPerSecond: bw_bytes / 1e6,
    latencyMicrosP50: latency('50.000000'),
    latencyMicrosP99: latency('99.000000'),
    serverCpuMicrosPerRequest: ((job.usr_cpu + job.sys_cpu) / 100 / iops) * 1e6,
  };
}
