/** Where two answers differ: every path at which they do, with both values. */
import type { Comparable } from './comparable.ts';
import type { Told } from './player.ts';

export interface Difference {
  /** `step vN`. */
  readonly at: string;
  readonly api: string;
  /** Fields and keys from the root, joined by `/`. */
  readonly path: string;
  /** `undefined` where one side has nothing. */
  readonly kafka: Comparable | undefined;
  readonly ours: Comparable | undefined;
}

/** All differences of two transcripts; a place that only one of them has is one, at the empty path. */
export function differencesOf(kafka: readonly Told[], ours: readonly Told[]): Difference[] {
  const byPlace = new Map(ours.map((told) => [told.at, told]));
  return kafka.flatMap(({ at, api, answer }) => {
    const found: Difference[] = [];
    compare('', answer, byPlace.get(at)?.answer, (path, left, right) =>
      found.push({ at, api, path, kafka: left, ours: right }),
    );
    return found;
  });
}

type Report = (path: string, kafka: Comparable | undefined, ours: Comparable | undefined) => void;

function compare(path: string, kafka: Comparable | undefined, ours: Comparable | undefined, report: Report): void {
  if (!isTree(kafka) || !isTree(ours) || Array.isArray(kafka) !== Array.isArray(ours)) {
    if (kafka !== ours) report(path, kafka, ours);
    return;
  }
  const [left, right] = [fieldsOf(kafka), fieldsOf(ours)];
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    compare(path === '' ? name : `${path}/${name}`, left.get(name), right.get(name), report);
  }
}

function isTree(value: Comparable | undefined): value is Exclude<Comparable, string | number | boolean | null> {
  return typeof value === 'object' && value !== null;
}

function fieldsOf(value: object): Map<string, Comparable> {
  return new Map(Object.entries(value));
}
