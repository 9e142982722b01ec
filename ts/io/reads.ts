/**
 * Reads of the engine: one call for many partitions, and the tokens of those that are not in memory.
 *
 * Not the bytes' meaning. To remember: while a token is open its destination belongs to the engine, and the addon fills
 * it before the token is reported; a lease is somebody's from the moment `done` runs, and has to be sent or released.
 */

import type { AbortedAnswer, AbortedTransaction, KnownProducer, Pin, ReadRequest, Watermarks } from '../log/types.ts';
import type { CodeNumber, NativeEngine } from './native-types.ts';
import { Code, READ_STRIDE } from './native-types.ts';

type ReadDone = (copied: readonly number[], codes: readonly CodeNumber[]) => void;
type PinDone = (pins: readonly Pin[]) => void;
type OffsetDone = (code: CodeNumber, offset: number, timestamp: number, leaderEpoch: number) => void;

/** A read some of whose rows are still pending. */
/** What the boundary tells of one producer. */
type ProducerNumbers = [id: number, epoch: number, sequence: number, timestamp: number, start: number];
const PRODUCER_NUMBERS = 5;

interface OpenRead {
  copied: number[];
  codes: CodeNumber[];
  pending: number;
  done: ReadDone;
}

/** All reads of one engine. */
export class Reads {
  readonly #native: NativeEngine;
  #rows = new Float64Array(16 * READ_STRIDE);
  readonly #out = new Float64Array(8);
  readonly #tokens = new Map<number, (code: CodeNumber, bytes: number) => void>();

  constructor(native: NativeEngine) {
    this.#native = native;
  }

  /** Answers that have not come yet. */
  get open(): number {
    return this.#tokens.size;
  }

  readable(requests: readonly ReadRequest[]): Watermarks[] {
    const rows = this.#fill(requests);
    const code = this.#native.readable(rows, requests.length) as CodeNumber;
    return requests.map((_, index) => watermarksOf(rows, index * READ_STRIDE, code));
  }

  read(
    requests: readonly ReadRequest[],
    destination: Uint8Array,
    positions: readonly number[],
    lengths: readonly number[],
    done: ReadDone,
  ): void {
    const rows = this.#fill(requests);
    for (let index = 0; index < requests.length; index += 1) {
      rows[index * READ_STRIDE + 5] = positions[index] ?? 0;
      rows[index * READ_STRIDE + 6] = lengths[index] ?? 0;
    }
    const refusal = this.#native.read(rows, requests.length, destination) as CodeNumber;
    const read: OpenRead = { copied: [], codes: [], pending: 0, done };
    for (let index = 0; index < requests.length; index += 1) {
      const at = index * READ_STRIDE;
      const code = refusal === Code.ok ? (rows[at + 7] as CodeNumber) : refusal;
      read.codes.push(code);
      read.copied.push(code === Code.ok ? (rows[at + 8] as number) : 0);
      if (code === Code.pending) this.#await(read, index, rows[at + 15] as number);
    }
    if (read.pending === 0) done(read.copied, read.codes);
  }

