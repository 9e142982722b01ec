/**
 * What every object of a ring works with: operations in, one promise each; batches; and the one callback.
 *
 * Not public. Invariant: every operation that was taken settles its promise exactly once, whatever becomes of the ring.
 */
import { abortedError, MillraceError } from '../../errors.ts';
import { loadNative } from '../native.ts';
import { fromNative } from '../native-error.ts';
import { type Arena, LeasePart } from './arena.ts';
import { type IoMemory, resolveMemory } from './memory.ts';
import {
  At,
  COMPLETION,
  HEAD,
  type NativeRing,
  type NativeRingOptions,
  type NativeRingReport,
  ROW,
} from './native-ring.ts';
import { failure, refusal } from './results.ts';

/** One operation, before it has become a row. What is left out is 0, or the descriptor's own position. */
export interface Submission<T> {
  readonly op: number;
  /** For errors. */
  readonly what: string;
  readonly path?: string | undefined;
  readonly file?: number | undefined;
  readonly otherFile?: number | undefined;
  readonly position?: number | bigint | undefined;
  readonly otherPosition?: number | bigint | undefined;
  readonly length?: number | undefined;
  readonly flags?: number | undefined;
  readonly memory?: IoMemory | undefined;
  /** Arrays only: leases go one by one. */
  readonly parts?: readonly IoMemory[] | undefined;
  readonly paths?: readonly [string, string] | undefined;
  readonly address?: readonly [host: string, port: number] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What a result of 0 or more means. */
  readonly finish: (result: number, owner: number) => T;
}

interface Pending {
  readonly submission: Submission<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly abort: (() => void) | undefined;
}

/** Somebody who takes completions of rows. */
export interface BatchSink {
  take(token: number, result: number): void;
  flush(): void;
}

/** Counters since the ring was opened, as of the last callback. */
export interface RingCounters {
  /** System calls that handed operations over, or asked for completions. */
  readonly enters: number;
  readonly callsIn: number;
  readonly callbacksOut: number;
  readonly inFlight: number;
  readonly openFiles: number;
}

function positionOf(position: number | bigint | undefined, what: string): number {
  if (position === undefined) return -1;
  const number = Number(position);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new MillraceError('MILLRACE_ARGUMENT', `${what}: the position ${position} is not a whole number up to 2^53`);
  }
  return number;
}

/** Longest vector the kernel takes. */
const PARTS_MAX = 1024;

function arraysOf(parts: readonly IoMemory[], what: string): Uint8Array[] {
  if (parts.length === 0 || parts.length > PARTS_MAX) {
    throw new MillraceError('MILLRACE_ARGUMENT', `${what}: 1 to ${PARTS_MAX} parts are taken, not ${parts.length}`);
  }
  return parts.map((part) => {
    const memory = resolveMemory(part, what);
    if (!(memory instanceof LeasePart)) return memory;
    throw new MillraceError('MILLRACE_ARGUMENT', `${what}: leases go one by one, by read and write`);
  });
}

export class RingCore {
  readonly native: NativeRing;
  readonly report: NativeRingReport;
  readonly #completions: Float64Array;
  readonly #row: Float64Array = new Float64Array(ROW);
  readonly #pending: (Pending | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #arenas = new Map<Arena, number>();
  readonly #batches: BatchSink[] = [];
  /** The error of the chain that is being made, once one of it was refused; undefined outside of chains. */
  #chain: { broken: unknown } | undefined;
  #closed: Promise<void> | undefined;
  #ended: (() => void) | undefined;

  constructor(options: NativeRingOptions) {
    try {
      this.native = new (loadNative().NativeRing)(options, () => this.#wake());
    } catch (error) {
      throw fromNative(error);
    }
    this.report = this.native.report();
    this.#completions = this.native.completions;
  }

  /** Starts an operation. What is wrong with its arguments, and every refusal, rejects the promise; nothing throws. */
  start<T>(submission: Submission<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      try {
        this.#start(submission, resolve as (value: unknown) => void, reject);
      } catch (error) {
        const typed = fromNative(error);
        if (this.#chain) this.#chain.broken ??= typed;
        reject(typed);
      }
    });
  }

