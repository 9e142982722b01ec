/**
 * What doctor says about a machine: facts in, findings out. Pure; prints and changes nothing.
 *
 * Invariant: every WARN and FAIL carries what to do about it; a fact that could not be read is a WARN that says so, and
 * never an OK.
 */
import { describeBytes } from '../units.ts';
import type { MachineFacts } from './facts.ts';
import { judgeTuners } from './tuners.ts';

export type Verdict = 'OK' | 'WARN' | 'FAIL';

/** One finding. `fix` is empty for OK; `command` is a shell line that would do it, where there is one. */
export interface Finding {
  readonly check: string;
  readonly verdict: Verdict;
  readonly detail: string;
  readonly fix: string;
  readonly command?: string;
}

/** What the addon's probe says; undefined when the addon could not be loaded. */
export interface ProbeFacts {
  readonly driver: string;
  readonly reason: string;
  readonly direct: boolean;
  readonly detail: string;
  /** What would carry connections. */
  readonly sockets: { readonly sockets: 'ring' | 'node'; readonly reason: string };
}

const localFileSystems = new Set(['ext4', 'xfs', 'btrfs', 'f2fs', 'zfs', 'bcachefs']);
const gib = 1024 ** 3;

/** A finding that needs nothing. */
export function ok(check: string, detail: string): Finding {
  return { check, verdict: 'OK', detail, fix: '' };
}

/** A finding with what to do about it. */
export function warn(check: string, detail: string, fix: string, command?: string): Finding {
  return { check, verdict: 'WARN', detail, fix, ...(command === undefined ? {} : { command }) };
}

/** A fact that could not be read. */
export function unread(check: string): Finding {
  return warn(check, 'could not be read', 'run doctor where /proc and /sys are mounted');
}

/** All findings, in the order they are printed. `addonError` is why the addon could not be loaded. */
export function judge(facts: MachineFacts, probe: ProbeFacts | undefined, addonError: string | undefined): Finding[] {
  return [
    ok('kernel', `Linux ${facts.kernel}, Node ${facts.node}`),
    judgeHolder(facts),
    judgeDriver(facts, probe, addonError),
    judgeSockets(probe),
    judgeDirect(probe),
    judgeFileSystem(facts),
    judgeWriteCache(facts),
    judgeFlush(facts),
    judgeSpace(facts),
    judgeOpenFiles(facts),
    judgeLockedMemory(facts),
    judgeSwappiness(facts),
    judgeHugePages(facts),
    judgeClock(facts),
    judgeScheduler(facts),
    judgeMerges(facts),
    ...judgeTuners(facts, probe),
  ];
}

function judgeHolder(facts: MachineFacts): Finding {
  if (facts.holder === undefined) return ok('data directory', 'open in no process seen from here');
  const who = facts.holder > 0 ? `process ${facts.holder}` : 'a process outside this container';
  return ok('data directory', `in use by ${who}: looked at from outside`);
}

function judgeDriver(facts: MachineFacts, probe: ProbeFacts | undefined, addonError: string | undefined): Finding {
  if (probe === undefined) {
    const fix = 'install the package of this platform, or build it: npm run build:addon';
    return { check: 'driver', verdict: 'FAIL', detail: addonError ?? 'the addon could not be loaded', fix };
  }
  const detail = `${probe.driver}: ${probe.reason}`;
  if (probe.driver === 'ring') return ok('driver', detail);
  if ((facts.ringDisabled ?? 0) > 0) {
    return warn('driver', detail, 'allow io_uring in the kernel', 'sysctl -w kernel.io_uring_disabled=0');
  }
  if (facts.seccomp === 2) return warn('driver', detail, 'run with a seccomp profile that allows io_uring_setup');
  return warn('driver', detail, 'run on a kernel with io_uring (5.15 or later) to get the ring driver');
}

function judgeSockets(probe: ProbeFacts | undefined): Finding {
  if (probe === undefined) return warn('sockets', 'not known without the addon', 'see driver');
  const detail = `${probe.sockets.sockets}: ${probe.sockets.reason}`;
  if (probe.sockets.sockets === 'ring') return ok('sockets', detail);
  if (probe.driver !== 'ring') return warn('sockets', detail, 'see driver');
  return warn('sockets', detail, 'run on a kernel with rings of provided buffers (5.19 or later)');
}

function judgeDirect(probe: ProbeFacts | undefined): Finding {
  if (probe === undefined) return warn('direct I/O', 'not known without the addon', 'see driver');
  if (probe.direct) return ok('direct I/O', probe.detail);
  return warn(
    'direct I/O',
    probe.detail,
    'put the data directory on ext4 or XFS: journal writes go through the page cache here',
  );
}

