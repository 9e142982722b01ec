/**
 * Cuts a byte stream into length-prefixed messages. Pure: no socket, no clock.
 *
 * A message that lies whole in one chunk is handed out as a view of it; one that is spread over chunks is gathered in one
 * buffer. The invariant to remember: the length prefix is a claim, so memory grows with the bytes that have arrived (at
 * most eightfold), never with the claim alone.
 */

/** Why a stream cannot be cut any further. */
export type FramingFailure = 'empty' | 'negative' | 'oversize' | 'memory';

/** The stream is not (or no longer) Kafka's, or asks for more than it may have: close the connection. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
  readonly failure: FramingFailure;
  /** The length that was claimed: the four bytes where one should be. */
  readonly claimed: number;

  constructor(failure: FramingFailure, claimed: number, message: string) {
    super(message);
    this.failure = failure;
    this.claimed = claimed;
  }
}

/** Why a stream that claims a message of `length` bytes ends there; undefined when it need not. */
export function lengthProblem(length: number, maxFrameBytes: number): FramingError | undefined {
  if (length === 0) return new FramingError('empty', length, 'a message of length 0');
  if (length < 0) return new FramingError('negative', length, `a message of negative length ${length}`);
  if (length <= maxFrameBytes) return undefined;
  const message = `a message of ${length} bytes, above the limit of ${maxFrameBytes}`;
  return new FramingError('oversize', length, message);
}

/** The stream ends because all memory for messages that are still arriving is in use. */
export function outOfMemory(length: number): FramingError {
  return new FramingError('memory', length, 'the memory for requests that are still arriving is used up');
}

/** Bytes that many streams share: `take` answers false when they would go above the limit. */
export interface ByteBudget {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Where messages are gathered; what is given back may be handed out again. */
export interface GatherMemory {
  take(bytes: number): Buffer;
  give(buffer: Buffer): void;
}

/** Memory of its own for every message. */
export const FRESH_MEMORY: GatherMemory = { take: Buffer.allocUnsafeSlow, give: () => undefined };

/** Copying a growing buffer costs at most 1/7 of the message, and claims at most 8 times what has arrived. */
const GROWTH = 8;
const EMPTY = Buffer.alloc(0);

/** One direction of one connection. Use: `push` a chunk, then call `next` until it answers false. */
export class FrameCutter {
  /** Longest message accepted, in bytes without the prefix; may be raised while running. */
  maxFrameBytes: number;
  /** The least capacity of a gathering buffer; small before the peer has shown itself, to make silence cheap. */
  minGatherBytes: number;
  /** The message found by `next`: `bytes[start, end)`. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** The memory of that message when it was gathered; the caller's from then on. */
  gathered: Buffer | null = null;

  readonly #budget: ByteBudget;
  readonly #memory: GatherMemory;
  #chunk: Uint8Array = EMPTY;
  #position = 0;
  /** Bytes of a length prefix that was split between chunks. */
  readonly #prefix = new Uint8Array(4);
  #prefixFilled = 0;
  #gather: Buffer | null = null;
  #gatherLength = 0;
  #gatherFilled = 0;
  /** Bytes taken from the budget for `#gather`. */
  #claimed = 0;

  constructor(
    limits: { maxFrameBytes: number; minGatherBytes: number },
    budget: ByteBudget,
    memory: GatherMemory = FRESH_MEMORY,
  ) {
    this.maxFrameBytes = limits.maxFrameBytes;
    this.minGatherBytes = limits.minGatherBytes;
    this.#budget = budget;
    this.#memory = memory;
  }

  /** True while the beginning of a message is held whose end has not arrived. */
  get isPartial(): boolean {
    return this.#gather !== null || this.#prefixFilled > 0;
  }

