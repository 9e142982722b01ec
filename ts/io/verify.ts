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
  readonly NativeVerifier: new (dir: string, deep: boolean, sim: string | undefined) => NativeVerifier;
  repair(dir: string, apply: boolean, skipDamaged: boolean, stamp: string, sim: string | undefined): string[];
}

function binding(): VerifyBinding {
  return loadNative() as unknown as VerifyBinding;
}

/** Locks a directory and begins; `sim` is the id of a simulated machine in its place. */
export function nativeVerifier(dir: string, deep: boolean, sim?: string): NativeVerifier {
  const { NativeVerifier } = binding();
  return new NativeVerifier(dir, deep, sim);
}

/** What a repair may do. */
export interface Repairing {
  /** Without it nothing is changed. */
  readonly apply: boolean;
  /** Damaged ranges of segments are given up. */
  readonly skipDamaged: boolean;
}

/** Plans a repair or does it; lines of JSON: steps, then the summary of the verification before it. */
export function nativeRepair(dir: string, { apply, skipDamaged }: Repairing, stamp: string): string[] {
  return binding().repair(dir, apply, skipDamaged, stamp, undefined);
}

/** Keys and values of a directory's state map in turn; `beside`: as of the last checkpoint, without the lock. */
export function nativeStoredEntries(dir: string, beside: boolean): Buffer[] {
  return binding().storedEntries(dir, beside);
}