function judgeFileSystem(facts: MachineFacts): Finding {
  if (facts.fileSystem === undefined) return unread('file system');
  const detail = `${facts.fileSystem} at ${facts.folder}`;
  if (localFileSystems.has(facts.fileSystem)) return ok('file system', detail);
  return warn('file system', detail, 'keep data on a local ext4 or XFS: this one may not survive a power cut');
}

function judgeWriteCache(facts: MachineFacts): Finding {
  if (facts.device === undefined)
    return warn('write cache', 'no block device of its own', 'put the data directory on a real disk');
  if (facts.writeCache === undefined) return unread('write cache');
  const fua = facts.fua === true ? 'with FUA' : 'without FUA: a durable write is a write and a flush';
  return ok('write cache', `${facts.device}: ${facts.writeCache}, ${fua}`);
}

function judgeFlush(facts: MachineFacts): Finding {
  if (facts.flush === undefined)
    return warn('flush latency', 'could not be measured', 'give --dir a folder that can be written');
  const { p50Us, p99Us, source } = facts.flush;
  const detail =
    source === 'trial'
      ? `4 KiB write and flush: p50 ${p50Us} us, worst of 32 ${p99Us} us`
      : `flushes of the journal so far: p50 ${p50Us} us, p99 ${p99Us} us`;
  if (facts.flush.p50Us < 10_000) return ok('flush latency', detail);
  return warn('flush latency', detail, 'expect each durable acknowledgement to take this long: use a faster disk');
}

function judgeSpace(facts: MachineFacts): Finding {
  if (facts.freeBytes === undefined || facts.totalBytes === undefined) return unread('free disk');
  const detail = `${describeBytes(facts.freeBytes)} of ${describeBytes(facts.totalBytes)} free`;
  if (facts.freeBytes >= 2 * gib) return ok('free disk', detail);
  const fix = 'make room: the journal alone is pre-written with 256 MiB, less with smaller journal.file.bytes';
  return { check: 'free disk', verdict: facts.freeBytes < gib / 2 ? 'FAIL' : 'WARN', detail, fix };
}

function judgeOpenFiles(facts: MachineFacts): Finding {
  if (facts.openFiles === undefined) return unread('open files');
  if (facts.openFiles >= 65_536) return ok('open files', `${facts.openFiles}`);
  return warn(
    'open files',
    `${facts.openFiles}`,
    'raise the limit to 65536 or more (LimitNOFILE in systemd)',
    'ulimit -n 65536',
  );
}

function judgeLockedMemory(facts: MachineFacts): Finding {
  if (facts.lockedMemoryBytes === undefined) return unread('locked memory');
  const mib = facts.lockedMemoryBytes / 1024 ** 2;
  const detail = mib === Number.POSITIVE_INFINITY ? 'unlimited' : `${mib} MiB`;
  if (mib >= 8) return ok('locked memory', detail);
  return warn(
    'locked memory',
    detail,
    'raise the limit (LimitMEMLOCK in systemd): rings and buffers are locked',
    'ulimit -l 65536',
  );
}

function judgeSwappiness(facts: MachineFacts): Finding {
  if (facts.swappiness === undefined) return unread('swappiness');
  if (facts.swappiness <= 60) return ok('swappiness', `${facts.swappiness}`);
  return warn('swappiness', `${facts.swappiness}`, 'prefer memory to swap', 'sysctl -w vm.swappiness=1');
}

function judgeHugePages(facts: MachineFacts): Finding {
  if (facts.hugePages === undefined) return unread('huge pages');
  if (facts.hugePages !== 'always') return ok('huge pages', facts.hugePages);
  const command = 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled';
  return warn('huge pages', 'always', 'use madvise: stalls while pages are gathered', command);
}

function judgeClock(facts: MachineFacts): Finding {
  if (facts.clockSource === undefined) return unread('clock source');
  if (/^(tsc|kvm-clock|arch_sys_counter|hyperv_clocksource_tsc_page)$/.test(facts.clockSource)) {
    return ok('clock source', facts.clockSource);
  }
  return warn(
    'clock source',
    facts.clockSource,
    'a slow clock costs a system call per reading: boot with clocksource=tsc',
  );
}

function judgeScheduler(facts: MachineFacts): Finding {
  if (facts.device === undefined) return ok('disk scheduler', 'no block device of its own');
  if (facts.scheduler === undefined) return unread('disk scheduler');
  if (facts.scheduler === 'none' || facts.scheduler === 'mq-deadline') return ok('disk scheduler', facts.scheduler);
  const command = `echo none > /sys/class/block/${facts.disk ?? facts.device}/queue/scheduler`;
  return warn('disk scheduler', facts.scheduler, 'use none for an SSD', command);
}

function judgeMerges(facts: MachineFacts): Finding {
  if (facts.device === undefined) return ok('disk merges', 'no block device of its own');
  if (facts.noMerges === undefined) return unread('disk merges');
  return ok('disk merges', facts.noMerges === '0' ? 'on' : `nomerges=${facts.noMerges}`);
}
