/**
 * What programs beside the engine need of the addon: what a machine offers, what a file of a data directory holds, and
 * the checksums and codecs of record batches. For the command line, and for programs that want the same.
 *
 * Invariant: no lock is taken and nothing is left behind, so all of it may run beside a server.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MillraceError } from './errors.ts';
import { openEngine } from './io/engine.ts';
import { loadNative } from './io/native.ts';
import { fromNative } from './io/native-error.ts';
import { chooseSockets, type SocketsReport } from './net/choose-sockets.ts';

export { batchTools } from './log/batch-tools.ts';

/** What the I/O layer would use for a directory. */
export interface ProbeReport {
  readonly driver: string;
  readonly reason: string;
  readonly direct: boolean;
  readonly detail: string;
}

/**
 * Probes the drivers for what lies in `dir`, which must exist and may be a data directory in use: the trial is made in a
 * folder of its own below it, which is removed again. Throws a `MillraceError` when the addon cannot be loaded, and the
 * system's error when nothing can be written there.
 */
export function probe(dir: string): ProbeReport {
  const native = loadNative();
  // The addon's probe opens what it is given as a data directory: it would take the lock and change the mode.
  const trial = mkdtempSync(join(dir, '.millrace-probe-'));
  let report: Partial<ProbeReport>;
  try {
    report = JSON.parse(call(trial, () => native.probe(trial))) as Partial<ProbeReport>;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
  if (typeof report.driver !== 'string' || typeof report.reason !== 'string') {
    throw new MillraceError('MILLRACE_NATIVE_VERSION', 'its probe answered something else');
  }
  return { driver: report.driver, reason: report.reason, direct: report.direct === true, detail: report.detail ?? '' };
}

/** What carries connections of a server whose driver is `driver`, and why. Opens sockets for a moment, and no file. */
export async function probeSockets(driver: ProbeReport['driver']): Promise<SocketsReport> {
  const engine = openEngine('/probe', { sim: { seed: 1, id: `probe-${process.pid}` } });
  try {
    const server = {
      driver: { ...engine.driver, driver: driver as typeof engine.driver.driver },
      openSockets: engine.openSockets.bind(engine),
    };
    const { ring, report } = chooseSockets('auto', server, 1);
    await ring?.close();
    return report;
  } finally {
    await engine.close();
  }
}

/**
 * Describes a journal, segment, index, data, hint, large or manifest file: at most `limit` lines of JSON, with payload bytes when `data`.
 * Throws MILLRACE_FOREIGN_FILE for a file that is none of these, MILLRACE_DAMAGED for one that has been.
 */
export function dumpFile(path: string, limit: number, data: boolean): string[] {
  if (!isOurs(path)) throw new MillraceError('MILLRACE_FOREIGN_FILE', path, { path });
  return call(path, () => loadNative().dump(path, limit, data));
}

/** First bytes of our files. Segments of one partition begin as Kafka's do, with a record batch. */
const beginnings = ['MRJH', 'MRmanif1', 'MRshared', 'MRindex1', 'MRbulk01', 'MRkvdata', 'MRkvhint'];
const batchMagic = { position: 16, value: 2 };

/** Whether a file is one of ours: by where it lies, so that a destroyed beginning is damage, or by its first bytes. */
function isOurs(path: string): boolean {
  const [folder, name] = [basename(dirname(resolve(path))), basename(path)];
  if (folder === 'journal' && /^\d{8}$/.test(name)) return true;
  if (folder === 'segments' && /\.(log|shared|index)$/.test(name)) return true;
  if (folder === 'kv' && /\.(data|hint|large)$/.test(name)) return true;
  const head = Buffer.alloc(32);
  const file = openSync(path, 'r');
  let length: number;
  try {
    length = readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  const text = head.toString('latin1', 0, length);
  if (beginnings.some((beginning) => text.startsWith(beginning))) return true;
  return name.endsWith('.log') && (length === 0 || head[batchMagic.position] === batchMagic.value);
}

function call<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fromNative(error, path);
  }
}