  #start<T>(submission: Submission<T>, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const { signal, what } = submission;
    if (signal?.aborted) throw abortedError(signal);
    if (this.#chain?.broken !== undefined) throw this.#chain.broken;
    if (this.#closed !== undefined) throw new MillraceError('MILLRACE_CLOSED', `${what}: the ring is closed`);
    const owner = this.#free.pop() ?? this.#pending.length;
    try {
      const code = this.#push(submission, owner);
      if (code !== 0) throw refusal(code, what);
    } catch (error) {
      this.#free.push(owner);
      if (owner === this.#pending.length) this.#pending.push(undefined);
      throw error;
    }
    const abort = signal === undefined ? undefined : () => this.native.cancel(owner, 0);
    signal?.addEventListener('abort', abort as () => void, { once: true });
    this.#pending[owner] = { submission: submission as Submission<unknown>, resolve, reject, abort };
  }

  #push(submission: Submission<unknown>, owner: number): number {
    const row = this.#row;
    const { parts, paths, address, what } = submission;
    const memory = submission.memory === undefined ? undefined : resolveMemory(submission.memory, what);
    row[At.op] = submission.op;
    row[At.owner] = owner;
    row[At.file] = submission.file ?? -1;
    row[At.otherFile] = submission.otherFile ?? -1;
    row[At.position] = positionOf(submission.position, what);
    row[At.otherPosition] = positionOf(submission.otherPosition, what);
    row[At.length] = submission.length ?? 0;
    row[At.flags] = submission.flags ?? 0;
    row[At.linked] = this.#chain === undefined ? 0 : 1;
    if (memory instanceof LeasePart) {
      row[At.length] = memory.length;
      row[At.arena] = this.arenaNumber(memory.lease.arena);
      row[At.lease] = memory.lease.number;
      row[At.start] = memory.start;
      return this.native.push(row);
    }
    if (memory !== undefined) {
      row[At.length] = memory.byteLength;
      return this.native.pushBytes(row, memory);
    }
    if (parts !== undefined) return this.native.pushParts(row, arraysOf(parts, what));
    if (paths !== undefined) return this.native.pushPaths(row, paths[0], paths[1]);
    return address === undefined ? this.native.push(row) : this.native.pushAddress(row, address[0], address[1]);
  }

  /** The number of an arena in rows. */
  arenaNumber(arena: Arena): number {
    let number = this.#arenas.get(arena);
    if (number === undefined) {
      number = this.native.addArena(arena.native);
      this.#arenas.set(arena, number);
    }
    return number;
  }

  /** Runs `begin`; what it starts is one chain. */
  chain<T>(begin: () => T): T {
    if (this.#chain) throw new MillraceError('MILLRACE_ARGUMENT', 'a chain cannot be made inside a chain');
    this.#chain = { broken: undefined };
    try {
      return begin();
    } finally {
      this.#chain = undefined;
      if (this.#closed === undefined) this.native.endChain();
    }
  }

  /** Adds somebody who takes completions of rows; its source number. */
  addBatch(sink: BatchSink): number {
    this.#batches.push(sink);
    return this.#batches.length;
  }

  /** Runs a call that makes files at once. */
  call<T>(run: (native: NativeRing) => T, path?: string): T {
    try {
      return run(this.native);
    } catch (error) {
      throw fromNative(error, path);
    }
  }

  get counters(): RingCounters {
    const [, , enters = 0, callsIn = 0, callbacksOut = 0, inFlight = 0, openFiles = 0] = this.#completions;
    return { enters, callsIn, callbacksOut, inFlight, openFiles };
  }

  /** Ends everything in flight, then the ring; its files are closed with it. The same promise every time. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#ended = resolve;
      this.native.close();
    });
    return this.#closed;
  }

  /** The one callback: everything that has completed, then whoever took rows. */
  #wake(): void {
    const rows = this.#completions;
    const count = rows[0] ?? 0;
    const touched = new Set<BatchSink>();
    for (let at = HEAD; at < HEAD + count * COMPLETION; at += COMPLETION) {
      const [owner = 0, source = 0, result = 0] = [rows[at], rows[at + 1], rows[at + 2]];
      const batch = source === 0 ? undefined : this.#batches[source - 1];
      if (batch) {
        batch.take(owner, result);
        touched.add(batch);
      } else {
        this.#settle(owner, result);
      }
    }
    if (rows[1] === 1) this.#ended?.();
    for (const batch of touched) batch.flush();
  }

  #settle(owner: number, result: number): void {
    const pending = this.#pending[owner];
    if (pending === undefined) return;
    this.#pending[owner] = undefined;
    this.#free.push(owner);
    const { submission, resolve, reject, abort } = pending;
    const { signal, what, path } = submission;
    if (abort) signal?.removeEventListener('abort', abort);
    if (result >= 0) resolve(submission.finish(result, owner));
    else if (signal?.aborted && result === -125) reject(abortedError(signal));
    else reject(failure(result, what, path));
  }
}
