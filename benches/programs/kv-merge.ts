/**
 * Puts while a merge runs, against puts while nothing runs: `--bytes` (of the store, half of them dead), `--directory`,
 * `--duration` (seconds of the idle stretch).
 *
 * Prints one line of JSON. Invariant: both stretches are of the same process, the same store and the same writers; the
 * merge is over before the second one ends, or there is no figure.
 */
import { join } from 'node:path';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Kv } from '../../ts/index.ts';
import { keyOf } from './kv/engine.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { bytes: text, directory: text, duration: text } });
const bytes = Number(values.bytes ?? 64 << 20);
const seconds = Number(values.duration ?? 1);
const directory = values.directory ?? '';
if (directory === '') throw new Error('--directory is missing');

const WRITERS = 4;
const BATCH = 500;
const VALUE_BYTES = 1000;
/** About what a record takes in a data file. */
const RECORD_BYTES = VALUE_BYTES + 40;
/** How long a merge may take before the bench gives up, ms. */
const MERGE_MS = 600_000;

const { openKv }: typeof import('../../ts/index.ts') = await import(
  new URL('../../dist/index.js', import.meta.url).href
);
// A small store settles as often as a large one does, or its overwritten keys would never reach the disk.
const settleBytes = Math.min(64 << 20, Math.max(256 << 10, Math.floor(bytes / 32)));
const kv = await openKv(join(directory, 'data'), { settleBytes });
const value = Buffer.alloc(VALUE_BYTES, 7);

interface Stats {
  readonly fileBytes: number;
  readonly deadBytes: number;
  readonly merging: number;
  readonly merges: number;
  readonly mergedBytes: number;
}

const stats = (store: Pick<Kv, 'stats'> = kv): Stats => store.stats() as unknown as Stats;

/**
 * Every pass writes half of what the one before wrote once more, so each file is half dead and none is due by itself: a
 * merge begins where more than 60 % of a file is dead.
 */
async function fill(): Promise<void> {
  let keys = Math.max(BATCH * 4, Math.floor(bytes / RECORD_BYTES / 2));
  for (; keys >= BATCH; keys = keys >> 1) {
    for (let first = 0; first < keys; first += BATCH) {
      const batch = kv.batch();
      for (let number = first; number < Math.min(keys, first + BATCH); number += 1) batch.put(keyOf(number), value);
      await batch.write({ durability: 'memory' });
    }
  }
}

/** Durable puts of keys of their own, by a few writers, until `isOver`. */
async function puts(histogram: RecordableHistogram, isOver: () => boolean): Promise<void> {
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; !isOver(); round += 1) {
      const sent = performance.now();
      await kv.put(`put/${writer}/${round % 1000}`, value);
      histogram.record(Math.max(1, Math.round((performance.now() - sent) * 1000)));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
}

const histogram = (): RecordableHistogram => createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });

await fill();
await kv.flush();
while (stats().merging > 0) await sleep(20);
const filled = stats();
const idle = histogram();
const idleEnd = performance.now() + seconds * 1000;
await puts(idle, () => performance.now() >= idleEnd);
const during = histogram();
const before = stats();
kv.merge();
const begun = performance.now();
let mergedAt = 0;
// Beside the puts, so that they do nothing that they did not do before.
const watch = setInterval(() => {
  const now = performance.now();
  if (stats().merges > before.merges && stats().merging === 0) mergedAt ||= now;
  if (now - begun > MERGE_MS) throw new Error('the merge does not come to its end');
}, 5);
await puts(during, () => mergedAt > 0);
clearInterval(watch);
const after = stats();
const [idleP99, mergeP99] = [idle.percentile(99), during.percentile(99)];
process.stdout.write(
  `${JSON.stringify({
    storeBytes: filled.fileBytes,
    deadPercent: (filled.deadBytes * 100) / Math.max(1, filled.fileBytes),
    idleP50Micros: idle.percentile(50),
    idleP99Micros: idleP99,
    mergeP50Micros: during.percentile(50),
    mergeP99Micros: mergeP99,
    p99Ratio: mergeP99 / idleP99,
    mergeSeconds: (mergedAt - begun) / 1000,
    mergedBytes: after.mergedBytes - before.mergedBytes,
  })}\n`,
);
await kv.close();
