/** Version ranges of Kafka's schemas ("3+", "0-12", "2", "none"), always one contiguous range. */

/** Inclusive; empty when `low > high`. */
export interface Versions {
  readonly low: number;
  readonly high: number;
}

export const NO_VERSIONS: Versions = { low: 0, high: -1 };
const OPEN_END = 32_767;

/** Throws when the text is not a version range. */
export function parseVersions(text: string): Versions {
  if (text === 'none') return NO_VERSIONS;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a version range: ${text}`);
  const low = Number(match[1]);
  if (match[2] !== undefined) return { low, high: OPEN_END };
  return { low, high: match[3] === undefined ? low : Number(match[3]) };
}

export function intersect(a: Versions, b: Versions): Versions {
  return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) };
}

export function isEmpty(versions: Versions): boolean {
  return versions.low > versions.high;
}

/** True when `outer` holds every version of `inner`. */
export function covers(outer: Versions, inner: Versions): boolean {
  return isEmpty(inner) || (outer.low <= inner.low && outer.high >= inner.high);
}

/** A condition on `version` that is true inside `versions`, given that `version` lies in `known`; '' when always true. */
export function condition(versions: Versions, known: Versions): string {
  const parts: string[] = [];
  if (versions.low === versions.high && !covers(versions, known)) return `version === ${versions.low}`;
  if (versions.low > known.low) parts.push(`version >= ${versions.low}`);
  if (versions.high < known.high) parts.push(`version <= ${versions.high}`);
  return parts.join(' && ');
}

/** For comments: "3+", "0-12", "2", relative to the highest version known. */
export function describe(versions: Versions, known: Versions): string {
  const clipped = intersect(versions, known);
  if (clipped.low === clipped.high) return `${clipped.low}`;
  return clipped.high === known.high ? `${clipped.low}+` : `${clipped.low}-${clipped.high}`;
}
