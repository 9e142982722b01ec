/**
 * Verifies and repairs a data directory that nobody has open: what `millrace verify` and `millrace repair` stand on.
 *
 * Not for a directory that is being served: it is locked meanwhile. To remember: verification changes nothing, and repair
 * removes nothing that it does not keep in `repair/`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from './errors.ts';
import { fromNative } from './io/native-error.ts';
import { nativeRepair, nativeVerifier, type Repairing } from './io/verify.ts';
import { storedPartitions } from './log/stored-topics.ts';

/** `damage`: bytes that were durable; `derivable`: an index or hint; `note`: harmless. */
export type FindingKind = 'damage' | 'derivable' | 'note';

/** One place in a file. */
export interface Finding {
  readonly kind: FindingKind;
  /** Path below the data directory. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly position: number;
  readonly detail: string;
}

/** What was looked at and found, in numbers. */
export interface VerifySummary {
  readonly files: number;
  readonly bytes: number;
  /** In segments, with `deep`. What is not settled yet lies in frames of the journal, which are verified and not counted. */
  readonly batches: number;
  readonly records: number;
  readonly damage: number;
  readonly derivable: number;
  readonly notes: number;
}

/** How to verify. */
export interface VerifyOptions {
  /** Every checksum of every batch and record, every index and hint. Default false: manifest, journal, names, lengths. */
  readonly deep?: boolean;
  /**
   * One file, as its path below the directory: only it, with its index or hint, is told of. The journal is looked at in any
   * case.
   */
  readonly file?: string;
  /** Told from time to time. `totalBytes`: of segments and data files. */
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** What was found. */
export interface Verification extends VerifySummary {
  readonly findings: readonly Finding[];
}

/**
 * One step of a repair: `rebuild` an index or hint, `copy` a damaged file away, `skip` offsets or keys that are lost, or leave it
 * `fenced`.
 */
export interface RepairStep {
  readonly kind: 'rebuild' | 'copy' | 'skip' | 'fenced';
  readonly file: string;
  readonly detail: string;
  /** Of `skip`: the engine's id of the partition, and its offsets that are lost; `to` is exclusive. */
  readonly partition?: number;
  /** Whose that partition is, unless its topic is deleted or the directory's state cannot be read. */
  readonly topic?: string;
  readonly topicPartition?: number;
  readonly from?: number;
  readonly to?: number;
  /**
   * Of `skip` in a store: the engine's id of it, how many keys are lost (`detail` names the first hundred), and how many
   * records at most of keys that nobody knows.
   */
  readonly store?: number;
  readonly lostKeys?: number;
  readonly unknownRecords?: number;
}

/** What a repair may do. */
export interface RepairOptions {
  /** Do it. Default false: say what would be done. */
  readonly apply?: boolean;
  /**
   * Give damaged ranges of segments up, so that reads go on behind them, and damaged records and values of stores, whose keys
   * are absent then. Default false: they stay fenced.
   */
  readonly skipDamaged?: boolean;
  /**
   * Cut every partition that has lost something at the first such offset: it and all that lies behind it, also what is only
   * in the journal, is given up. Offsets are not given out twice: what is appended later goes on at the old end. Default
   * false.
   */
  readonly truncateAtFirstBad?: boolean;
  /** Of what gives nothing up, only write indexes and hints anew. Default: that, and what `fence` says. */
  readonly rebuildIndex?: boolean;
  /** Of what gives nothing up, only copy damaged files of the journal away: damaged ranges stay fenced. */
  readonly fence?: boolean;
  /** One file, as its path below the directory: only it is repaired, with its index or hint. Not with `truncateAtFirstBad`. */
  readonly file?: string;
}

/** What is to be done, or was. */
export interface Repair extends VerifySummary {
  readonly steps: readonly RepairStep[];
  /** The folder of what was replaced or copied; undefined when nothing was changed. */
  readonly keptIn: string | undefined;
}

/** ms of work between two turns of the event loop. */
const STEP_MS = 20;

/**
 * Verifies the data directory in `dir`. Rejects with MILLRACE_LOCKED when somebody has it open, MILLRACE_FOREIGN_FILE when it
 * is none, MILLRACE_FORMAT when a newer version wrote it, MILLRACE_IO. Damage is a finding.
 */
export async function verifyDirectory(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const { deep = false, file, onProgress, signal } = options;
  assertOurs(dir);
  const verifier = call(dir, () => nativeVerifier(dir, deep, file));
  try {
    while (call(dir, () => verifier.step(STEP_MS))) {
      onProgress?.(verifier.bytes(), verifier.totalBytes());
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
    const { last, others } = parse<Finding>(verifier.lines());
    return { ...last, findings: others };
  } finally {
    verifier.close();
  }
}

/**
 * Plans a repair, or with `apply` does it: indexes and hints that do not verify are written anew, damaged journal files are
 * copied away before their place is used again. Nothing is cut: a damaged range stays fenced, the rest is served; with
 * `skipDamaged` it is given up, and what verifies of it is written to a new file. Throws as `verifyDirectory` rejects, and
 * MILLRACE_OPTION for options that contradict each other. Blocks for a deep verification.
 */
export function repairDirectory(dir: string, options: RepairOptions = {}): Repair {
  const { apply = false, skipDamaged = false, truncateAtFirstBad = false, file } = options;
  if (truncateAtFirstBad && file !== undefined) {
    throw new MillraceError('MILLRACE_OPTION', 'truncateAtFirstBad is of partitions, whose records lie in many files');
  }
  assertOurs(dir);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const plan = { apply, skipDamaged, truncate: truncateAtFirstBad, parts: partsOf(options), only: file };
  const { last, others } = parse<RepairStep>(call(dir, () => nativeRepair(dir, plan, stamp)));
  const changed = apply && others.some((step) => step.kind !== 'fenced');
  return { ...last, steps: withTopics(dir, others), keptIn: changed ? join(dir, 'repair', stamp) : undefined };
}

function partsOf({ rebuildIndex = false, fence = false }: RepairOptions): Repairing['parts'] {
  if (rebuildIndex === fence) return 'all';
  return fence ? 'fence' : 'rebuild';
}

/** Steps that name a partition by the engine's number, with the topic it is of. */
function withTopics(dir: string, steps: readonly RepairStep[]): RepairStep[] {
  if (steps.every(({ partition }) => partition === undefined)) return [...steps];
  const named = storedPartitions(dir);
  return steps.map((step) => {
    const found = step.partition === undefined ? undefined : named.get(step.partition);
    return found === undefined ? step : { ...step, topic: found.topic, topicPartition: found.index };
  });
}

/** A directory that is none of ours is left as it is: locking would leave a file behind. */
function assertOurs(dir: string): void {
  if (['manifest', 'journal', 'segments'].some((name) => existsSync(join(dir, name)))) return;
  throw new MillraceError('MILLRACE_FOREIGN_FILE', `${dir} has no manifest, journal or segments`, { path: dir });
}

function parse<T>(lines: readonly string[]): { last: VerifySummary; others: T[] } {
  const parsed = lines.map((line) => JSON.parse(line) as T);
  const { kind: _kind, ...last } = parsed.pop() as VerifySummary & { kind: string };
  return { last, others: parsed };
}

function call<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fromNative(error, path);
  }
}
