/**
 * Replies as bytes, RESP2 or RESP3, one behind another in chunks that all connections share.
 *
 * Not who gets them when (turn-output.ts). The invariants to remember: bytes that were written are never changed, only
 * cut off behind a mark; a large value is a piece of its own; no text of a client gets into an error unescaped.
 */

/** Takes finished ranges, in order. */
export interface PieceSink {
  /** So many pieces so far, to go back to by `truncate`. */
  readonly count: number;
  piece(bytes: Buffer, start: number, end: number): void;
  truncate(count: number): void;
}

/** A place to go back to. */
export interface ReplyMark {
  readonly count: number;
  readonly buffer: Buffer;
  readonly position: number;
  readonly from: number;
}

const CHUNK_BYTES = 64 * 1024;
/** Room for any reply without bytes of unknown length. */
const ROOM_BYTES = 64;
/** From here on a value is not copied into the chunk. */
const LARGE_BYTES = 16 * 1024;

const OK = Buffer.from('+OK\r\n');
const QUEUED = Buffer.from('+QUEUED\r\n');
const CR = 13;
const LF = 10;

export class ReplyWriter {
  /** Version of the protocol of whoever the replies are for: 2 or 3. */
  protocol: 2 | 3 = 2;
  readonly #sink: PieceSink;
  #buffer: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #position = 0;
  #from = 0;

  constructor(sink: PieceSink) {
    this.#sink = sink;
  }

  mark(): ReplyMark {
    return { count: this.#sink.count, buffer: this.#buffer, position: this.#position, from: this.#from };
  }

  /** Forgets everything behind `mark`. */
  truncate(mark: ReplyMark): void {
    this.#sink.truncate(mark.count);
    this.#buffer = mark.buffer;
    this.#position = mark.position;
    this.#from = mark.from;
  }

  /** Whether nothing has been written behind `mark`. */
  isAt(mark: ReplyMark): boolean {
    return this.#buffer === mark.buffer && this.#position === mark.position && this.#sink.count === mark.count;
  }

  /** Hands what has been written to the sink: what follows is somebody else's. */
  seal(): void {
    if (this.#position > this.#from) this.#sink.piece(this.#buffer, this.#from, this.#position);
    this.#from = this.#position;
  }

  #room(bytes: number): void {
    if (this.#position + bytes <= this.#buffer.length) return;
    this.seal();
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes));
    this.#position = 0;
    this.#from = 0;
  }

  /** Bytes that are a reply already. They must not change. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  ok(): void {
    this.raw(OK);
  }

  queued(): void {
    this.raw(QUEUED);
  }

  /** A status, of our own words. */
  simple(text: string): void {
    this.#line(43, text);
  }

  /** An error: its code word, a blank, its text. Line ends in it become blanks. */
  error(text: string): void {
    this.#line(45, /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, ' ') : text);
  }

  #line(kind: number, text: string): void {
    this.#room(text.length * 3 + 3);
    this.#buffer[this.#position] = kind;
    this.#position += 1 + this.#buffer.write(text, this.#position + 1, 'latin1');
    this.#end();
  }

  #end(): void {
    this.#buffer[this.#position] = CR;
    this.#buffer[this.#position + 1] = LF;
    this.#position += 2;
  }

  integer(value: number | bigint): void {
    this.#head(58, value);
  }

  #head(kind: number, value: number | bigint): void {
    this.#room(ROOM_BYTES);
    const buffer = this.#buffer;
    buffer[this.#position] = kind;
    this.#position += 1;
    if (typeof value === 'number' && value >= 0 && value < 10) {
      buffer[this.#position] = 48 + value;
      this.#position += 1;
    } else {
      this.#position += buffer.write(String(value), this.#position, 'latin1');
    }
    this.#end();
  }

  /** A bulk string. The bytes are copied. */
  bulk(value: Uint8Array): void {
    const { length } = value;
    this.#head(36, length);
    if (length >= LARGE_BYTES) {
      this.seal();
      this.#sink.piece(Buffer.from(value), 0, length);
      this.#room(ROOM_BYTES);
    } else {
      this.#room(length + 2);
      this.#buffer.set(value, this.#position);
      this.#position += length;
    }
    this.#end();
  }

  /** A bulk string of characters that are bytes. */
  text(value: string): void {
    this.bulk(Buffer.from(value, 'latin1'));
  }

  bulkOrNull(value: Uint8Array | undefined | null): void {
    if (value === undefined || value === null) this.null();
    else this.bulk(value);
  }

  /** No value. */
  null(): void {
    this.#line(this.protocol === 3 ? 95 : 36, this.protocol === 3 ? '' : '-1');
  }

  /** No array: an aborted EXEC. */
  nullArray(): void {
    this.#line(this.protocol === 3 ? 95 : 42, this.protocol === 3 ? '' : '-1');
  }

  array(count: number): void {
    this.#head(42, count);
  }

  /** So many pairs follow. */
  map(pairs: number): void {
    if (this.protocol === 3) this.#head(37, pairs);
    else this.#head(42, pairs * 2);
  }

  set(count: number): void {
    this.#head(this.protocol === 3 ? 126 : 42, count);
  }

  push(count: number): void {
    this.#head(this.protocol === 3 ? 62 : 42, count);
  }

  /** A floating point number; `text` is how Redis writes it. */
  double(text: string): void {
    if (this.protocol === 3) this.#line(44, text);
    else this.text(text);
  }

  /** Text for people, with its kind in RESP3. */
  verbatim(value: string): void {
    const bytes = Buffer.from(value);
    if (this.protocol !== 3) {
      this.bulk(bytes);
      return;
    }
    this.#head(61, bytes.length + 4);
    this.raw(Buffer.from('txt:'));
    this.raw(bytes);
    this.raw(Buffer.from('\r\n'));
  }
}
