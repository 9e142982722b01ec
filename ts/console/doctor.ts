/**
 * What `millrace doctor` says of this machine, asked by the server itself: read from the system, and of drivers and flushes
 * from what the engine knows already.
 *
 * Not the command (ts/cli/doctor.ts). To remember: it only reads, and no more than once a minute.
 */

import { type Finding, judge } from '../doctor/checks.ts';
import { type FlushFacts, readFacts } from '../doctor/facts.ts';
import { judgeRecovery } from '../doctor/recovery.ts';
import { quantileOf } from '../io/timings.ts';
import type { ServerParts } from '../server-parts.ts';
import type { DoctorView } from './api.ts';
import type { ConsoleParts } from './parts.ts';

const KEPT_MS = 60_000;
const NS_PER_US = 1000;
const known = new WeakMap<ServerParts, DoctorView>();

/** What was found last, anew when that is a minute old. */
export function doctor({ server }: ConsoleParts): DoctorView {
  const last = known.get(server);
  if (last && Date.now() - last.checkedMs < KEPT_MS) return last;
  const view = { checkedMs: Date.now(), findings: look(server) };
  known.set(server, view);
  return view;
}

/** On a simulated disk there is no machine to look at. */
function look({ engine, dir, counters }: ServerParts): Finding[] {
  if (dir === undefined) return [];
  const measured = flushesOf(engine);
  const { driver, reason, direct, detail } = engine.driver;
  const hasRing = counters()['sockets.enters'] !== undefined;
  const sockets = hasRing
    ? ({ sockets: 'ring', reason: 'at work' } as const)
    : ({ sockets: 'node', reason: 'the sockets of Node are at work' } as const);
  const findings = judge(readFacts(dir, { measured }), { driver, reason, direct, detail, sockets }, undefined);
  const recovery = judgeRecovery(dir);
  // Nothing was flushed yet: that is no finding.
  const told = findings.filter(({ check }) => check !== 'flush latency' || measured !== undefined);
  return recovery === undefined ? told : [...told, recovery];
}

function flushesOf(engine: ServerParts['engine']): FlushFacts | undefined {
  const { flushNs } = engine.timings();
  const us = (share: number): number => Math.round((quantileOf(flushNs, share) ?? 0) / NS_PER_US);
  const p50Us = us(0.5);
  return p50Us === 0 ? undefined : { p50Us, p99Us: us(0.99), source: 'journal' };
}
