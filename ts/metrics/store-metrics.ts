/**
 * Key-value stores, one line each: keys, memory, files and what of them is dead.
 *
 * To remember: stores that are empty are left out, as Redis' sixteen databases are three stores each.
 */

import type { NodeEngine } from '../io/engine.ts';
import { Stores } from '../kv/stores.ts';
import type { PrometheusText } from './prometheus-text.ts';

const families = [
  ['keys', 'keys', 'Keys, expired ones that were not purged included.'],
  ['memtableBytes', 'memtable_bytes', 'Memory of writes that are not settled.'],
  ['keydirBytes', 'keydir_bytes', 'Memory of the key directory.'],
  ['fileBytes', 'file_bytes', 'Size of data files.'],
  ['deadBytes', 'dead_bytes', 'Bytes of data files that no key needs.'],
  ['merging', 'merging', '1 while a merge is under way.'],
] as const;

const MS_PER_SECOND = 1000;

/** Merges of all stores together, which the figures of every store tell. */
function writeMerges(text: PrometheusText, stats: Readonly<Record<string, unknown>>): void {
  const { merges, mergeMs, reclaimedBytes } = stats;
  if (typeof merges !== 'number' || typeof mergeMs !== 'number') return;
  const durations = text.family('millrace_merge_duration_seconds', 'summary', 'How long merges of data files took.');
  durations.addSummary(merges, mergeMs / MS_PER_SECOND);
  if (typeof reclaimedBytes !== 'number') return;
  text.one('millrace_merge_reclaimed_bytes_total', 'counter', 'Bytes that merges gave back.', reclaimedBytes);
}

/** Writes the families of all stores that have something in them. */
export function writeStoreMetrics(text: PrometheusText, engine: NodeEngine): void {
  const stores = Stores.of(engine);
  const rows = stores.names().flatMap((name) => {
    const stats = stores.get(name)?.stats() ?? {};
    return stats.keys === 0 && stats.fileBytes === 0 ? [] : [{ name, stats }];
  });
  if (rows.length === 0) return;
  writeMerges(text, rows[0]?.stats ?? {});
  for (const [field, name, help] of families) {
    const family = text.family(`millrace_kv_${name}`, 'gauge', help);
    for (const { name: store, stats } of rows) {
      const value = stats[field];
      if (typeof value === 'number') family.add(value, { store });
    }
  }
}
