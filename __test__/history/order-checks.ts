/**
 * Checks of order: what one reader was given, where one writer's values lie, where a group stands.
 *
 * To remember: gaps between offsets are ordinary (markers, aborted records); only a gap over a value that is known to be
 * there for good is an anomaly.
 */
import type { Anomaly } from './anomaly.ts';
import type { Position } from './history.ts';
import type { LogView } from './log-view.ts';

/** Polls of one session that go back or leave something out. */
export function* wrongPolls(log: LogView): IterableIterator<Anomaly> {
  const committed = log.committed();
  const next = new Map<string, number>();
  for (const { operation, read } of log.reads()) {
    const id = `${operation.process} ${operation.session} ${read.partition}`;
    const expected = next.get(id) ?? read.from;
    next.set(id, read.to);
    const got = new Set(read.records.map(({ offset }) => offset));
    let before = expected - 1;
    for (const { offset, value } of read.records) {
      const what = `${id} was given ${value} at ${offset} after ${before}`;
      if (offset <= before) yield { kind: 'non-monotonic poll', what };
      before = Math.max(before, offset);
    }
    const list = committed.get(read.partition) ?? [];
    for (let at = firstFrom(list, expected); at < list.length; at += 1) {
      const { offset, value } = list[at] ?? { offset: Infinity, value: '' };
      if (offset >= read.to) break;
      if (!got.has(offset))
        yield { kind: 'skipped poll', what: `${id} went from ${expected} to ${read.to} without ${value}` };
    }
  }
}

/** Index of the first entry at or behind `offset`. */
function firstFrom(list: readonly { offset: number }[], offset: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sends of one process that lie in another order than they were made. */
export function* wrongSends(log: LogView): IterableIterator<Anomaly> {
  const last = new Map<string, number>();
  const inOrder = [...log.operations].sort((a, b) => a.start - b.start);
  for (const { process, outcome, sends } of inOrder) {
    if (outcome === 'fail') continue;
    for (const { partition, value } of sends) {
      const id = `${process} ${partition}`;
      const offset = log.offsetOf(value);
      if (offset === undefined) continue;
      const before = last.get(id) ?? -1;
      if (offset <= before) yield { kind: 'non-monotonic send', what: `${id}: ${value} at ${offset} after ${before}` };
      last.set(id, offset);
    }
  }
}

/** Positions that were found behind one acknowledged before, or that nobody committed. A group has one committer. */
export function* wrongPositions(log: LogView): IterableIterator<Anomaly> {
  const acknowledged = new Map<string, { end: number; offset: number }[]>();
  const tried = new Map<string, Set<number>>();
  const idOf = ({ group, partition }: Position) => `${group} ${partition}`;
  for (const { outcome, end, committed = [] } of log.operations) {
    for (const position of committed) {
      const id = idOf(position);
      if (outcome !== 'fail') tried.set(id, (tried.get(id) ?? new Set([-1])).add(position.offset));
      if (outcome === 'ok') acknowledged.set(id, [...(acknowledged.get(id) ?? []), { end, offset: position.offset }]);
    }
  }
  for (const { process, start, found = [] } of log.operations) {
    for (const position of found) {
      const id = idOf(position);
      const least = (acknowledged.get(id) ?? []).filter(({ end }) => end < start).at(-1)?.offset ?? -1;
      const isKnown = position.offset === -1 || tried.get(id)?.has(position.offset) === true;
      if (position.offset >= least && isKnown) continue;
      yield { kind: 'lost commit', what: `${process} found ${id} at ${position.offset}, acknowledged was ${least}` };
    }
  }
}
