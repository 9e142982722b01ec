/**
 * Files past the page cache, without the arithmetic: any position and length is read, streams read ahead and write behind.
 *
 * To remember: the device sees whole blocks only. Reads are aligned outward and cut; a writer pads its last block and then
 * sets the end of the file. Where the file system has no direct I/O, the page cache is used and `reason` says so.
 */
import { Readable, type Writable } from 'node:stream';
import { MillraceError } from '../../errors.ts';
import { Arena } from './arena.ts';
import { DirectWriter, type WriterOptions } from './direct-writer.ts';
import type { OpenFlags } from './open-flags.ts';
import { type Chunk, readAhead } from './read-ahead.ts';
import type { Ring } from './ring.ts';
import type { IoOptions, RingFile } from './ring-file.ts';

/** Options of `openDirect`. */
export interface DirectOptions extends IoOptions {
  /** Default `r`. */
  readonly flags?: OpenFlags | undefined;
  /** Permissions of a file that is created. Default 0o600. */
  readonly mode?: number | undefined;
}

/** Options of streams out of a file. */
export interface ReadStreamOptions extends IoOptions {
  /** First byte. Default 0. */
  readonly start?: number | undefined;
  /** The byte after the last. Default: the end the file has now. */
  readonly end?: number | undefined;
  /** Bytes asked for at a time, a multiple of 4096. Default 1 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Reads on their way at a time. Default 4. */
  readonly depth?: number | undefined;
}

/** Positions and lengths are multiples of this at least, whatever smaller thing a file system allows. */
const BLOCK = 4096;
const CHUNK_BYTES = 2 ** 20;
const DEPTH = 4;

export class DirectFile implements AsyncDisposable {
  /** The file itself, for everything else. */
  readonly file: RingFile;
  /** Whether the page cache is left alone. */
  readonly isDirect: boolean;
  /** Why, when it is not. */
  readonly reason: string;
  /** What positions, lengths and addresses are multiples of, as statx says, at least 4096. */
  readonly alignment: number;

  /** Made by `openDirect`. */
  constructor(file: RingFile, reason: string, alignment: number) {
    this.file = file;
    this.isDirect = reason === '';
    this.reason = reason;
    this.alignment = alignment;
  }

  /** Bytes of the file now. */
  async size(): Promise<number> {
    return (await this.file.stat()).size;
  }

  /** Any range: the blocks around it are read, its bytes are copied. Shorter at the end of the file. */
  async read(position: number, length: number, options: IoOptions = {}): Promise<Buffer> {
    if (!Number.isSafeInteger(position) || !Number.isSafeInteger(length) || position < 0 || length < 0) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'position and length are whole numbers from 0');
    }
    const from = position - (position % this.alignment);
    const blocks = Math.ceil((position + length - from) / this.alignment);
    const around = Buffer.allocUnsafe(blocks * this.alignment);
    const count = length === 0 ? 0 : await this.file.read(around, { ...options, position: from });
    const start = Math.min(position - from, count);
    return around.subarray(start, Math.min(start + length, count));
  }

  /**
   * The file in order, several reads ahead. Each chunk is a view of memory that is used again: it holds until the next
   * chunk is asked for.
   */
  async *chunks(options: ReadStreamOptions = {}): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { start = 0, chunkBytes = CHUNK_BYTES, depth = DEPTH, signal } = options;
    if (chunkBytes % this.alignment !== 0 || chunkBytes <= 0) {
      throw new MillraceError('MILLRACE_ARGUMENT', `chunkBytes is a multiple of ${this.alignment}, not ${chunkBytes}`);
    }
    const end = Math.min(options.end ?? Number.POSITIVE_INFINITY, await this.size());
    if (!Number.isSafeInteger(start) || start < 0 || Number.isNaN(end)) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'start and end are whole numbers from 0');
    }
    const arena = new Arena({ slotBytes: chunkBytes, slots: depth });
    const blocks: AsyncIterable<Chunk> = readAhead(this.file, arena, {
      from: start - (start % this.alignment),
      end,
      alignment: this.alignment,
      signal,
    });
    for await (const { position, bytes } of blocks) {
      const inner = bytes.subarray(Math.max(start - position, 0), end - position);
      if (inner.byteLength > 0) yield inner;
    }
  }

  /** As `chunks`, as a stream of copies. */
  readable(options: ReadStreamOptions = {}): Readable {
    const chunks = this.chunks(options);
    async function* copies(): AsyncGenerator<Buffer, void, undefined> {
      for await (const chunk of chunks) yield Buffer.from(chunk);
    }
    return Readable.from(copies(), { objectMode: false });
  }

  /** Writes in order from a block's beginning, several writes behind; see `DirectWriter`. */
  writer(options: WriterOptions = {}): DirectWriter {
    return new DirectWriter(this.file, this.alignment, options);
  }

  /** As `writer`, as a stream: `finish` means that everything is durable. */
  writable(options: WriterOptions = {}): Writable {
    return this.writer(options).stream();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.file[Symbol.asyncDispose]();
  }
}

const EINVAL = 22;

/** Opens a file past the page cache, or through it where the file system has no other way. */
export async function openDirect(ring: Ring, path: string, options: DirectOptions = {}): Promise<DirectFile> {
  let [reason, file]: [string, RingFile | undefined] = ['', undefined];
  try {
    file = await ring.open(path, { ...options, direct: true });
  } catch (error) {
    if ((error as MillraceError).errno !== EINVAL) throw error;
    reason = 'the file system refuses O_DIRECT';
    // What O_DIRECT refused may have been created before the refusal: the second opening must not mind.
    file = await ring.open(path, { ...options, flags: withoutExclusive(options.flags) });
  }
  const { direct } = await file.stat();
  return new DirectFile(file, reason, Math.max(BLOCK, direct.offset, direct.memory));
}

function withoutExclusive(flags: OpenFlags | undefined): OpenFlags | undefined {
  return typeof flags === 'string' ? (flags.replace('x', '') as OpenFlags) : flags;
}
