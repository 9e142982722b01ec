/**
 * Verification and repair of a data directory that nobody has open, as the addon offers them.
 *
 * Not the command line, and not an opening. To remember: the directory is locked until `close`.
 */
import { loadNative } from './native.ts';

/** The addon's class. Throws coded errors as the engine does. */
export interface NativeVerifier {
  /** Goes on for about so many ms; false: it is done. */
  step(ms: number): boolean;
  bytes(): number;
  /** Bytes of segments and data files. */
  totalBytes(): number;
  /** Lines of JSON: findings, then the summary. */
  lines(): string[];
  close(): void;
}

interface VerifyBinding {
  storedEntries(dir: string, beside: boolean): Buffer[];
  readonly NativeVerifier: new (
    dir: string,
    deep: boolean,
    sim: string | undefined,
    only: string | undefined,
  ) => NativeVerifier;
  repair(dir: string, plan: Repairing, stamp: string, sim: string | undefined): string[];
}

function binding(): VerifyBinding {
  return loadNative() as unknown as VerifyBinding;
}

/** Locks a directory and begins; `only` is the one file of it that is told of. */
export function nativeVerifier(dir: string, deep: boolean, only?: string): NativeVerifier {
  const { NativeVerifier } = binding();
  return new NativeVerifier(dir, deep, undefined, only);
}

/** What a repair may do. */
export interface Repairing {
  /** Without it nothing is changed. */
  readonly apply: boolean;
  /** `rebuild`: only indexes and hints; `fence`: only damaged files of the journal are copied away. */
  readonly parts: 'all' | 'rebuild' | 'fence';
  /** Damaged ranges of segments are given up, and damaged keys of stores. */
  readonly skipDamaged: boolean;
  /** Partitions that have lost something are given up from there to their end. */
  readonly truncate: boolean;
  /** The one file of the directory that is repaired. */
  readonly only: string | undefined;
}

/** Plans a repair or does it; lines of JSON: steps, then the summary of the verification before it. */
export function nativeRepair(dir: string, plan: Repairing, stamp: string): string[] {
  return binding().repair(dir, plan, stamp, undefined);
}

/** Keys and values of a directory's state map in turn; `beside`: as of the last checkpoint, without the lock. */
export function nativeStoredEntries(dir: string, beside: boolean): Buffer[] {
  return binding().storedEntries(dir, beside);
}
