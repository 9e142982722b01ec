/**
 * The argument of verbs that look into a data directory.
 *
 * Invariant: what is not there ends with exit code 3, what is no directory with 2, before anything is touched.
 */
import { statSync } from 'node:fs';
import { CliError, ExitCode, usage } from './exit.ts';

/** Throws unless `dir` is a directory. */
export function assertDirectory(dir: string): void {
  const status = statSync(dir, { throwIfNoEntry: false });
  if (status === undefined) throw new CliError(ExitCode.notFound, `${dir}: no such directory`);
  if (!status.isDirectory()) throw usage(`${dir} is not a directory; for one file there is millrace dump`);
}
