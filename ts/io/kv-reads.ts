/**
 * Reads of KV stores: one call for a run of keys or a page of a scan, and the tokens of values that are not in memory.
 *
 * Not what a value means, and not the writes of the running turn (ts/kv/overlay.ts). To remember: whoever reads gets the
 * answer at once when everything is in memory, and later through `done` otherwise, never both.
 */

import { KeyPack } from './key-pack.ts';
import type { CodeNumber, NativeEngine } from './native-types.ts';
import { Code, KV_GET_STRIDE } from './native-types.ts';

/** What a read found under one key. */
export interface KvAnswer {
  /** `ok`, `absent`, `damaged`, `unknownStore`, or why the engine answers nothing any more. */
  readonly code: CodeNumber;
  /** Empty unless `code` is `ok`. Its memory is the reader's own. */
  readonly value: Buffer;
  /** The sequence of the write that put it. */
  readonly sequence: number;
  /** ms since 1970, 0 = never. */
  readonly expiresMs: number;
}

/** Told when an answer comes that was not there at once. */
export type KvDone = (answers: KvAnswer[]) => void;

/** A run some of whose values are still on their way. */
interface OpenRun {
  readonly answers: KvAnswer[];
  missing: number;
  readonly done: KvDone;
}

/** A token that waits: whose it is, which key of it, and what the page has said of it. */
interface OpenToken {
  readonly run: OpenRun;
  readonly index: number;
  bytes: number;
}

const nothing: Buffer = Buffer.alloc(0);
/** The answer for a key that is not there. */
export const absentAnswer: KvAnswer = { code: Code.absent, value: nothing, sequence: 0, expiresMs: 0 };
/** What `kvLook` answers where there is no such key. */
const ABSENT = -1;
const SCRATCH_LEAST = 64 * 1024;
const SCRATCH_MOST = 1024 * 1024;

/** All KV reads of one engine. */
export class KvReads {
  readonly #native: NativeEngine;
  readonly #keys = new KeyPack();
  /** Where values land before each gets memory of its own. */
  #scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_LEAST);
  readonly #tokens = new Map<number, OpenToken>();
  readonly #waits = new Map<number, (code: CodeNumber) => void>();
  #arrived: [token: number, open: OpenToken][] = [];

  constructor(native: NativeEngine) {
    this.#native = native;
  }

