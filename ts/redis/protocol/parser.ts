/**
 * Cuts the bytes of one connection into commands: arrays of bulk strings, and inline commands.
 *
 * Not what a command means. The invariants to remember: any split of the bytes gives the same commands; nothing is
 * allocated by a count or length that a client claims, only by bytes that have arrived; arguments are views of the bytes
 * they came in, good until `settle`.
 */

import { splitInline } from './inline.ts';
import { RespProtocolError } from './protocol-error.ts';

/** What a connection may send; smaller before it has authenticated. */
export interface RespLimits {
  /** Arguments of one command. */
  maxArguments: number;
  /** Bytes of one argument. */
  maxBulkBytes: number;
  /** Bytes of one command, all its arguments together. */
  maxCommandBytes: number;
}

/** Longest line: an inline command, or a count or length. */
const LINE_MAX = 64 * 1024;
/** From here on an argument gets no more memory than it has, and is given away with it. */
const LARGE_BYTES = 1024 * 1024;
const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;

const givenAway = new WeakSet<ArrayBufferLike>();

/** Whether the memory of an argument is the argument's own: it stays as it is, and needs no copy. */
export function isGivenAway(argument: Buffer): boolean {
  return argument.length >= LARGE_BYTES && givenAway.has(argument.buffer);
}

/** The commands of one connection. */
export class RespParser {
  limits: RespLimits;
  /** Whether the client has authenticated, which only changes what an excess is called. */
  isTrusted = true;
  #source: Buffer = Buffer.alloc(0);
  /** Not parsed yet: `[#at, #end)` of the source. */
  #at = 0;
  #end = 0;
  /** The source is ours, with room behind `#end`; otherwise it is the transport's and ends with `settle`. */
  #isOwn = false;
  /** Where the bulk strings of the unfinished command lie, as pairs counted from `#at`. */
  #ranges: number[] = [];
  /** Arguments the unfinished command still lacks; -1 between commands. */
  #missing = -1;
  /** How far the unfinished command is parsed, counted from `#at`. */
  #seen = 0;
  /** Length of the bulk string that is arriving; -1 when its header is. */
  #bulk = -1;
  /** `next` has found that it needs more bytes. */
  #isStarved = false;
  /** How far the line that is arriving was searched for its end, counted from `#at`. */
  #searched = 0;

  constructor(limits: RespLimits) {
    this.limits = limits;
  }

  /** Bytes that are held for a command whose end has not come. */
  get heldBytes(): number {
    return this.#isOwn ? this.#source.length : 0;
  }

  /** Whether `next` may have an answer without more bytes. */
  get mayHaveCommand(): boolean {
    return this.#at < this.#end && !this.#isStarved;
  }

  /** The next byte is the first of a command. */
  get isBetweenCommands(): boolean {
    return this.#missing < 0;
  }

  /** What has been pushed and not taken: `source[start, end)`. */
  get source(): Buffer {
    return this.#source;
  }

  get start(): number {
    return this.#at;
  }

  get end(): number {
    return this.#end;
  }

  /** Between commands: `bytes` of whole commands were taken by somebody else. `isStarved`: what follows is not whole. */
  skip(bytes: number, isStarved: boolean): void {
    this.#at += bytes;
    if (bytes > 0) this.#searched = 0;
    this.#isStarved = isStarved;
  }

  /** More bytes: `bytes[start, end)`. They stay as they are until `settle`. */
  push(bytes: Buffer, start: number, end: number): void {
    this.#isStarved = false;
    if (this.#at === this.#end && !this.#isOwn) {
      this.#source = bytes;
      this.#at = start;
      this.#end = end;
      this.#isOwn = false;
      return;
    }
    this.#own(end - start);
    bytes.copy(this.#source, this.#end, start, end);
    this.#end += end - start;
  }

  /** The bytes given to `push` may change from now on, and so may arguments that were answered. */
  settle(): void {
    if (this.#at === this.#end) {
      this.#source = NOTHING;
      this.#at = 0;
      this.#end = 0;
      this.#isOwn = false;
    } else if (!this.#isOwn || this.#at > 0) {
      this.#move(this.#end - this.#at);
    }
  }

  /** The arguments of the next whole command, at least one; null when more bytes are needed. */
  next(): Buffer[] | null {
    const args = this.#next();
    this.#isStarved = args === null;
    return args;
  }

  #next(): Buffer[] | null {
    while (this.#at < this.#end) {
      if (this.#missing < 0) {
        if (this.#source[this.#at] !== STAR) {
          const inline = this.#inline();
          if (inline === null) return null;
          if (inline.length > 0) return inline;
          continue;
        }
        if (!this.#count()) return null;
        if (this.#missing <= 0) {
          this.#finish();
          continue;
        }
      }
      return this.#bulks() ? this.#taken() : null;
    }
    return null;
  }

  /** Reads `*count`; false when its line has not ended. */
  #count(): boolean {
    const line = this.#line('too big mbulk count string');
    if (line < 0) return false;
    const count = this.#integer(this.#at + 1, line);
    if (Number.isNaN(count) || count > this.limits.maxArguments) {
      throw new RespProtocolError(
        this.isTrusted || Number.isNaN(count) ? 'invalid multibulk length' : 'unauthenticated multibulk length',
      );
    }
    this.#missing = Math.max(0, count);
    this.#seen = line + 2 - this.#at;
    this.#searched = this.#seen;
    return true;
  }

