/**
 * Operations as rows of numbers: no promise and no object for any of them, one call for all that are queued, one callback
 * for all that have completed.
 *
 * To remember: memory is that of leases. Every queued row completes exactly once; one that was refused completes with a
 * result below -4096, and `error` says what any negative result means.
 */
import { MillraceError } from '../../errors.ts';
import type { Lease } from './arena.ts';
import { At, Op, ROW, RwFlag } from './native-ring.ts';
import { failure } from './results.ts';
import type { RingCore } from './ring-core.ts';
import type { RingFile } from './ring-file.ts';

/** Options of `Ring.batch`. */
export interface BatchOptions {
  /** Rows that can be queued before `submit`, 1 to 4096. Default 256. */
  readonly entries?: number | undefined;
  /**
   * Runs once for all completions of a turn: `count` pairs of token and result in `completions`. It may queue and submit.
   */
  readonly onCompletions: (completions: Float64Array, count: number) => void;
}

/** Flags of a row of `write`. */
export interface RowFlags {
  readonly durable?: boolean | undefined;
  readonly dontCache?: boolean | undefined;
  /** The next row begins when this one has succeeded in full. */
  readonly linked?: boolean | undefined;
}

export class Batch {
  readonly #core: RingCore;
  readonly #source: number;
  readonly #rows: Float64Array;
  readonly #entries: number;
  readonly #onCompletions: BatchOptions['onCompletions'];
  #completions = new Float64Array(2048);
  #completed = 0;
  #queued = 0;

  /** Made by `Ring.batch`. */
  constructor(core: RingCore, { entries = 256, onCompletions }: BatchOptions) {
    if (!Number.isSafeInteger(entries) || entries < 1 || entries > 4096) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'a batch has 1 to 4096 entries');
    }
    this.#core = core;
    this.#entries = entries;
    this.#rows = new Float64Array(entries * ROW);
    this.#onCompletions = onCompletions;
    this.#source = core.addBatch({ take: (token, result) => this.#take(token, result), flush: () => this.#flush() });
  }

  /** Rows that wait for `submit`. */
  get queued(): number {
    return this.#queued;
  }

  /** Begins the next row; throws MILLRACE_BUSY when all are queued. */
  #next(op: number, token: number, file: number, linked: boolean | undefined): number {
    if (this.#queued === this.#entries) throw new MillraceError('MILLRACE_BUSY', 'submit: all rows are queued');
    if (!Number.isSafeInteger(token) || token < 0) {
      throw new MillraceError('MILLRACE_ARGUMENT', 'a token is a whole number from 0');
    }
    const at = this.#queued * ROW;
    this.#queued += 1;
    const rows = this.#rows;
    rows[at + At.op] = op;
    rows[at + At.owner] = token;
    rows[at + At.file] = file;
    rows[at + At.flags] = 0;
    rows[at + At.length] = 0;
    rows[at + At.linked] = linked ? 1 : 0;
    return at;
  }

  #transfer(
    op: number,
    token: number,
    file: RingFile,
    position: number,
    lease: Lease,
    start: number,
    length: number,
    flags: RowFlags,
  ): void {
    const at = this.#next(op, token, file.number, flags.linked);
    const rows = this.#rows;
    rows[at + At.position] = position;
    rows[at + At.length] = length;
    rows[at + At.flags] = (flags.durable ? RwFlag.dsync : 0) | (flags.dontCache ? RwFlag.dontCache : 0);
    rows[at + At.arena] = this.#core.arenaNumber(lease.arena);
    rows[at + At.lease] = lease.number;
    rows[at + At.start] = start;
  }

  /** Queues a read into bytes of a lease. A position of -1 is where the descriptor stands. */
  read(
    token: number,
    file: RingFile,
    position: number,
    lease: Lease,
    start = 0,
    length: number = lease.length - start,
    flags: RowFlags = {},
  ): void {
    this.#transfer(Op.read, token, file, position, lease, start, length, flags);
  }

  /** Queues a write of bytes of a lease. */
  write(
    token: number,
    file: RingFile,
    position: number,
    lease: Lease,
    start = 0,
    length: number = lease.length - start,
    flags: RowFlags = {},
  ): void {
    this.#transfer(Op.write, token, file, position, lease, start, length, flags);
  }

  /** Queues an fdatasync. */
  datasync(token: number, file: RingFile, flags: RowFlags = {}): void {
    const at = this.#next(Op.sync, token, file.number, flags.linked);
    this.#rows[at + At.flags] = 1;
  }

  /** Queues an operation that does nothing. */
  nop(token: number, flags: RowFlags = {}): void {
    this.#next(Op.nop, token, -1, flags.linked);
  }

  /** Queues a timeout of so many nanoseconds. */
  timeout(token: number, nanoseconds: number, flags: RowFlags = {}): void {
    const at = this.#next(Op.timeout, token, -1, flags.linked);
    this.#rows[at + At.length] = nanoseconds;
  }

  /**
   * Hands over every queued row, in one call. They reach the kernel when this turn of the loop ends, together with all else of
   * it; with `atOnce` by a system call of their own, so that the device begins while more is prepared.
   */
  submit(atOnce: boolean = false): void {
    const count = this.#queued;
    this.#queued = 0;
    if (count > 0) this.#core.call((native) => native.pushRows(this.#rows, count, this.#source, atOnce));
  }

  /** Asks for the end of the operation with this token. */
  cancel(token: number): void {
    this.#core.call((native) => native.cancel(token, this.#source));
  }

  /** What a negative result means. */
  error(result: number): MillraceError {
    return failure(result, 'batch');
  }

  #take(token: number, result: number): void {
    if (this.#completed * 2 === this.#completions.length) {
      const larger = new Float64Array(this.#completions.length * 2);
      larger.set(this.#completions);
      this.#completions = larger;
    }
    this.#completions[this.#completed * 2] = token;
    this.#completions[this.#completed * 2 + 1] = result;
    this.#completed += 1;
  }

  #flush(): void {
    const count = this.#completed;
    this.#completed = 0;
    this.#onCompletions(this.#completions, count);
  }
}
