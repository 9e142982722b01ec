/**
 * The directory of an embedded bench, and what can be said of the disk below it.
 *
 * Invariant: it is made new inside the one that was named and removed with everything in it; nothing else there is opened.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readFacts } from '../../doctor/facts.ts';
import type { Conditions } from './figures.ts';

export interface OwnDirectory extends Disposable {
  readonly path: string;
  /** File system, device, its write cache: what the figures depend on. */
  readonly conditions: Conditions;
}

/** Makes a directory in `parent`, which is made too when it is not there. Takes about 50 ms. */
export function ownDirectory(parent: string): OwnDirectory {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const { kernel, fileSystem, device, writeCache } = readFacts(parent);
  const path = mkdtempSync(join(parent, 'millrace-bench-'));
  const disk = [fileSystem ?? 'unknown file system', device ?? 'no block device', writeCache].filter(Boolean);
  return {
    path,
    conditions: { disk: disk.join(', '), kernel, node: process.versions.node },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
