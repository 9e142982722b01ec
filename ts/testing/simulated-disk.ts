/**
 * A simulated machine for tests: a disk that loses power, fails, fills up or stands still when it is told to, with clocks
 * that jump. Deterministic by its seed.
 *
 * Not the engine: open a log, a store or a server on it with `disk.options`, as on any directory. To remember: what was
 * acknowledged as durable before a cut must be there after it, whatever the seed; what was not may be there or not.
 */

import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { MillraceError } from '../errors.ts';
import { engineOn, forgetEngineOn, type NativeSim, nativeSim } from '../io/sim.ts';
import { type Log, type LogOptions, openLog } from '../log/open-log.ts';
import { type MillraceServer, type ServeOptions, serve } from '../serve.ts';

/** Errors an operation can be made to fail with. */
export type DiskError = 'EIO' | 'ENOSPC' | 'EFBIG' | 'ENOMEM' | 'EMFILE' | 'EACCES';

/** Which operation fails. */
export interface OperationFault {
  /** Operations from now on until it: 1 (the default) is the very next. */
  readonly after?: number;
  /** Default `EIO`. */
  readonly error?: DiskError;
  /** Whether everything behind it fails as well. Default false. */
  readonly sticky?: boolean;
}

/** The options that open something on a simulated disk. */
export interface SimulatedOptions {
  readonly driver: 'sim';
  readonly sim: { readonly seed: number; readonly id: string };
}

/** The directory's name on a simulated machine; nothing of the real file system is touched. */
const DIRECTORY = 'simulated';

/** Journal files are written once when a directory is made: small ones, unless a test wants others. */
const SMALL = { journalFileBytes: '1mb', journalFiles: 3 } as const;

/** One simulated machine. Dispose of it to give its memory back. */
export class SimulatedDisk implements Disposable {
  /** Draws what kind of honest device it is: order of completions, short writes, how names become durable. */
  readonly seed: number;
  /** To open something on this disk: `openLog(disk.directory, { ...disk.options })`. */
  readonly options: SimulatedOptions;
  readonly directory: string = DIRECTORY;
  readonly #machine: NativeSim;
  #pace: NodeJS.Timeout | undefined;
  #paceEnd: NodeJS.Immediate | undefined;

  /** An empty disk. `seed` is a whole number, default 1. Throws MILLRACE_ARGUMENT. */
  constructor(seed = 1, id: string = randomUUID()) {
    wholeNumber('seed', seed);
    this.seed = seed;
    this.options = { driver: 'sim', sim: { seed, id } };
    this.#machine = nativeSim(id, seed);
  }

  /** Opens (or opens again) a log on this disk. Rejects as `openLog` does. */
  openLog(options: LogOptions = {}): Promise<Log> {
    return openLog(this.directory, { ...SMALL, ...options, ...this.options });
  }

  /** Serves this disk to Kafka clients, on a free port of 127.0.0.1 unless `options` say otherwise. */
  serve(options: Omit<ServeOptions, 'dir'> = {}): Promise<MillraceServer> {
    return serve({ ...SMALL, ...options, kafka: { port: 0, ...options.kafka }, dir: this.directory, ...this.options });
  }

  /**
   * Cuts the power: what is in flight happens in part, what was not flushed survives or not. Whoever waits on the open
   * engine is told that the outcome is unknown; open the disk again to see what is left.
   */
  cutPower(): void {
    const engine = engineOn(this.options.sim.id);
    if (engine) engine.cutPower();
    else this.#machine.cut();
  }

  /** Every flush fails from now on. One failed flush is final for the engine that is open. */
  failFlushes(fail = true): void {
    this.#machine.change({ failFlushes: fail });
  }

  /** Every read of the disk fails from now on with EIO. */
  failReads(fail = true): void {
    this.#machine.change({ failReads: fail });
  }

  /** Every write fails from now on with EIO. */
  failWrites(fail = true): void {
    this.#machine.change({ failWrites: fail });
  }

