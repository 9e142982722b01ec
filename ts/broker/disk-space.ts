/** The space of the file system under the data directory. Not what the engine has taken of it. */

import { statfs } from 'node:fs';

/** Bytes; -1: not known. */
export interface DiskSpace {
  readonly totalBytes: number;
  readonly usableBytes: number;
}

/** Tells the space at `path`. A directory of the simulated disk is none of the system's: its space is not known. */
export function diskSpace(path: string, told: (space: DiskSpace) => void): void {
  statfs(path, (failure, space) => {
    if (failure) told({ totalBytes: -1, usableBytes: -1 });
    else told({ totalBytes: space.blocks * space.bsize, usableBytes: space.bavail * space.bsize });
  });
}
