/**
 * Large buffers of requests and replies, used again: fresh ones cost page faults and drive the garbage collector.
 *
 * Not a budget: who may hold how much is decided by the limits of connections and of requests that are arriving. The
 * invariant to remember: a buffer is given back only by whoever knows that nobody can read or write it any more; in
 * doubt it is left to the garbage collector, never given back.
 */

/** Below this many bytes a buffer is not worth keeping. */
const LARGE = 64 * 1024;
/** Bytes kept for later at most, over all sizes. */
const KEPT_MAX = 16 * 1024 * 1024;

/** Rounds up to one of four sizes between two powers of two, so that few sizes serve all requests. */
function sizeClass(bytes: number): number {
  const step = Math.max(LARGE, 2 ** Math.floor(Math.log2(bytes)) / 4);
  return Math.ceil(bytes / step) * step;
}

/** Buffers of one server. */
export class LargeBuffers {
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;
  /** The least that was kept at any time since the last `trim`: nobody has needed that much. */
  #unusedBytes = 0;

  /** Bytes held for later use. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least `bytes` bytes with unspecified contents. */
  take(bytes: number): Buffer {
    if (bytes < LARGE) return Buffer.allocUnsafeSlow(bytes);
    const size = sizeClass(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    this.#unusedBytes = Math.min(this.#unusedBytes, this.#keptBytes);
    return buffer;
  }

  /** Takes back what `take` handed out. The caller vouches that nothing refers to its bytes any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size < LARGE || this.#keptBytes + size > KEPT_MAX) return;
    this.#keptBytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
  }

  /** Lets go of what nobody has needed since the last call; called now and then. */
  trim(): void {
    for (const [size, free] of this.#free) {
      while (this.#unusedBytes >= size && free.pop() !== undefined) {
        this.#unusedBytes -= size;
        this.#keptBytes -= size;
      }
    }
    this.#unusedBytes = this.#keptBytes;
  }
}
