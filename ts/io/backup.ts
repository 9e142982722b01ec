/**
 * A copy of a data directory that is open and being written: as of one mark, as if it had been stopped cleanly there.
 *
 * Not a dump of contents, and not incremental. To remember: sealed files are shared with the copy by hard links where that
 * works, since neither side ever changes them; the manifest is written last, so a copy that was cut short does not open.
 */

import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rm, truncate } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError, throwIfAborted } from '../errors.ts';
import type { NodeEngine } from './engine.ts';

/** How a backup is made. */
export interface BackupOptions {
  /** Copies files that could be shared by hard links, too: then damage of one copy is not damage of both. Default false. */
  copy?: boolean | undefined;
  /** Told after every file: bytes that are done, of how many. */
  onProgress?: ((bytes: number, total: number) => void) | undefined;
  /** Gives up; what was copied so far is removed. */
  signal?: AbortSignal | undefined;
}

/** What a backup came to. */
export interface BackupResult {
  /** The copy holds every write up to this sequence number (LSN), durable or not, and none behind it. */
  readonly mark: number;
  readonly files: number;
  readonly bytes: number;
  /** Bytes of files that are shared with the original. */
  readonly linkedBytes: number;
}

interface PlannedFile {
  readonly path: string;
  readonly bytes: number;
  readonly isSealed: boolean;
  readonly isDerivable: boolean;
}

const POLL_MS = 5;
const BLOCK = 4096;
const SEALED = 1;
const DERIVABLE = 2;
const decoder = new TextDecoder();

/**
 * Copies the directory `dir`, which `engine` has open, to `target`, which must not exist or be empty. Rejects with
 * MILLRACE_ARGUMENT, MILLRACE_ABORTED, MILLRACE_CLOSED, MILLRACE_BUSY when one is being made already, MILLRACE_IO.
 */
export async function backupDirectory(
  engine: NodeEngine,
  dir: string,
  target: string,
  options: BackupOptions = {},
): Promise<BackupResult> {
  throwIfAborted(options.signal);
  if (engine.driver.driver === 'sim') {
    throw new MillraceError('MILLRACE_ARGUMENT', 'a simulated disk has no files that could be copied');
  }
  await makeTarget(dir, target);
  if (!engine.beginBackup())
    throw new MillraceError('MILLRACE_BUSY', 'a backup is under way, or the engine is closing');
  try {
    const { mark, manifest, files } = await planOf(engine, options.signal);
    const result = await copyFiles(dir, target, files, options);
    await writeManifest(target, manifest);
    return { mark, ...result };
  } catch (error) {
    await empty(target);
    throw error instanceof MillraceError ? error : failure(target, error);
  } finally {
    engine.endBackup();
  }
}

/** What a system call said of a path, in the closed set of errors. */
function failure(path: string, cause: unknown): MillraceError {
  return new MillraceError('MILLRACE_IO', `${path}: ${(cause as Error).message}`, { cause, path });
}

async function makeTarget(dir: string, target: string): Promise<void> {
  if (typeof target !== 'string' || target === '' || target.includes('\0')) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'the target of a backup must be a path');
  }
  if (`${resolve(target)}/`.startsWith(`${resolve(dir)}/`)) {
    throw new MillraceError('MILLRACE_ARGUMENT', 'the target of a backup must lie outside the directory');
  }
  const found = await mkdir(target, { recursive: true, mode: 0o700 })
    .then(() => readdir(target))
    .catch((error: unknown) => {
      throw failure(target, error);
    });
  if (found.length > 0) {
    throw new MillraceError('MILLRACE_ARGUMENT', `the target of a backup must be empty: ${target}`);
  }
}

/** Waits until everything is settled. */
async function planOf(
  engine: NodeEngine,
  signal: AbortSignal | undefined,
): Promise<{ mark: number; manifest: Uint8Array; files: PlannedFile[] }> {
  for (;;) {
    throwIfAborted(signal);
    const plan = engine.backupPlan();
    if (plan) return { manifest: plan[1], ...parsePlan(decoder.decode(plan[0])) };
    await sleep(POLL_MS);
  }
}

function parsePlan(text: string): { mark: number; files: PlannedFile[] } {
  const [mark = '', ...lines] = text.split('\n');
  const files = lines
    .filter((line) => line !== '')
    .map((line): PlannedFile => {
      const [bytes = '', flags = '', path = ''] = line.split(' ');
      const bits = Number(flags);
      return { path, bytes: Number(bytes), isSealed: (bits & SEALED) !== 0, isDerivable: (bits & DERIVABLE) !== 0 };
    });
  return { mark: Number(mark), files };
}

async function copyFiles(
  dir: string,
  target: string,
  files: readonly PlannedFile[],
  { copy = false, onProgress, signal }: BackupOptions,
): Promise<Omit<BackupResult, 'mark'>> {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const folders = new Set(files.map((file) => dirname(file.path)));
  for (const folder of folders) await mkdir(join(target, folder), { recursive: true, mode: 0o700 });
  let done = 0;
  let linked = 0;
  let count = 0;
  for (const file of files) {
    throwIfAborted(signal);
    const [from, to] = [join(dir, file.path), join(target, file.path)];
    const how = await copyOne(from, to, file, copy);
    if (how !== 'missing') count += 1;
    if (how === 'linked') linked += file.bytes;
    done += file.bytes;
    onProgress?.(done, total);
  }
  for (const folder of folders) await syncPath(join(target, folder));
  return { files: count, bytes: done, linkedBytes: linked };
}

/** One file, durable but for its name. */
async function copyOne(
  from: string,
  to: string,
  file: PlannedFile,
  copy: boolean,
): Promise<'linked' | 'copied' | 'missing'> {
  try {
    if (file.isSealed && !copy && (await tryLink(from, to))) return 'linked';
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if (file.isDerivable && (error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw failure(from, error);
  }
  // What lies behind belongs to writes behind the mark.
  if (!file.isSealed) await truncate(to, Math.ceil(file.bytes / BLOCK) * BLOCK);
  await syncPath(to);
  return 'copied';
}

/** False where the file system, or the way to another one, has no links. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    return false;
  }
}

async function writeManifest(target: string, manifest: Uint8Array): Promise<void> {
  const file = await open(join(target, 'manifest'), 'wx', 0o600);
  try {
    await file.writeFile(manifest);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncPath(target);
  await syncPath(dirname(resolve(target)));
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A copy that came to nothing leaves nothing. */
async function empty(target: string): Promise<void> {
  for (const name of ['manifest', 'segments', 'kv']) await rm(join(target, name), { recursive: true, force: true });
}
