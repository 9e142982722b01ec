/**
 * What programs beside the engine need of the addon: what a machine offers, what a file of a data directory holds, and
 * the checksums and codecs of record batches. For the command line, and for programs that want the same.
 *
 * Invariant: nothing is written and no lock is taken, so all of it may run beside a server.
 */
import { MillraceError } from './errors.ts';
import { loadNative } from './io/native.ts';
import { fromNative } from './io/native-error.ts';
import type { InflateTools } from './log/batch-view.ts';
import type { BatchTools } from './log/record-batch.ts';

/** Checksum and codecs for writing and reading record batches. Throws MILLRACE_NATIVE_MISSING without the addon. */
export function batchTools(): BatchTools & InflateTools {
  return loadNative();
}

/** What the I/O layer would use for a directory. */
export interface ProbeReport {
  readonly driver: string;
  readonly reason: string;
  readonly direct: boolean;
  readonly detail: string;
}

/** Probes the drivers for `dir`, which must exist. Throws a `MillraceError` when the addon cannot be loaded. */
export function probe(dir: string): ProbeReport {
  const report = JSON.parse(call(dir, () => loadNative().probe(dir))) as Partial<ProbeReport>;
  if (typeof report.driver !== 'string' || typeof report.reason !== 'string') {
    throw new MillraceError('MILLRACE_NATIVE_VERSION', 'its probe answered something else');
  }
  return { driver: report.driver, reason: report.reason, direct: report.direct === true, detail: report.detail ?? '' };
}

/**
 * Describes a journal, segment, index or manifest file: at most `limit` lines of JSON, with payload bytes when `data`.
 * Throws a `MillraceError` for a file that is none of these.
 */
export function dumpFile(path: string, limit: number, data: boolean): string[] {
  return call(path, () => loadNative().dump(path, limit, data));
}

function call<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fromNative(error, path);
  }
}