  /** Makes one operation fail, or everything from it on. Throws MILLRACE_ARGUMENT. */
  failOperation({ after = 1, error = 'EIO', sticky = false }: OperationFault = {}): void {
    wholeNumber('after', after);
    const errno = constants.errno[error];
    if (errno === undefined) throw new MillraceError('MILLRACE_ARGUMENT', `no error is called ${String(error)}`);
    this.#machine.change({ failAfter: Math.max(after, 1), errno, sticky });
  }

  /** Bytes all files together may have; what grows beyond fails with ENOSPC. Throws MILLRACE_ARGUMENT. */
  limitSpace(bytes: number): void {
    wholeNumber('bytes', bytes);
    this.#machine.change({ spaceBytes: bytes });
  }

  /** No more room than is used now. */
  fill(): void {
    this.limitSpace(this.usedBytes);
  }

  /** Nothing completes until `release`: what waits, waits. Opening the disk again ends it too. */
  hold(): void {
    this.#machine.hold(true);
  }

  /** Everything that was held goes on. */
  release(): void {
    clearInterval(this.#pace);
    clearImmediate(this.#paceEnd);
    this.#pace = undefined;
    this.#machine.hold(false);
  }

  /** A slow disk: operations complete only every `ms` milliseconds of real time. `release` ends it. */
  slow(ms: number): void {
    this.release();
    this.hold();
    this.#pace = setInterval(() => {
      this.#machine.hold(false);
      // What the loop finds due in this turn completes; what that leads to waits for the next time.
      this.#paceEnd = setImmediate(() => this.#machine.hold(true));
    }, ms);
    this.#pace.unref();
  }

  /** Ends all faults. An engine that has been told of a failed flush stays as it is: open the disk again. */
  heal(): void {
    this.release();
    this.#machine.change({ failFlushes: false, failReads: false, failWrites: false, spaceBytes: -1, failAfter: 0 });
  }

  /** The machine's wall clock, ms since 1970. */
  get wallMs(): number {
    return this.#machine.wallMs();
  }

  /** Lets time pass on both clocks: records and keys grow older. Whole ms. Throws MILLRACE_ARGUMENT. */
  advance(ms: number): void {
    wholeNumber('ms', ms);
    this.#machine.advanceMs(ms);
  }

  /** Moves the wall clock alone, forward or back, as an administrator would. */
  jumpClock(ms: number): void {
    this.#machine.shiftWallMs(ms);
  }

  /** Operations completed so far: what `failOperation` counts. */
  get operations(): number {
    return this.#machine.attempts();
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    return this.#machine.usedBytes();
  }

  /** Names of all files, sorted. */
  files(): string[] {
    return this.#machine.files();
  }

  /** What a process would read from a file; undefined when there is none of that name. */
  readFile(path: string): Buffer | undefined {
    return this.#machine.readFile(path) ?? undefined;
  }

  /** Flips a bit (0 to 7) of a byte on the medium. False when the file is not there or ends before it. */
  flipBit(path: string, position: number, bit = 0): boolean {
    return this.#machine.flipBit(path, position, bit);
  }

  /**
   * Another machine with the same files and caches, and a future of its own: one past, many power cuts. What is in flight
   * stays behind, so opening a fork finds what a process would find after `kill -9` of the one before.
   */
  fork(seed: number): SimulatedDisk {
    wholeNumber('seed', seed);
    const id = randomUUID();
    this.#machine.fork(id, seed);
    return new SimulatedDisk(seed, id);
  }

  /** Gives the memory back; an engine that still has it open keeps it until it is closed. */
  [Symbol.dispose](): void {
    this.release();
    this.#machine.forget();
    forgetEngineOn(this.options.sim.id);
  }
}

function wholeNumber(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new MillraceError('MILLRACE_ARGUMENT', `${name} must be a whole number, 0 or more, not ${String(value)}`);
}
