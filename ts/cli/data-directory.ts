/**
 * The argument of verbs that look into a data directory.
 *
 * Invariant: what is not there ends with exit code 3, what is no directory with 2, before anything is touched.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CliError, ExitCode, usage } from './exit.ts';

/** Throws unless `dir` is a directory. */
export function assertDirectory(dir: string): void {
  const status = statSync(dir, { throwIfNoEntry: false });
  if (status === undefined) throw new CliError(ExitCode.notFound, `${dir}: no such directory`);
  if (!status.isDirectory()) throw usage(`${dir} is not a directory; for one file there is millrace dump`);
}

/** What a verb looks at. */
export interface Place {
  /** The data directory; undefined for a file that lies in none. */
  readonly dir: string | undefined;
  /** The one file of it, as its path below the directory; undefined for all. */
  readonly file: string | undefined;
}

/** Where `path` is: a data directory, a file in one, or a file elsewhere. Throws exit code 3 when it is not there. */
export function placeOf(path: string): Place {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new CliError(ExitCode.notFound, `${path}: no such file or directory`);
  if (status.isDirectory()) return { dir: path, file: undefined };
  const parent = dirname(resolve(path));
  if (isData(parent)) return { dir: parent, file: basename(path) };
  const above = dirname(parent);
  return isData(above) ? { dir: above, file: join(basename(parent), basename(path)) } : { dir: undefined, file: path };
}

function isData(dir: string): boolean {
  return existsSync(join(dir, 'manifest')) || existsSync(join(dir, 'journal'));
}
