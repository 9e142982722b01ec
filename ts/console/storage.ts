/**
 * The journal and what is settled: how flushes and group commits do, and what lies on the disk.
 *
 * Not the last ten minutes (sampler.ts). To remember: durations are of flushes and of writes that are durable by
 * themselves, as the journal has measured them since it was opened.
 */

import { type BucketCounts, countUpTo, quantileOf } from '../io/timings.ts';
import { Stores } from '../kv/stores.ts';
import type { HistogramBar, StorageView, StoreRow } from './api.ts';
import { Folders, roomOf } from './disk.ts';
import { ConsoleError, type ConsoleParts } from './parts.ts';

const NS_PER_MS = 1e6;
const POWER_MAX = 40;
const folders = new WeakMap<object, Folders>();

export async function storage({ server }: ConsoleParts): Promise<StorageView> {
  const { engine, dir } = server;
  const counters = server.counters();
  const { flushNs, commitFrames } = engine.timings();
  const ms = (share: number): number | null => {
    const ns = quantileOf(flushNs, share);
    return ns === null ? null : ns / NS_PER_MS;
  };
  let known = folders.get(server);
  if (!known) {
    known = new Folders();
    folders.set(server, known);
  }
  const of = (name: string): number => counters[name] ?? 0;
  return {
    dir: dir ?? null,
    appendedLsn: engine.appendedLsn,
    durableLsn: engine.durableLsn,
    unsettledBytes: of('unsettledBytes'),
    laps: of('laps'),
    settles: of('settles'),
    commits: of('commits'),
    frames: of('frames'),
    flushes: of('flushes'),
    flush: { p50: ms(0.5), p99: ms(0.99), p999: ms(0.999) },
    flushBars: barsOf(flushNs, NS_PER_MS),
    frameBars: barsOf(commitFrames, 1),
    disk: await roomOf(dir),
    folders: await known.of(dir),
    stores: storeRows(server.engine),
  };
}

/** Counts by powers of two, from the first to the last that has any. */
function barsOf(counts: BucketCounts, unit: number): HistogramBar[] {
  const upTo = Array.from({ length: POWER_MAX }, (_, power) => countUpTo(counts, power));
  const bars = upTo.map((count, power) => ({ upTo: 2 ** power / unit, count: count - (upTo[power - 1] ?? 0) }));
  const first = bars.findIndex(({ count }) => count > 0);
  const last = bars.findLastIndex(({ count }) => count > 0);
  return first < 0 ? [] : bars.slice(first, last + 1);
}

/** Every store with what it holds and costs. */
export function storeRows(engine: ConsoleParts['server']['engine']): StoreRow[] {
  const stores = Stores.of(engine);
  return stores.names().flatMap((name): StoreRow[] => {
    const store = stores.get(name);
    if (!store) return [];
    const stats = store.stats();
    const of = (field: string): number => (typeof stats[field] === 'number' ? stats[field] : 0);
    return [
      {
        name,
        keys: of('keys'),
        keydirBytes: of('keydirBytes'),
        memtableBytes: of('memtableBytes'),
        files: of('files'),
        fileBytes: of('fileBytes'),
        deadBytes: of('deadBytes'),
        snapshots: of('snapshots'),
        isMerging: of('merging') > 0,
      },
    ];
  });
}

/** Begins a merge of `{ store }`; how far it is shows in the views. */
export async function mergeStore(
  { server }: ConsoleParts,
  { store }: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const found = typeof store === 'string' ? Stores.of(server.engine).get(store) : undefined;
  if (!found) throw new ConsoleError(404, 'there is no such store');
  found.merge();
  return {};
}