  pin(requests: readonly ReadRequest[], done: PinDone): void {
    const rows = this.#fill(requests);
    const refusal = this.#native.pin(rows, requests.length) as CodeNumber;
    const pins: Pin[] = [];
    let pending = 0;
    for (let index = 0; index < requests.length; index += 1) {
      const pin = pinOf(rows, index * READ_STRIDE, refusal);
      pins.push(pin);
      if (pin.code !== Code.pending) continue;
      pending += 1;
      const token = pin.lease;
      pin.lease = 0;
      this.#tokens.set(token, (code, bytes) => {
        pin.code = code;
        if (code === Code.ok && bytes > 0) {
          pin.available = bytes;
          pin.lease = token;
        }
        pending -= 1;
        if (pending === 0) done(pins);
      });
    }
    if (pending === 0) done(pins);
  }

  #await(read: OpenRead, index: number, token: number): void {
    read.pending += 1;
    this.#tokens.set(token, (code, bytes) => {
      read.codes[index] = code;
      read.copied[index] = bytes;
      read.pending -= 1;
      if (read.pending === 0) read.done(read.copied, read.codes);
    });
  }

  offsetForTime(partition: number, timestamp: number, isolation: number, done: OffsetDone): void {
    const out = this.#out;
    this.#native.offsetForTime(partition, timestamp, isolation, out);
    if (out[0] !== Code.pending) {
      done(out[0] as CodeNumber, out[1] as number, out[2] as number, out[3] as number);
      return;
    }
    const token = out[4] as number;
    this.#tokens.set(token, (failure) => {
      if (failure === Code.ok) this.#native.takeOffset(token, out);
      else out.fill(-1);
      const code = failure === Code.ok ? (out[0] as CodeNumber) : failure;
      done(code, out[1] as number, out[2] as number, out[3] as number);
    });
  }

  /** See `Engine.abortedBetween`. */
  abortedBetween(partition: number, from: number, to: number, lease: number): AbortedAnswer {
    const [code, ...pairs] = this.#native.abortedBetween(partition, from, to, lease);
    const aborted: AbortedTransaction[] = [];
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      aborted.push({ producerId: pairs[index] as number, firstOffset: pairs[index + 1] as number });
    }
    return { code: code as CodeNumber, aborted };
  }

  /** See `Engine.producers`. */
  producers(partition: number): { code: CodeNumber; producers: KnownProducer[] } {
    const [code, ...numbers] = this.#native.producers(partition);
    const producers: KnownProducer[] = [];
    for (let at = 0; at < numbers.length; at += PRODUCER_NUMBERS) {
      const [producerId, epoch, lastSequence, lastTimestamp, transactionStart] = numbers.slice(at) as ProducerNumbers;
      producers.push({ producerId, epoch, lastSequence, lastTimestamp, transactionStart });
    }
    return { code: code as CodeNumber, producers };
  }

  offsetForEpoch(partition: number, epoch: number): { code: CodeNumber; endOffset: number; epoch: number } {
    const out = this.#out;
    this.#native.offsetForEpoch(partition, epoch, out);
    return { code: out[0] as CodeNumber, endOffset: out[1] as number, epoch: out[2] as number };
  }

  /** A token the page reports as finished. */
  finish(token: number, code: CodeNumber, bytes: number): void {
    const waiting = this.#tokens.get(token);
    this.#tokens.delete(token);
    waiting?.(code, bytes);
  }

  /** The engine is gone: every open answer is `code`. */
  fail(code: CodeNumber): void {
    for (const token of [...this.#tokens.keys()]) this.finish(token, code, 0);
  }

  #fill(requests: readonly ReadRequest[]): Float64Array {
    if (this.#rows.length < requests.length * READ_STRIDE) {
      this.#rows = new Float64Array(requests.length * 2 * READ_STRIDE);
    }
    const rows = this.#rows;
    requests.forEach((request, index) => {
      const at = index * READ_STRIDE;
      rows[at] = request.partition;
      rows[at + 1] = request.offset;
      rows[at + 2] = request.maxBytes;
      rows[at + 3] = request.isolation;
      rows[at + 4] = request.leaderEpoch;
    });
    return rows;
  }
}

function pinOf(rows: Float64Array, at: number, refusal: CodeNumber): Pin {
  const code = refusal === Code.ok ? (rows[at + 7] as CodeNumber) : refusal;
  const isGood = code === Code.ok || code === Code.pending;
  return {
    code,
    // Of a pending row nothing is known yet.
    available: code === Code.ok ? (rows[at + 8] as number) : 0,
    logStart: rows[at + 9] as number,
    highWatermark: rows[at + 10] as number,
    lastStable: rows[at + 11] as number,
    durable: rows[at + 12] as number,
    logEnd: rows[at + 13] as number,
    leaderEpoch: rows[at + 14] as number,
    lease: isGood ? (rows[at + 15] as number) : 0,
  };
}

function watermarksOf(rows: Float64Array, at: number, refusal: CodeNumber): Watermarks {
  return {
    code: refusal === Code.ok ? (rows[at + 7] as CodeNumber) : refusal,
    available: rows[at + 8] as number,
    logStart: rows[at + 9] as number,
    highWatermark: rows[at + 10] as number,
    lastStable: rows[at + 11] as number,
    durable: rows[at + 12] as number,
    logEnd: rows[at + 13] as number,
    leaderEpoch: rows[at + 14] as number,
  };
}