  /**
   * Values of `keys`, in their order: at once when all are in memory; undefined otherwise, and `done` runs when the last
   * has been read. One crossing.
   */
  get(store: number, snapshot: number, keys: readonly Uint8Array[], done: KvDone): KvAnswer[] | undefined {
    const pack = this.#keys;
    pack.clear();
    for (const key of keys) pack.add(store, snapshot, key);
    const refusal = this.#native.kvGet(pack.rows, pack.count, pack.buffers, this.#scratch) as CodeNumber;
    if (refusal !== Code.ok) return keys.map(() => refused(refusal));
    const answers: KvAnswer[] = [];
    const run: OpenRun = { answers, missing: 0, done };
    let large = 0;
    for (let index = 0; index < pack.count; index += 1) {
      answers.push(this.#answer(pack.rows, index, run, index, this.#scratch, false));
      if (answers[index]?.code === Code.noRoom) large += 1;
    }
    if (large > 0) this.#getLarge(pack, run);
    return run.missing === 0 ? answers : undefined;
  }

  /** The value of one key if it is in memory; null when there is none; undefined where only `get` can tell. One crossing. */
  look(store: number, key: Uint8Array): Buffer | null | undefined {
    const length = this.#native.kvLook(store, key, this.#scratch);
    if (length >= 0) return copyOf(this.#scratch, 0, length);
    return length === ABSENT ? null : undefined;
  }

  /** Asks again for what had no room, with room for all of it. */
  #getLarge(pack: KeyPack, run: OpenRun): void {
    const wanted: number[] = [];
    let bytes = 0;
    run.answers.forEach((answer, index) => {
      if (answer.code !== Code.noRoom) return;
      bytes += pack.rows[index * KV_GET_STRIDE + 7] as number;
      pack.move(index, wanted.length);
      wanted.push(index);
    });
    const destination = Buffer.allocUnsafeSlow(bytes);
    const refusal = this.#native.kvGet(pack.rows, wanted.length, pack.buffers, destination) as CodeNumber;
    wanted.forEach((index, row) => {
      run.answers[index] =
        refusal === Code.ok
          ? this.#answer(pack.rows, row, run, index, destination, wanted.length === 1)
          : refused(refusal);
    });
    const next = Math.min(bytes * 2, SCRATCH_MOST);
    if (next > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(next);
  }

  /** Reads row `row` as the answer to key `index` of `run`. `own`: the memory is nobody else's, so it is not copied. */
  #answer(rows: Float64Array, row: number, run: OpenRun, index: number, from: Buffer, own: boolean): KvAnswer {
    const at = row * KV_GET_STRIDE;
    const code = rows[at + 5] as CodeNumber;
    const position = rows[at + 6] as number;
    if (code === Code.absent) return absentAnswer;
    if (code === Code.pending) {
      run.missing += 1;
      this.#tokens.set(position, { run, index, bytes: 0 });
    }
    if (code !== Code.ok) return refused(code);
    const end = position + (rows[at + 7] as number);
    const value = own ? from.subarray(position, end) : copyOf(from, position, end);
    return { code, value, sequence: rows[at + 8] as number, expiresMs: rows[at + 9] as number };
  }

  /** `done` runs when the page has reported `token`; what it stands for is asked for again. */
  whenReported(token: number, done: (code: CodeNumber) => void): void {
    this.#waits.set(token, done);
  }

  /** A token the page reports as finished. Answers whether it was one of ours. */
  finish(token: number, code: CodeNumber, bytes: number): boolean {
    const wait = this.#waits.get(token);
    if (wait) {
      this.#waits.delete(token);
      wait(code);
      return true;
    }
    const open = this.#tokens.get(token);
    if (!open) return false;
    this.#tokens.delete(token);
    open.bytes = bytes;
    this.#arrived.push([token, open]);
    return true;
  }

  /** Fetches the values of all tokens that `finish` was told of, in one call, and answers their readers. */
  deliver(): void {
    const arrived = this.#arrived;
    if (arrived.length === 0) return;
    this.#arrived = [];
    const rows = new Float64Array(arrived.length * KV_GET_STRIDE);
    let bytes = 0;
    arrived.forEach(([token, open], row) => {
      rows[row * KV_GET_STRIDE + 6] = token;
      bytes += open.bytes;
    });
    const destination = Buffer.allocUnsafeSlow(bytes);
    const refusal = this.#native.kvTake(rows, arrived.length, destination) as CodeNumber;
    arrived.forEach(([, { run, index }], row) => {
      run.answers[index] =
        refusal === Code.ok ? this.#answer(rows, row, run, index, destination, arrived.length === 1) : refused(refusal);
    });
    for (const [, { run }] of arrived) {
      run.missing -= 1;
      if (run.missing === 0) run.done(run.answers);
    }
  }

  /** The engine is gone: every open answer is `code`. */
  fail(code: CodeNumber): void {
    const waits = [...this.#waits.values()];
    this.#waits.clear();
    const open = [...this.#tokens.values()];
    this.#tokens.clear();
    for (const wait of waits) wait(code);
    for (const { run, index } of open) {
      run.answers[index] = refused(code);
      run.missing -= 1;
      if (run.missing === 0) run.done(run.answers);
    }
  }
}

function refused(code: CodeNumber): KvAnswer {
  return { code, value: nothing, sequence: 0, expiresMs: 0 };
}

function copyOf(from: Buffer, start: number, end: number): Buffer {
  const value = Buffer.allocUnsafe(end - start);
  from.copy(value, 0, start, end);
  return value;
}
