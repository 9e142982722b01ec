/**
 * Sealed files as memory: read-only views with a life time, advice, and what of them is resident.
 *
 * To remember: a file that is mapped must not be made shorter, and its device must be able to read it: either is SIGBUS,
 * which ends the process. Data whose loss must be reported is read (`RingFile.read`), which answers with an error.
 * Closing empties every view; the address is never unmapped, so whoever works on a view in the background sees zeros.
 */
import { MillraceError } from '../../errors.ts';
import { loadNative } from '../native.ts';
import { fromNative } from '../native-error.ts';
import type { NativeMap } from './native-ring.ts';

/** How a range is going to be used. */
export type Advice = 'normal' | 'random' | 'sequential' | 'willNeed' | 'dontNeed' | 'cold' | 'pageOut' | 'populate';

/** `MADV_` numbers that change no byte. */
const advices: Readonly<Record<Advice, number>> = {
  normal: 0,
  random: 1,
  sequential: 2,
  willNeed: 3,
  dontNeed: 4,
  cold: 20,
  pageOut: 21,
  populate: 22,
};

/** Bytes of a map that lie in memory. */
export interface MapResidency {
  readonly bytes: number;
  readonly residentBytes: number;
}

export class MappedFile implements Disposable {
  readonly path: string;
  /** Bytes of the file when it was mapped. */
  readonly length: number;
  readonly #native: NativeMap;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  /** Made by `mapFile`. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#native = new (loadNative().NativeMap)(path);
      this.#bytes = this.#native.memory() as Uint8Array<ArrayBuffer>;
    } catch (error) {
      throw fromNative(error, path);
    }
    this.length = this.#bytes.byteLength;
  }

  /**
   * The whole file. Writing to it ends the process (the map is read-only). A page that is touched first may block for a
   * read. Throws MILLRACE_STALE_HANDLE when the map is closed, MILLRACE_DETACHED when its memory was transferred.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === undefined)
      throw new MillraceError('MILLRACE_STALE_HANDLE', `the map of ${this.path} is closed`);
    if (this.#bytes.byteLength === 0) throw new MillraceError('MILLRACE_DETACHED', `the map of ${this.path}`);
    return this.#bytes;
  }

  /** A copy of a range, which outlives the map; throws MILLRACE_ARGUMENT when it does not lie in the file. */
  copy(position: number, length: number): Buffer {
    this.#check(position, length);
    return Buffer.from(this.bytes.subarray(position, position + length));
  }

  #check(position: number, length: number): void {
    const isInside = Number.isSafeInteger(position) && Number.isSafeInteger(length) && position >= 0 && length >= 0;
    if (isInside && position + length <= this.length) return;
    const range = `${position} to ${position + length}`;
    throw new MillraceError('MILLRACE_ARGUMENT', `bytes ${range} are not in the ${this.length} of ${this.path}`);
  }

  #call<T>(run: () => T): T {
    if (this.#bytes === undefined)
      throw new MillraceError('MILLRACE_STALE_HANDLE', `the map of ${this.path} is closed`);
    try {
      return run();
    } catch (error) {
      throw fromNative(error, this.path);
    }
  }

  /**
   * Whether the file is still as long as the map. Where it is not, touching what is missing ends the process: close the
   * map. It says nothing about the next moment: only who owns the file can promise that it stays.
   */
  isWhole(): boolean {
    return this.#call(() => this.#native.isWhole());
  }

  /** Tells the kernel how a range is going to be used; what it makes of it is its own affair. */
  advise(advice: Advice, position = 0, length: number = this.length - position): void {
    const number = advices[advice];
    if (number === undefined) throw new MillraceError('MILLRACE_ARGUMENT', `there is no advice ${String(advice)}`);
    this.#check(position, length);
    this.#call(() => this.#native.advise(position, length, number));
  }

  /** How much of a range lies in memory, in whole pages (mincore). Of the past when it arrives. */
  residency(position = 0, length: number = this.length - position): MapResidency {
    this.#check(position, length);
    return { bytes: length, residentBytes: this.#call(() => this.#native.resident(position, length)) };
  }

  /** Empties every view and lets go of the file. Doing it twice does nothing. */
  close(): void {
    this.#bytes = undefined;
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Maps a whole sealed file, as it is now: nobody may change it or make it shorter while it is mapped (renaming and
 * removing are fine). Throws MILLRACE_IO for what is no regular file, or is empty.
 */
export function mapFile(path: string): MappedFile {
  return new MappedFile(path);
}
