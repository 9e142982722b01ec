/**
 * What doctor knows about the machine, read from /proc, /sys and the file system. Reading only: judging is
 * checks.ts. A fact that cannot be read is undefined, never a guess.
 *
 * Invariant: nothing is changed but one scratch file for the flush measurement, and that is removed.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  readFileSync,
  realpathSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { release } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { readTunerFacts, type TunerFacts } from './tuner-facts.ts';

/** Raw facts, in the units the kernel gives them. */
export interface MachineFacts {
  readonly kernel: string;
  readonly node: string;
  /** Nearest existing folder of the data directory, where the disk was looked at. */
  readonly folder: string;
  /** Process that has the data directory open; undefined when none has, as far as this process can see. */
  readonly holder: number | undefined;
  readonly fileSystem: string | undefined;
  readonly freeBytes: number | undefined;
  readonly totalBytes: number | undefined;
  /** Block device below the folder, without /dev/; undefined for tmpfs, overlay and the like. */
  readonly device: string | undefined;
  /** The disk that a partition is on, or the device itself: whose queue it is. */
  readonly disk: string | undefined;
  /** `write back` or `write through`. */
  readonly writeCache: string | undefined;
  readonly fua: boolean | undefined;
  readonly scheduler: string | undefined;
  readonly noMerges: string | undefined;
  readonly openFiles: number | undefined;
  readonly lockedMemoryBytes: number | undefined;
  readonly swappiness: number | undefined;
  readonly hugePages: string | undefined;
  readonly clockSource: string | undefined;
  /** kernel.io_uring_disabled: 0 allowed, 1 restricted, 2 refused. */
  readonly ringDisabled: number | undefined;
  /** Seccomp mode of this process: 0 none, 2 filter. */
  readonly seccomp: number | undefined;
  readonly flush: FlushFacts | undefined;
  /** What rpk tunes. */
  readonly tuners: TunerFacts | undefined;
}

/** How long flushes take here, microseconds, and who has measured it. */
export interface FlushFacts {
  readonly p50Us: number;
  readonly p99Us: number;
  /** Writes of our own, or what the journal of a running server has measured. */
  readonly source: 'trial' | 'journal';
}

/**
 * Reads every fact that concerns a data directory at `dir` (which need not exist yet). Takes about 50 ms for measuring
 * flushes; with `flush` somebody else has, and then nothing is written.
 */
export function readFacts(dir: string, flush?: { readonly measured: FlushFacts | undefined }): MachineFacts {
  const folder = nearestFolder(resolve(dir));
  const space = attempt(() => statfsSync(folder));
  const device = attempt(() => blockDevice(statSync(folder).dev));
  const disk = device === undefined ? undefined : attempt(() => diskOf(device));
  const queue = disk === undefined ? undefined : `/sys/class/block/${disk}/queue`;
  const mount = attempt(() => mountOf(folder));
  return {
    kernel: release(),
    node: process.versions.node,
    folder,
    holder: attempt(() => holderOf(dir)),
    fileSystem: mount?.type,
    freeBytes: space === undefined ? undefined : space.bavail * space.bsize,
    totalBytes: space === undefined ? undefined : space.blocks * space.bsize,
    device,
    disk,
    writeCache: queue === undefined ? undefined : readLine(`${queue}/write_cache`),
    fua: queue === undefined ? undefined : flag(readLine(`${queue}/fua`)),
    scheduler: queue === undefined ? undefined : chosen(readLine(`${queue}/scheduler`)),
    noMerges: queue === undefined ? undefined : readLine(`${queue}/nomerges`),
    openFiles: limit('Max open files'),
    lockedMemoryBytes: limit('Max locked memory'),
    swappiness: number(readLine('/proc/sys/vm/swappiness')),
    hugePages: chosen(readLine('/sys/kernel/mm/transparent_hugepage/enabled')),
    clockSource: readLine('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    ringDisabled: number(readLine('/proc/sys/kernel/io_uring_disabled')),
    seccomp: number(/^Seccomp:\s+(\d)/m.exec(readLine('/proc/self/status') ?? '')?.[1]),
    flush: flush ? flush.measured : attempt(() => measureFlush(folder)),
    tuners: attempt(() => readTunerFacts(dir, disk, mount?.options)),
  };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readLine(path: string): string | undefined {
  return attempt(() => readFileSync(path, 'utf8').trim());
}

function number(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

function flag(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === '1';
}

/** The entry in brackets of a sysfs choice such as `[none] mq-deadline`. */
function chosen(text: string | undefined): string | undefined {
  return text === undefined ? undefined : (/\[([^\]]+)\]/.exec(text)?.[1] ?? text);
}

/** Soft limit of this process; Infinity when unlimited. */
function limit(name: string): number | undefined {
  const text = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(readLine('/proc/self/limits') ?? '')?.[1];
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : number(text);
}

function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Who holds the lock of the data directory, from the kernel's table: asking by taking it would get in the way. */
function holderOf(dir: string): number | undefined {
  const { dev, ino } = statSync(join(dir, 'lock'));
  const { major, minor } = deviceNumbers(dev);
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  const file = `${hex(major)}:${hex(minor)}:${ino}`;
  for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
    const [, kind, , , process, locked] = line.split(/\s+/);
    if (kind === 'FLOCK' && locked === file) return Number(process);
  }
  return undefined;
}

/** The numbers as stat(2) packs them on Linux: makedev(3). */
function deviceNumbers(dev: number): { major: number; minor: number } {
  return { major: (dev >>> 8) & 0xfff, minor: (dev & 0xff) | ((dev >>> 12) & 0xfff00) };
}

function blockDevice(dev: number): string | undefined {
  const { major, minor } = deviceNumbers(dev);
  return /^DEVNAME=(.+)$/m.exec(readLine(`/sys/dev/block/${major}:${minor}/uevent`) ?? '')?.[1];
}

/** A device with a queue: itself or, for a partition, the disk it is on. */
function diskOf(device: string): string | undefined {
  if (existsSync(`/sys/class/block/${device}/queue`)) return device;
  // The link leads to the partition's folder, which lies in that of its disk.
  const disk = basename(dirname(realpathSync(`/sys/class/block/${device}`)));
  return existsSync(`/sys/class/block/${disk}/queue`) ? disk : undefined;
}

interface Mount {
  readonly point: string;
  readonly type: string | undefined;
  readonly options: string | undefined;
}

function mountOf(folder: string): Mount {
  let best: Mount = { point: '', type: undefined, options: undefined };
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point, type, options] = line.split(' ');
    if (point === undefined || point.length < best.point.length) continue;
    if (folder === point || folder.startsWith(point.endsWith('/') ? point : `${point}/`))
      best = { point, type, options };
  }
  return best;
}

/** Writes 4 KiB and flushes, 32 times: what the device answers through the page cache. */
function measureFlush(folder: string): FlushFacts {
  const path = join(folder, `.millrace-doctor-${process.pid}`);
  const file = openSync(path, 'wx', 0o600);
  try {
    const block = Buffer.alloc(4096, 0x6d);
    const times: number[] = [];
    for (let i = 0; i < 32; i++) {
      const started = process.hrtime.bigint();
      writeSync(file, block, 0, block.length, (i % 8) * block.length);
      fdatasyncSync(file);
      times.push(Number(process.hrtime.bigint() - started) / 1000);
    }
    times.sort((a, b) => a - b);
    return { p50Us: Math.round(times[15] ?? 0), p99Us: Math.round(times[31] ?? 0), source: 'trial' };
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}
