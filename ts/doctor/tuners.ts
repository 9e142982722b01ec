/**
 * What doctor says of what rpk tunes beside the checks of checks.ts: seccomp, interrupts of the disk, trim, network, reserve.
 * Pure; nothing is applied.
 *
 * Invariant: every WARN carries what to do about it.
 */
import { describeBytes } from '../units.ts';
import { type Finding, ok, type ProbeFacts, unread, warn } from './checks.ts';
import type { MachineFacts } from './facts.ts';

/** Queued connections below which a burst of clients is turned away; what Node and our own listeners ask for. */
const BACKLOG_MIN = 511;

/** The findings, in the order they are printed. */
export function judgeTuners(facts: MachineFacts, probe: ProbeFacts | undefined): Finding[] {
  return [
    judgeSeccomp(facts, probe),
    judgeInterrupts(facts),
    judgeTrim(facts),
    judgeNetwork(facts),
    judgeReserve(facts),
  ];
}

function judgeSeccomp({ seccomp }: MachineFacts, probe: ProbeFacts | undefined): Finding {
  if (seccomp === undefined) return unread('seccomp');
  if (seccomp === 0) return ok('seccomp', 'no filter');
  if (probe?.driver === 'ring') return ok('seccomp', 'a filter that lets io_uring through');
  const fix = 'if it is the filter: use packaging/seccomp.json, which is the default list and io_uring';
  return warn('seccomp', 'a filter, and io_uring is not there', fix);
}

function judgeInterrupts({ device, tuners }: MachineFacts): Finding {
  const check = 'disk interrupts';
  if (device === undefined) return ok(check, 'no block device of its own');
  if (tuners?.interrupts === undefined) return unread(check);
  const { lines, processors } = tuners.interrupts;
  if (lines === 0) return ok(check, 'it has none of its own that are shown');
  const detail = `${lines} on ${processors} of ${tuners.processors} processors`;
  if (lines === 1 || processors > 1 || tuners.processors === 1) return ok(check, detail);
  return warn(check, detail, 'spread them over the processors', 'systemctl enable --now irqbalance');
}

function judgeTrim({ device, tuners }: MachineFacts): Finding {
  if (device === undefined) return ok('trim', 'no block device of its own');
  if (tuners?.discards === undefined || tuners.trimmed === undefined) return unread('trim');
  if (!tuners.discards) return ok('trim', 'the device takes no discards');
  if (tuners.trimmed) return ok('trim', 'the device is told what is free');
  const fix = 'tell the device regularly what is free, or it slows down as it fills';
  return warn('trim', 'nobody tells the device what is free', fix, 'systemctl enable --now fstrim.timer');
}

function judgeNetwork({ tuners }: MachineFacts): Finding {
  if (tuners?.backlog === undefined) return unread('network');
  const { backlog, handshakes } = tuners;
  const detail = `somaxconn ${backlog}${handshakes === undefined ? '' : `, tcp_max_syn_backlog ${handshakes}`}`;
  if (Math.min(backlog, handshakes ?? backlog) >= BACKLOG_MIN) return ok('network', detail);
  const command = 'sysctl -w net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096';
  return warn('network', detail, 'let more connections wait: a burst of clients is turned away', command);
}

function judgeReserve({ tuners }: MachineFacts): Finding {
  const check = 'ballast file';
  if (tuners === undefined) return unread(check);
  if (tuners.reserveBytes === undefined) return ok(check, 'a new data directory makes one');
  if (tuners.reserveBytes > 0) return ok(check, `${describeBytes(tuners.reserveBytes)} are given up on a full disk`);
  return warn(check, 'it was given up, or there was no room for it', 'make room: it is made again by itself');
}
