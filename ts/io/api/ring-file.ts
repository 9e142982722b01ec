/**
 * An open file, pipe or socket of a ring: everything that can be done with it.
 *
 * To remember: a read or write may be short, as the system's are; positions and lengths of direct files are multiples of
 * their alignment; after `close` every call rejects with MILLRACE_STALE_HANDLE, at once.
 */
import type { MillraceError } from '../../errors.ts';
import { type FileStatus, readStatus } from './file-status.ts';
import type { IoMemory } from './memory.ts';
import { Op, RwFlag } from './native-ring.ts';
import type { RingCore } from './ring-core.ts';

/** Options every operation takes. */
export interface IoOptions {
  /** Aborting asks for the end of the operation: it rejects with MILLRACE_ABORTED unless it was faster. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of reads. */
export interface ReadOptions extends IoOptions {
  /** Bytes from the start of the file; left out: where the descriptor stands (pipes and sockets have nothing else). */
  readonly position?: number | bigint | undefined;
  /** The page cache keeps nothing of it (`RWF_DONTCACHE`, Linux 6.14). */
  readonly dontCache?: boolean | undefined;
  /** Answers EAGAIN in place of waiting for the device or a peer (`RWF_NOWAIT`). */
  readonly noWait?: boolean | undefined;
}

/** Options of writes. */
export interface WriteOptions extends ReadOptions {
  /**
   * The bytes are on stable storage when the promise resolves (`RWF_DSYNC`). That says nothing of any other write: on a
   * device with forced unit access, only `datasync` covers writes before it.
   */
  readonly durable?: boolean | undefined;
  /** All of it or nothing, also across a power cut (`RWF_ATOMIC`, Linux 6.11, few file systems). */
  readonly atomic?: boolean | undefined;
  /** At the end of the file, wherever that is by then (`RWF_APPEND`). */
  readonly append?: boolean | undefined;
}

function rwFlags(options: WriteOptions): number {
  let flags = 0;
  if (options.durable) flags |= RwFlag.dsync;
  if (options.noWait) flags |= RwFlag.nowait;
  if (options.append) flags |= RwFlag.append;
  if (options.atomic) flags |= RwFlag.atomic;
  if (options.dontCache) flags |= RwFlag.dontCache;
  return flags;
}

/** `FALLOC_FL_` bits of `allocate`. */
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ZERO_RANGE = 16;
/** Events of `poll`. */
const events = { readable: 1, writable: 4 } as const;

const nothing = (): void => undefined;
const bytesDone = (result: number): number => result;

export class RingFile implements AsyncDisposable {
  readonly core: RingCore;
  /** Names the file for ever, within its ring. */
  readonly number: number;
  /** What it was opened as; empty for pipes and sockets. */
  readonly path: string;

  /** Made by a ring. */
  constructor(core: RingCore, number: number, path = '') {
    this.core = core;
    this.number = number;
    this.path = path;
  }

  /** What operations of this file have in common. */
  #of(what: string): { file: number; what: string; path: string | undefined } {
    const path = this.path === '' ? undefined : this.path;
    return { file: this.number, what: path === undefined ? what : `${what} ${path}`, path };
  }

  #transfer(op: number, what: string, memory: IoMemory, options: WriteOptions): Promise<number> {
    const { position, signal } = options;
    const [flags, finish] = [rwFlags(options), bytesDone];
    return this.core.start({ ...this.#of(what), op, position, signal, memory, flags, finish });
  }

  /** Reads into `memory`; how many bytes, fewer than asked for at the end of the file. */
  read(memory: IoMemory, options: ReadOptions = {}): Promise<number> {
    return this.#transfer(Op.read, 'read', memory, options);
  }

  /** Writes `memory`; how many bytes were written. An array may be changed as soon as this has returned. */
  write(memory: IoMemory, options: WriteOptions = {}): Promise<number> {
    return this.#transfer(Op.write, 'write', memory, options);
  }

  #vector(op: number, what: string, parts: readonly IoMemory[], options: WriteOptions): Promise<number> {
    const { position, signal } = options;
    const [flags, finish] = [rwFlags(options), bytesDone];
    return this.core.start({ ...this.#of(what), op, position, signal, parts, flags, finish });
  }

  /** Reads into arrays, one behind the other. */
  readv(parts: readonly NodeJS.ArrayBufferView[], options: ReadOptions = {}): Promise<number> {
    return this.#vector(Op.readv, 'readv', parts, options);
  }

  /** Writes arrays, one behind the other. */
  writev(parts: readonly NodeJS.ArrayBufferView[], options: WriteOptions = {}): Promise<number> {
    return this.#vector(Op.writev, 'writev', parts, options);
  }

  /** Makes everything that was written before durable, with all metadata. A failure is final: never retry it. */
  sync({ signal }: IoOptions = {}): Promise<void> {
    return this.core.start({ ...this.#of('fsync'), op: Op.sync, signal, finish: nothing });
  }

  /** As `sync`, with only the metadata that is needed to read the data. */
  datasync({ signal }: IoOptions = {}): Promise<void> {
    return this.core.start({ ...this.#of('fdatasync'), op: Op.sync, flags: 1, signal, finish: nothing });
  }

  /** Reserves (or frees, or zeroes) space. */
  allocate(
    position: number,
    length: number,
    { keepSize, punchHole, zero, signal }: AllocateOptions = {},
  ): Promise<void> {
    const flags = (keepSize || punchHole ? KEEP_SIZE : 0) | (punchHole ? PUNCH_HOLE : 0) | (zero ? ZERO_RANGE : 0);
    const what = this.#of('fallocate');
    return this.core.start({ ...what, op: Op.allocate, position, length, flags, signal, finish: nothing });
  }

  /** Sets the end of the file. */
  truncate(length: number, { signal }: IoOptions = {}): Promise<void> {
    return this.core.start({ ...this.#of('ftruncate'), op: Op.truncate, length, signal, finish: nothing });
  }

  /** What the file system knows of it, with the alignment direct I/O wants. */
  stat({ signal }: IoOptions = {}): Promise<FileStatus> {
    const finish = (_result: number, owner: number) => readStatus(this.core.native, owner);
    return this.core.start({ ...this.#of('statx'), op: Op.status, signal, finish });
  }

  /** Waits until it can be read from or written to without waiting. */
  async poll(event: 'readable' | 'writable', { signal }: IoOptions = {}): Promise<void> {
    await this.core.start({ ...this.#of('poll'), op: Op.poll, flags: events[event], signal, finish: nothing });
  }

  /** Closes it for you at once; the system closes it, and this resolves, when nothing in flight uses it any more. */
  close(): Promise<void> {
    return this.core.start({ ...this.#of('close'), op: Op.close, finish: nothing });
  }

  /** As `close`; a file that is closed already, or whose ring is, is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      const { code } = error as MillraceError;
      if (code !== 'MILLRACE_STALE_HANDLE' && code !== 'MILLRACE_CLOSED') throw error;
    }
  }
}

/** Options of `RingFile.allocate`. */
export interface AllocateOptions extends IoOptions {
  /** The end of the file stays where it is. */
  readonly keepSize?: boolean | undefined;
  /** Frees the space; it reads as zeros. */
  readonly punchHole?: boolean | undefined;
  /** Zeroes the range. */
  readonly zero?: boolean | undefined;
}
