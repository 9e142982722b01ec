/**
 * How the server is: ready or not, its driver, its process, and the account of how it came up.
 *
 * Not the machine (`millrace doctor`). To remember: the account is of the last opening and does not change; what left no
 * trace on the disk is in no number of it.
 */

import { release } from 'node:os';
import type { HealthView } from './api.ts';
import type { ConsoleParts } from './parts.ts';

const PARTITIONS_SHOWN = 500;
const MICROSECONDS = 1e6;

export function health(parts: ConsoleParts): HealthView {
  const { engine } = parts.server;
  const { driver, reason, detail, direct } = engine.driver;
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const poisoned = parts.isPoisoned();
  return {
    isReady: !poisoned && !engine.isClosed,
    poisoned,
    driver: { name: driver, reason, detail, direct },
    process: {
      node: process.version,
      pid: process.pid,
      system: `Linux ${release()}, ${process.arch}`,
      residentBytes: rss,
      heapBytes: heapUsed,
      cpuSeconds: (user + system) / MICROSECONDS,
      uptimeSeconds: Math.round(process.uptime()),
    },
    recovery: recoveryOf(parts),
  };
}

const accounts = new WeakMap<object, HealthView['recovery']>();

/** The account with the names of topics; read once, because it never changes. */
function recoveryOf({ server }: ConsoleParts): HealthView['recovery'] {
  const { engine, broker } = server;
  const known = accounts.get(engine);
  if (known) return known;
  const { ended, clean, verdict, incarnation, durationMs, framesReplayed, keptBytes, cutBytes, cutFrames, cutRecords } =
    engine.recovery;
  const details = engine.recoveryDetails();
  // What was cut or lost first: that is what somebody looks for.
  const touched = [...details.partitions].sort((left, right) => harm(right) - harm(left));
  const account = {
    ended,
    clean,
    verdict,
    incarnation,
    openedMs: details.openedMs,
    durationMs,
    framesReplayed,
    keptBytes,
    cutBytes,
    cutFrames,
    cutRecords,
    damage: engine.recovery.damage.map(({ file, position, detail }) => ({ file, position, detail })),
    partitions: touched.slice(0, PARTITIONS_SHOWN).map((one) => {
      const owner = broker.context.catalogue.ownerOf(one.partition);
      const { settledEnd, provenEnd, logEnd, cutRecords: cut, lost } = one;
      const place = { topic: owner?.topic.name ?? '(deleted)', partition: owner?.index ?? one.partition };
      return { ...place, settledEnd, provenEnd, logEnd, cutRecords: cut, lost };
    }),
    more: Math.max(0, touched.length - PARTITIONS_SHOWN),
  };
  accounts.set(engine, account);
  return account;
}

function harm({ lost, cutRecords }: { lost: readonly unknown[]; cutRecords: number }): number {
  return lost.length * Number.MAX_SAFE_INTEGER + cutRecords;
}
