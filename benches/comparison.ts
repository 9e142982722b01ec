/**
 * Whether one commit is slower than another, from several rounds of both.
 *
 * Not the measuring (compare.ts). To remember: machines are shared, so a loss counts only as far as the fastest repetition,
 * the best round and the median round all show it: noise adds time to some of them, a slower program to all.
 */

/** Nanoseconds of one repetition in a round: the fastest, and the median. */
export interface Timing {
  readonly least: number;
  readonly median: number;
}

/** A round, by the names of its works. */
export type Timings = ReadonlyMap<string, Timing>;

/** One work under both commits. */
export interface Change {
  readonly name: string;
  /** Nanoseconds: medians of the rounds. */
  readonly before: number;
  readonly after: number;
  /** In percent; positive is slower. The least of what the three ways to look at it agree on, or 0. */
  readonly change: number;
  readonly verdict: 'slower' | 'faster' | 'same' | 'new' | 'gone';
}

/** Compares rounds of two commits, work by work in the order of names. `limit` in percent. */
export function changesOf(before: readonly Timings[], after: readonly Timings[], limit: number): Change[] {
  const names = [...new Set([...before, ...after].flatMap((timings) => [...timings.keys()]))].sort();
  return names.map((name) => changeOf(name, timesOf(before, name), timesOf(after, name), limit));
}

/** One work in all rounds of a commit. */
interface Times {
  readonly least: number;
  readonly best: number;
  readonly median: number;
}

function timesOf(rounds: readonly Timings[], name: string): Times {
  const all = rounds.flatMap((timings) => timings.get(name) ?? []);
  const medians = all.map(({ median }) => median).sort((left, right) => left - right);
  return {
    least: Math.min(...all.map(({ least }) => least)),
    best: medians[0] ?? Number.NaN,
    median: middle(medians),
  };
}

function changeOf(name: string, before: Times, after: Times, limit: number): Change {
  const medians = { before: before.median, after: after.median };
  if (Number.isNaN(before.median)) return { name, ...medians, change: 0, verdict: 'new' };
  if (Number.isNaN(after.median)) return { name, ...medians, change: 0, verdict: 'gone' };
  const all = (['least', 'best', 'median'] as const).map((way) => (after[way] / before[way] - 1) * 100);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const change = least > 0 ? least : Math.min(most, 0);
  const verdict = change > limit ? 'slower' : change < -limit ? 'faster' : 'same';
  return { name, ...medians, change, verdict };
}

/** The median; NaN of none. `sorted` rises. */
function middle(sorted: readonly number[]): number {
  return ((sorted[sorted.length >> 1] ?? Number.NaN) + (sorted[(sorted.length - 1) >> 1] ?? Number.NaN)) / 2;
}

/** The changes as lines for people, and how many are slower. */
export function describeChanges(changes: readonly Change[], limit: number): string {
  const widest = Math.max(0, ...changes.map(({ name }) => name.length));
  const lines = changes.map(({ name, before, after, change, verdict }) => {
    const times = `${shown(before).padStart(12)} ${shown(after).padStart(12)}`;
    const sign = change > 0 ? '+' : '';
    const words = { slower: 'SLOWER', faster: 'faster', same: '', new: 'new', gone: 'gone' };
    return `${name.padEnd(widest)} ${times} ${`${sign}${change.toFixed(1)} %`.padStart(9)} ${words[verdict]}`.trimEnd();
  });
  const slower = changes.filter(({ verdict }) => verdict === 'slower').length;
  return `${[...lines, `${slower} of ${changes.length} are slower by more than ${limit} %`].join('\n')}\n`;
}

function shown(nanoseconds: number): string {
  if (Number.isNaN(nanoseconds)) return '-';
  return nanoseconds >= 1e6 ? `${(nanoseconds / 1e6).toFixed(2)} ms` : `${(nanoseconds / 1000).toFixed(2)} us`;
}
