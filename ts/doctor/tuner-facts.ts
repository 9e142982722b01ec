/**
 * What doctor knows about what rpk tunes: interrupts of the disk, discards, limits of the network, the file in reserve. Reading
 * only: judging is tuners.ts. A fact that cannot be read is undefined, never a guess.
 *
 * Invariant: nothing is changed.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';

/** Interrupts that a disk has for itself. */
export interface InterruptFacts {
  /** How many have come at least once. */
  readonly lines: number;
  /** Processors they have come to. */
  readonly processors: number;
}

export interface TunerFacts {
  readonly processors: number;
  readonly interrupts: InterruptFacts | undefined;
  /** Whether the device takes discards. */
  readonly discards: boolean | undefined;
  /** Whether somebody tells it what is free: fstrim's timer, or the mount option. */
  readonly trimmed: boolean | undefined;
  /** Connections that may wait to be accepted. */
  readonly backlog: number | undefined;
  /** Connections that may wait for the end of their handshake. */
  readonly handshakes: number | undefined;
  /** Bytes of the file that is given up on a full disk; 0 where there is none, undefined where there is no data directory yet. */
  readonly reserveBytes: number | undefined;
}

/** Reads them for a data directory at `dir` on `disk`, a block device with a queue, with the options it is mounted by. */
export function readTunerFacts(dir: string, disk: string | undefined, mountOptions: string | undefined): TunerFacts {
  const discard = disk === undefined ? undefined : read(`/sys/class/block/${disk}/queue/discard_max_bytes`);
  return {
    processors: availableParallelism(),
    interrupts: disk === undefined ? undefined : interruptsOf(disk),
    discards: discard === undefined ? undefined : Number(discard) > 0,
    trimmed: mountOptions === undefined ? undefined : hasTrimTimer() || /(^|,)discard/.test(mountOptions),
    backlog: number(read('/proc/sys/net/core/somaxconn')),
    handshakes: number(read('/proc/sys/net/ipv4/tcp_max_syn_backlog')),
    reserveBytes: existsSync(join(dir, 'manifest')) ? sizeOf(join(dir, 'reserve')) : undefined,
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function number(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function hasTrimTimer(): boolean {
  const folders = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
  return folders.some((folder) => existsSync(`${folder}/timers.target.wants/fstrim.timer`));
}

/** From the kernel's table: lines are named after the device's driver instance (`virtio1-req.0`) or its controller (`nvme0q1`). */
function interruptsOf(disk: string): InterruptFacts | undefined {
  const table = read('/proc/interrupts');
  if (table === undefined) return undefined;
  return countInterrupts(table, deviceNames(disk));
}

function deviceNames(disk: string): string[] {
  try {
    return [basename(realpathSync(`/sys/class/block/${disk}/device`))];
  } catch {
    return [];
  }
}

/** Lines of `table`, which is that of /proc/interrupts, that belong to one of `names` and have been used. */
export function countInterrupts(table: string, names: readonly string[]): InterruptFacts {
  const [head = '', ...lines] = table.split('\n');
  const columns = head.trim().split(/\s+/).length;
  const used = new Set<number>();
  let count = 0;
  for (const line of lines) {
    const [, ...fields] = line.trim().split(/\s+/);
    const name = fields.at(-1) ?? '';
    // virtio1 is not virtio10, and configuration is not traffic.
    const isOurs = names.some((own) => new RegExp(`^${own}(q|-req|-request)`).test(name));
    const processors = fields.slice(0, columns).flatMap((times, index) => (Number(times) > 0 ? [index] : []));
    if (!isOurs || processors.length === 0) continue;
    count += 1;
    for (const processor of processors) used.add(processor);
  }
  return { lines: count, processors: used.size };
}
