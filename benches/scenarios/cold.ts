/**
 * Fetches of data that lies on the disk only.
 *
 * To remember: what a broker has written is in the page cache, which Kafka reads from; so the files of every side are
 * dropped from it before each measurement. A replay that comes to its end begins again, with what it has read in memory:
 * the fill has to be larger than what is measured.
 */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runLoadTool } from '../load-tools.ts';
import type { Figures, Scenario, Side, Workplace } from '../scenario.ts';
import { KAFKA, type Load, MILLRACE, openKafka, openMillrace, PARTITIONS, type Target } from '../targets.ts';

const WITHOUT = 'millrace, nothing read ahead';
const BATCHES: Load = { connections: 4, 'in-flight': 5, records: 256, size: 1024 };
/** Nobody replays faster: so much is written for each second of a measurement, bytes. */
const REPLAYED_MAX = 3e9;

export const coldFetch: Scenario = {
  name: 'wire-fetch-cold',
  isLong: true,
  what: '4 connections fetch data that lies on the disk only, up to 1 MiB per request',
  goals: [{ figure: 'megabytesPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 1.5 }],
  async open(workplace) {
    const sides = [await replayer(await openMillrace(workplace), workplace, MILLRACE)];
    if (!workplace.size.rivals) return sides;
    const place: Workplace = { ...workplace, directory: (name) => workplace.directory(`${name}-plain`) };
    const without = await openMillrace(place, { settings: ['read.ahead.bytes=0'] });
    sides.push(await replayer(without, workplace, WITHOUT));
    sides.push(await replayer(await openKafka(workplace, false), workplace, KAFKA));
    return sides;
  },
};

/** A side that has been filled, and whose files are not in the page cache when it is measured. */
async function replayer(target: Target, workplace: Workplace, name: string): Promise<Side> {
  const { address: bootstrap, pid } = target;
  const { warmUpSeconds, seconds, rivals } = workplace.size;
  const topic = { bootstrap, topic: 'old', partitions: PARTITIONS };
  await runLoadTool('millrace-load', 'create', topic);
  const fill = { ...topic, ...BATCHES, 'warm-up': 0, duration: rivals ? 2 : 0.5 };
  const wanted = rivals ? REPLAYED_MAX * (warmUpSeconds + seconds) : 1;
  for (let filled = 0; filled < wanted; ) filled += (await runLoadTool('millrace-load', 'produce', fill)).bytes ?? 0;
  const measure = async (): Promise<Figures> => {
    await dropFromCache(target.directory);
    const load = { connections: PARTITIONS, 'warm-up': warmUpSeconds, duration: seconds, 'server-pid': pid };
    return runLoadTool('millrace-load', 'fetch', { ...topic, ...load });
  };
  return { name, measure };
}

/** Gives back the pages of all files below a directory; what is dirty is written first. */
async function dropFromCache(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile() && /\.(log|bulk|shared)$/.test(one.name))) {
    const file = join(entry.parentPath, entry.name);
    await promisify(execFile)('dd', [
      `of=${file}`,
      'oflag=nocache',
      'conv=notrunc,fdatasync',
      'count=0',
      'status=none',
    ]);
  }
}
