/** What statx says of a file. Pure data; times are milliseconds since 1970. */
import type { NativeRing } from './native-ring.ts';

/** A file as its file system describes it. */
export interface FileStatus {
  /** Bytes. */
  readonly size: number;
  /** Kind and permissions, as `st_mode`. */
  readonly mode: number;
  readonly inode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes it takes on the device. */
  readonly allocated: number;
  /** Bytes the file system likes to be asked for. */
  readonly blockSize: number;
  readonly accessedMs: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly createdMs: number;
  /** `major:minor` of its device. */
  readonly device: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /**
   * What direct I/O must be a multiple of: addresses, and positions with lengths. 0: the kernel does not say, or the file
   * system has no direct I/O.
   */
  readonly direct: { readonly memory: number; readonly offset: number };
}

const FIELDS = 16;
const KIND = 0o170000;

/** Takes the answer of a status operation, inside the callback that told of it. */
export function readStatus(native: NativeRing, owner: number): FileStatus {
  const fields = new Float64Array(FIELDS);
  native.takeStatus(owner, fields);
  const [size = 0, mode = 0, inode = 0, links = 0, uid = 0, gid = 0, blocks = 0, blockSize = 0] = fields;
  const [accessedMs = 0, modifiedMs = 0, changedMs = 0, createdMs = 0] = fields.subarray(8);
  const [major = 0, minor = 0, memory = 0, offset = 0] = fields.subarray(12);
  return {
    size,
    mode,
    inode,
    links,
    uid,
    gid,
    allocated: blocks * 512,
    blockSize,
    accessedMs,
    modifiedMs,
    changedMs,
    createdMs,
    device: `${major}:${minor}`,
    isFile: (mode & KIND) === 0o100000,
    isDirectory: (mode & KIND) === 0o040000,
    direct: { memory, offset },
  };
}
