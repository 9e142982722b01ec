/**
 * What lies in the data directory, folder by folder, and how much room there is.
 *
 * Not what the engine knows of it. To remember: a directory may hold many files, so it is looked at a few times a minute
 * at most, whoever asks.
 */

import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageView } from './api.ts';

const KEPT_MS = 5000;
/** Files that are counted; of more than that, sizes are those of the first ones. */
const FILES_MAX = 20_000;

/** The file system's room; null where there is none to ask for. */
export async function roomOf(dir: string | undefined): Promise<StorageView['disk']> {
  if (dir === undefined) return null;
  try {
    const { bavail, blocks, bsize } = await statfs(dir);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

/** Folders of a data directory, remembered for a while. */
export class Folders {
  #found: StorageView['folders'] = [];
  #untilMs = 0;

  async of(dir: string | undefined): Promise<StorageView['folders']> {
    if (dir === undefined || performance.now() < this.#untilMs) return this.#found;
    this.#untilMs = performance.now() + KEPT_MS;
    const names = await readdir(dir, { withFileTypes: true }).catch(() => []);
    const folders = await Promise.all(
      names
        .filter((entry) => entry.isDirectory())
        .map(async ({ name }) => ({ name, ...(await sizeOf(join(dir, name))) })),
    );
    this.#found = folders.sort((left, right) => right.bytes - left.bytes);
    return this.#found;
  }
}

async function sizeOf(folder: string): Promise<{ files: number; bytes: number }> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).slice(0, FILES_MAX);
  let bytes = 0;
  // One after the other: this is nobody's hurry, and the pool of threads is everybody's.
  for (const entry of files) {
    // A file may be gone between being listed and being looked at.
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += found?.size ?? 0;
  }
  return { files: files.length, bytes };
}
