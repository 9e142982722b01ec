/**
 * How much slower this machine is in these moments than the one that limits in milliseconds were set on, so that a busy
 * machine fails no test. Not for benches, which compare sides of one run.
 */
import { spawnSync } from 'node:child_process';

/** An empty program of Node takes about 45 ms there when nothing else runs. */
const EMPTY_PROGRAM_MS = 60;
const TRIES = 5;

/** At least 1: the middle of a few starts of an empty program, in units of what they take. */
export function slowness(): number {
  const taken = Array.from({ length: TRIES }, () => {
    const began = performance.now();
    spawnSync(process.execPath, ['-e', '']);
    return performance.now() - began;
  });
  return Math.max(1, (taken.toSorted((a, b) => a - b)[TRIES >> 1] as number) / EMPTY_PROGRAM_MS);
}
