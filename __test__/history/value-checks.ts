/**
 * Checks of single values: aborted, made up, in two places, two in a place, lost, unseen, seen too early.
 *
 * To remember: each is linear in the length of the history.
 */
import type { Anomaly } from './anomaly.ts';
import type { LogView } from './log-view.ts';

/** Values that must not have been read, or not yet. */
export function* wrongReads(log: LogView): IterableIterator<Anomaly> {
  for (const { operation, read } of log.reads()) {
    for (const { offset, value } of read.records) {
      const what = `${operation.process} read ${value} at ${read.partition}:${offset}`;
      const writer = log.writers.get(value)?.operation;
      if (writer === undefined) {
        yield { kind: 'phantom', what };
        continue;
      }
      // Who reads uncommitted data sees what is aborted later.
      const mayShow = read.isolation === 'uncommitted' && writer.transaction !== undefined;
      if (writer.outcome === 'fail' && !mayShow) yield { kind: 'aborted read', what };
      if (mayShow || writer.transaction === undefined) continue;
      const { commitAsked } = writer.transaction;
      if (commitAsked === undefined || read.end < commitAsked) yield { kind: 'precommitted read', what };
    }
  }
}

/** Places with two values, values in two places. */
export function* wrongPlaces(log: LogView): IterableIterator<Anomaly> {
  for (const [place, values] of log.places) {
    if (values.size > 1) yield { kind: 'divergence', what: `${place} has ${[...values].join(', ')}` };
  }
  for (const [value, places] of log.offsets) {
    if (places.size > 1) yield { kind: 'duplicate', what: `${value} lies at ${[...places].join(', ')}` };
  }
}

/** Acknowledged values that are not there. */
export function* missingValues(log: LogView): IterableIterator<Anomaly> {
  const furthest = new Map<number, number>();
  const last = new Set<string>();
  let hasLast = false;
  for (const { operation, read } of log.reads()) {
    const offset = read.records.at(-1)?.offset ?? -1;
    furthest.set(read.partition, Math.max(furthest.get(read.partition) ?? -1, offset));
    if (operation.isFinal !== true) continue;
    hasLast = true;
    for (const { value } of read.records) last.add(value);
  }
  for (const operation of log.done) {
    for (const { partition, value, offset } of operation.sends) {
      const what = `${value} of ${operation.process} at ${partition}:${offset}`;
      const isBelow = offset !== undefined && offset <= (furthest.get(partition) ?? -1);
      if (operation.outcome === 'ok' && isBelow && !log.seen.has(value)) yield { kind: 'lost write', what };
      if (hasLast && !last.has(value)) yield { kind: 'unseen', what };
    }
  }
}

/** A part of a transaction that is not there after another part was seen. */
export function* intermediateReads(log: LogView): IterableIterator<Anomaly> {
  /** When a value of each transaction was first seen by a read that had ended. */
  const shown = new Map<unknown, number>();
  const reads = [...log.reads()].filter(({ read }) => read.isolation === 'committed');
  for (const { read } of reads) {
    for (const { value } of read.records) {
      const writer = log.writers.get(value)?.operation;
      if (writer?.transaction !== undefined) shown.set(writer, Math.min(shown.get(writer) ?? Infinity, read.end));
    }
  }
  const parts = new Map<number, { offset: number; since: number; value: string }[]>();
  for (const operation of log.done) {
    const since = shown.get(operation);
    if (since === undefined) continue;
    for (const { partition, value } of operation.sends) {
      const list = parts.get(partition) ?? [];
      parts.set(partition, list);
      list.push({ offset: log.offsetOf(value) ?? Infinity, since, value });
    }
  }
  for (const list of parts.values()) list.sort((a, b) => a.since - b.since);
  for (const { operation, read } of reads) {
    for (const { offset, since, value } of parts.get(read.partition) ?? []) {
      if (since >= read.start) break;
      if (offset < read.stable) continue;
      yield { kind: 'intermediate read', what: `${operation.process} read to ${read.stable} without ${value}` };
    }
  }
}
