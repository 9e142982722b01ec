/**
 * Writing a file in order past the page cache, several writes behind.
 *
 * To remember: what `write` has taken is not written yet; `end` pads the last block, sets the end of the file and makes
 * all of it durable. A failed write is final: everything after it rejects with its error.
 */
import { Writable } from 'node:stream';
import { MillraceError } from '../../errors.ts';
import { Arena, type Lease } from './arena.ts';
import type { RingFile } from './ring-file.ts';

/** Options of a writer. */
export interface WriterOptions {
  /** Where the first byte goes, a multiple of the alignment. Default 0. */
  readonly start?: number | undefined;
  /** Bytes of one write, a multiple of 4096. Default 1 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Writes on their way at a time. Default 4. */
  readonly depth?: number | undefined;
}

const CHUNK_BYTES = 2 ** 20;
const DEPTH = 4;

/** Writes all of it, however many writes that takes. */
async function writeAll(file: RingFile, lease: Lease, length: number, position: number): Promise<void> {
  for (let done = 0; done < length; ) {
    const went = await file.write(lease.part(done, length - done), { position: position + done });
    if (went === 0) throw new MillraceError('MILLRACE_IO', 'a write wrote nothing');
    done += went;
  }
}

export class DirectWriter {
  readonly #file: RingFile;
  readonly #alignment: number;
  readonly #arena: Arena;
  readonly #writes = new Set<Promise<void>>();
  #lease: Lease | undefined;
  #filled = 0;
  /** Where the next chunk goes. */
  #position: number;
  #failed: unknown;
  #ended: Promise<number> | undefined;

  /** Made by `DirectFile.writer`. */
  constructor(file: RingFile, alignment: number, options: WriterOptions) {
    const { start = 0, chunkBytes = CHUNK_BYTES, depth = DEPTH } = options;
    if (!Number.isSafeInteger(start) || start < 0 || start % alignment !== 0 || chunkBytes % alignment !== 0) {
      throw new MillraceError('MILLRACE_ARGUMENT', `start and chunkBytes are multiples of ${alignment}`);
    }
    this.#file = file;
    this.#alignment = alignment;
    this.#position = start;
    this.#arena = new Arena({ slotBytes: chunkBytes, slots: depth });
  }

  /** Bytes taken so far, from the start of the file. */
  get position(): number {
    return this.#position + this.#filled;
  }

  /** Takes bytes: resolves when they are copied, which waits while all chunks are on their way. One call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw new MillraceError('MILLRACE_CLOSED', 'the writer has ended');
    for (let done = 0; done < bytes.byteLength; ) {
      const lease = await this.#current();
      const part = bytes.subarray(done, done + lease.length - this.#filled);
      lease.bytes.set(part, this.#filled);
      this.#filled += part.byteLength;
      done += part.byteLength;
      if (this.#filled === lease.length) this.#begin(lease.length);
    }
    this.#check();
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #current(): Promise<Lease> {
    for (;;) {
      this.#check();
      this.#lease ??= this.#arena.tryLease();
      if (this.#lease) return this.#lease;
      await Promise.race(this.#writes);
    }
  }

  /** Hands over the current chunk. */
  #begin(length: number): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const write = writeAll(this.#file, lease, length, this.#position)
      .catch((error: unknown) => {
        this.#failed ??= error;
      })
      .finally(() => {
        lease.release();
        this.#writes.delete(write);
      });
    this.#writes.add(write);
    this.#position += length;
    this.#lease = undefined;
    this.#filled = 0;
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#writes);
    this.#check();
  }

  /** Writes what is left, sets the end of the file there, makes all of it durable. The file's length. */
  end(): Promise<number> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<number> {
    const length = this.position;
    const lease = this.#lease;
    if (lease && this.#filled > 0) {
      const padded = Math.ceil(this.#filled / this.#alignment) * this.#alignment;
      lease.bytes.fill(0, this.#filled, padded);
      this.#begin(padded);
    }
    await this.#drain();
    await this.#file.truncate(length);
    await this.#file.datasync();
    return length;
  }

  /** Waits for what is on its way and gives up the rest. */
  async abandon(): Promise<void> {
    this.#ended ??= Promise.reject(new MillraceError('MILLRACE_CLOSED', 'the writer was abandoned'));
    this.#ended.catch(() => undefined);
    await Promise.all(this.#writes);
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
  }

  /** The writer as a stream. */
  stream(): Writable {
    const told = (done: Promise<unknown>, callback: (error?: Error | null) => void) => {
      done.then(
        () => callback(),
        (error: Error) => callback(error),
      );
    };
    return new Writable({
      write: (chunk: Uint8Array, _encoding, callback) => told(this.write(chunk), callback),
      final: (callback) => told(this.end(), callback),
      destroy: (error, callback) => told(this.abandon(), (failed) => callback(failed ?? error)),
    });
  }
}
