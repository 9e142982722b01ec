/**
 * Where clients on this machine may have the directory copied to while it is served: names inside one place, which whoever
 * starts the server decides.
 *
 * Not the copying (ts/io/backup.ts). To remember: a name is never a path.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { type BackupOptions, type BackupResult, backupDirectory } from '../io/backup.ts';
import type { NodeEngine } from '../io/engine.ts';

/** Makes the copy `name`, which must not be there or be empty. Rejects as `backupDirectory` does. */
export type MakeBackup = (name: string, options: BackupOptions) => Promise<BackupResult>;

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/** Copies of the directory `dir`, which `engine` has open, go into `place`. */
export function backupsInto(engine: NodeEngine, dir: string, place: string): MakeBackup {
  return async (name, options) => {
    if (!NAME.test(name)) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'a backup is named by at most 64 letters, digits, dots, _ and -');
    }
    await mkdir(place, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw new MillraceError('MILLRACE_IO', `${place}: ${(cause as Error).message}`, { cause, path: place });
    });
    return backupDirectory(engine, dir, join(place, name), options);
  };
}