  /** Takes the next bytes of the stream; the chunk must not change afterwards. All of the chunk before must be used up. */
  push(chunk: Uint8Array): void {
    if (this.#position < this.#chunk.length) throw new Error('the chunk before has not been used up');
    this.#chunk = chunk;
    this.#position = 0;
  }

  /** Finds the next whole message; false when more bytes are needed. Throws `FramingError`; the stream is then done. */
  next(): boolean {
    if (this.#gather !== null) return this.#continue();
    const rest = this.#chunk.length - this.#position;
    if (this.#prefixFilled > 0 || rest < 4) {
      if (!this.#collectPrefix()) return false;
      this.#prefixFilled = 0;
      return this.#begin(readLength(this.#prefix, 0));
    }
    const length = readLength(this.#chunk, this.#position);
    this.#position += 4;
    return this.#begin(length);
  }

  /** Gives the gathered bytes back to the budget; nothing can be cut afterwards. */
  release(): void {
    if (this.#gather !== null) {
      this.#unclaim();
      this.#memory.give(this.#gather);
    }
    this.#gather = null;
    this.#chunk = EMPTY;
    this.#position = 0;
  }

  #collectPrefix(): boolean {
    while (this.#prefixFilled < 4 && this.#position < this.#chunk.length) {
      this.#prefix[this.#prefixFilled] = this.#chunk[this.#position] as number;
      this.#prefixFilled += 1;
      this.#position += 1;
    }
    return this.#prefixFilled === 4;
  }

  #begin(length: number): boolean {
    const problem = lengthProblem(length, this.maxFrameBytes);
    if (problem !== undefined) throw problem;
    if (this.#chunk.length - this.#position >= length) {
      this.#found(this.#chunk, this.#position, this.#position + length, null);
      this.#position += length;
      return true;
    }
    this.#gatherLength = length;
    this.#gatherFilled = 0;
    this.#gather = this.#allocate(this.#capacity(this.#chunk.length - this.#position));
    return this.#continue();
  }

  /** Moves bytes of the chunk into the gathering buffer. */
  #continue(): boolean {
    let gather = this.#gather as Buffer;
    const count = Math.min(this.#chunk.length - this.#position, this.#gatherLength - this.#gatherFilled);
    const filled = this.#gatherFilled + count;
    if (filled > gather.length) gather = this.#grow(gather, this.#capacity(filled));
    gather.set(this.#chunk.subarray(this.#position, this.#position + count), this.#gatherFilled);
    this.#position += count;
    this.#gatherFilled = filled;
    if (filled < this.#gatherLength) return false;
    this.#unclaim();
    this.#gather = null;
    this.#found(gather, 0, filled, gather);
    return true;
  }

  #capacity(filled: number): number {
    return Math.min(this.#gatherLength, Math.max(this.minGatherBytes, filled * GROWTH));
  }

  #allocate(capacity: number): Buffer {
    if (!this.#budget.take(capacity)) throw outOfMemory(this.#gatherLength);
    this.#claimed += capacity;
    return this.#memory.take(capacity);
  }

  #unclaim(): void {
    this.#budget.give(this.#claimed);
    this.#claimed = 0;
  }

  #grow(old: Buffer, capacity: number): Buffer {
    const claimed = this.#claimed;
    const larger = this.#allocate(capacity);
    old.copy(larger, 0, 0, this.#gatherFilled);
    this.#budget.give(claimed);
    this.#claimed -= claimed;
    this.#memory.give(old);
    this.#gather = larger;
    return larger;
  }

  #found(bytes: Uint8Array, start: number, end: number, gathered: Buffer | null): void {
    this.gathered = gathered;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** First four bytes of the requests that HTTP clients begin with. */
const HTTP_METHODS = new Set(['GET ', 'POST', 'PUT ', 'HEAD', 'OPTI', 'DELE', 'PATC', 'CONN', 'PRI ']);

/** What else the first length of a stream looks like, for the log: Kafka's port is easily mistaken for another one. */
export function recognise(length: number): string | undefined {
  const text = String.fromCharCode(length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
  if (HTTP_METHODS.has(text)) return 'an HTTP request';
  if (text === 'SSH-') return 'an SSH client';
  if (text.startsWith('\x16\x03')) return 'a TLS handshake on a plaintext port';
  if (/^[*$]\d/.test(text)) return 'a Redis command';
  return undefined;
}