  #bulks(): boolean {
    while (this.#missing > 0) {
      if (this.#bulk < 0 && !this.#bulkHeader()) return false;
      const start = this.#at + this.#seen;
      const end = start + this.#bulk;
      if (end + 2 > this.#end) return false;
      if (this.#source[end] !== CR || this.#source[end + 1] !== LF) {
        throw new RespProtocolError('expected CRLF behind a bulk string');
      }
      this.#ranges.push(this.#seen, this.#seen + this.#bulk);
      this.#seen += this.#bulk + 2;
      this.#searched = this.#seen;
      this.#bulk = -1;
      this.#missing -= 1;
    }
    return true;
  }

  /** Reads `$length`; false when its line has not ended. */
  #bulkHeader(): boolean {
    const start = this.#at + this.#seen;
    if (start >= this.#end) return false;
    if (this.#source[start] !== DOLLAR) {
      throw new RespProtocolError(`expected '$', got '${printable(this.#source[start] as number)}'`);
    }
    const line = this.#line('too big bulk count string');
    if (line < 0) return false;
    const length = this.#integer(start + 1, line);
    if (Number.isNaN(length) || length < 0 || length > this.limits.maxBulkBytes) {
      throw new RespProtocolError(
        this.isTrusted || Number.isNaN(length) || length < 0 ? 'invalid bulk length' : 'unauthenticated bulk length',
      );
    }
    this.#seen = line + 2 - this.#at;
    if (this.#seen + length > this.limits.maxCommandBytes) throw new RespProtocolError('too big command');
    this.#bulk = length;
    return true;
  }

  /** Where the CR of the line at `#seen` is; -1 when it has not come with its LF. */
  #line(excess: string): number {
    const source = this.#source;
    const from = this.#at + this.#seen;
    let at = this.#at + Math.max(this.#searched, this.#seen);
    while (at < this.#end && source[at] !== CR) at += 1;
    this.#searched = at - this.#at;
    if (at - from > LINE_MAX) throw new RespProtocolError(excess);
    if (at + 1 >= this.#end) return -1;
    if (source[at + 1] !== LF) throw new RespProtocolError('expected LF behind CR');
    return at;
  }

  /** The decimal number in `[start, end)`, with at most a sign; NaN for anything else. */
  #integer(start: number, end: number): number {
    const source = this.#source;
    const isNegative = source[start] === 45;
    const from = isNegative ? start + 1 : start;
    if (from === end || end - from > 18 || (source[from] === 48 && end - from > 1)) return Number.NaN;
    let value = 0;
    for (let at = from; at < end; at += 1) {
      const digit = (source[at] as number) - 48;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return isNegative ? -value : value;
  }

  /** An inline command, empty for an empty line; null when its line has not ended. */
  #inline(): Buffer[] | null {
    const source = this.#source;
    let lf = this.#at + this.#searched;
    while (lf < this.#end && source[lf] !== LF) lf += 1;
    if (lf === this.#end) lf = -1;
    if ((lf < 0 ? this.#end : lf) - this.#at > LINE_MAX) throw new RespProtocolError('too big inline request');
    if (lf < 0) {
      this.#searched = this.#end - this.#at;
      return null;
    }
    const end = lf > this.#at && source[lf - 1] === CR ? lf - 1 : lf;
    const words = splitInline(source.subarray(this.#at, end));
    if (words === undefined) throw new RespProtocolError('unbalanced quotes in request');
    if (words.length > this.limits.maxArguments) throw new RespProtocolError('unauthenticated multibulk length');
    this.#seen = lf + 1 - this.#at;
    this.#finish();
    return words;
  }

  /** The arguments of the command that is complete. */
  #taken(): Buffer[] {
    const ranges = this.#ranges;
    const args = new Array<Buffer>(ranges.length / 2);
    for (let index = 0; index < args.length; index += 1) {
      const start = this.#at + (ranges[index * 2] as number);
      args[index] = this.#source.subarray(start, this.#at + (ranges[index * 2 + 1] as number));
    }
    const isLarge = this.#isOwn && this.#seen >= LARGE_BYTES;
    this.#finish();
    if (isLarge) {
      // Nothing is put behind it any more.
      givenAway.add(this.#source.buffer);
      this.#move(this.#end - this.#at);
    }
    return args;
  }

  /** The command that ends at `#seen` is done with. */
  #finish(): void {
    this.#at += this.#seen;
    this.#seen = 0;
    this.#searched = 0;
    this.#missing = -1;
    this.#bulk = -1;
    if (this.#ranges.length > 0) this.#ranges = [];
  }

  /** Makes the source ours with room for `more` bytes; views of the old one stay as they are. */
  #own(more: number): void {
    if (this.#isOwn && this.#end + more <= this.#source.length) return;
    const held = this.#end - this.#at;
    // Twice of what has come; of a large argument not more than it has claimed.
    const claimed = this.#bulk >= LARGE_BYTES ? this.#seen + this.#bulk + 2 : Number.POSITIVE_INFINITY;
    this.#move(Math.max(held + more, this.#isOwn ? Math.min(2 * held, claimed) : 0));
  }

  /** Copies what is not parsed to memory of our own of `capacity` bytes. */
  #move(capacity: number): void {
    const moved = Buffer.allocUnsafeSlow(capacity);
    this.#source.copy(moved, 0, this.#at, this.#end);
    this.#source = moved;
    this.#end -= this.#at;
    this.#at = 0;
    this.#isOwn = true;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/** A byte as it may stand in an error. */
function printable(byte: number): string {
  return byte > 32 && byte < 127 ? String.fromCharCode(byte) : '?';
}
