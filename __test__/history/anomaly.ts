/** What a history must not show: the classes, and one that was found. Not the search. */

export const ANOMALIES = [
  /** A reader of committed data saw what was refused or aborted. */
  'aborted read',
  /** Somebody saw what nobody wrote. */
  'phantom',
  /** Two values at one offset. */
  'divergence',
  /** One value at two offsets. */
  'duplicate',
  /** An acknowledged value that nobody read, though somebody read further. */
  'lost write',
  /** An acknowledged value that the last read from the beginning does not have. */
  'unseen',
  /** A reader went on behind a value that was there for it. */
  'skipped poll',
  /** A reader was given an offset again, or an earlier one. */
  'non-monotonic poll',
  /** Later sends of one process to one partition lie earlier. */
  'non-monotonic send',
  /** A value of a transaction was read as committed before its commit was asked for. */
  'precommitted read',
  /** A part of a transaction was missing after another part had been read. */
  'intermediate read',
  /** Transactions whose writes follow each other in a circle. */
  'G0',
  /** A circle of writes and of reads of what was written. */
  'G1c',
  /** The same with one read that came too early. */
  'G-single',
  /** A position of a group went back behind one that was acknowledged, or was never committed. */
  'lost commit',
] as const;

export type AnomalyKind = (typeof ANOMALIES)[number];

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** Values, offsets and processes, for a person. */
  readonly what: string;
}
