/**
 * `openRing`: raw operations through io_uring, or through threads where that is not to be had, with the same results.
 *
 * To remember: it lives on the event loop of the thread that opened it, one system call a turn and one callback a batch
 * of completions; it keeps the process alive only while something of it is in flight.
 */
import type { Socket } from 'node:net';
import { MillraceError } from '../../errors.ts';
import type { Arena } from './arena.ts';
import { Batch, type BatchOptions } from './batch.ts';
import { type FileStatus, readStatus } from './file-status.ts';
import { Op } from './native-ring.ts';
import { type OpenFlags, openFlags } from './open-flags.ts';
import { RingCore, type RingCounters } from './ring-core.ts';
import { type IoOptions, RingFile } from './ring-file.ts';
import { connectTo, listenOn, type RingListener, type RingSocket } from './ring-socket.ts';

/** How to open a ring. */
export interface RingOptions {
  /** Default `auto`: io_uring where the kernel lets us, threads otherwise. `ring` fails with MILLRACE_DRIVER and the reason. */
  readonly driver?: 'auto' | 'ring' | 'pool' | undefined;
  /** Operations handed to the device at a time, 1 to 4096; more wait their turn. Default 64. */
  readonly entries?: number | undefined;
  /** Threads at most, for `pool` and for what rings do not have, 1 to 64. Default 4. */
  readonly threads?: number | undefined;
  /**
   * `sqpoll`: a kernel thread takes submissions and burns a CPU while there are any; where it is refused, the ring is an
   * ordinary one and `driver.refused` says why. `iopoll` is always refused, with the reason. Default `interrupt`.
   */
  readonly mode?: 'interrupt' | 'sqpoll' | 'iopoll' | undefined;
  /** Files to be registered with the ring as they are opened, 0 to 32,768: the kernel looks them up faster. Default 0. */
  readonly registeredFiles?: number | undefined;
  /**
   * How long the loop goes on asking for completions before it sleeps, in microseconds, 0 to 10,000, while the device has
   * something of ours: spares the wake-up of a processor that sleeps, and takes that processor meanwhile. Others on the loop
   * get their turns. Rings only. Default 0.
   */
  readonly busyPollMicros?: number | undefined;
}

/** What a ring turned out to be, and why. */
export interface RingDriver {
  readonly driver: 'ring' | 'pool';
  readonly reason: string;
  /** Setup flags of the ring. */
  readonly flags: readonly string[];
  /** Operations this kernel's ring lacks: threads do them. */
  readonly missing: readonly string[];
  /** What was asked for and is not, with the reason. */
  readonly refused: readonly { readonly feature: string; readonly reason: string }[];
}

/** Options of `Ring.listen`. */
export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Connections the system holds until they are accepted. Default 512. */
  readonly backlog?: number | undefined;
}

/** Options of `Ring.connect`. */
export interface ConnectOptions extends IoOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** Options of `Ring.open`. */
export interface OpenOptions extends IoOptions {
  /** Default `r`. */
  readonly flags?: OpenFlags | undefined;
  /** Permissions of a file that is created. Default 0o600. */
  readonly mode?: number | undefined;
  /** Past the page cache (`O_DIRECT`): EINVAL where the file system has none. */
  readonly direct?: boolean | undefined;
}

const SQPOLL_IDLE_MS = 100;
/** Completions of such a ring appear only when they are asked for, and a loop that sleeps asks nobody. */
const noPolling = {
  feature: 'iopoll',
  reason: 'a loop that sleeps on its ring is not woken by completions that have to be polled for',
};
/** On threads, who asks again and again takes the processor from those who are asked. */
const noBusyPoll = { feature: 'busy poll', reason: 'threads need the processors that asking them would take' };
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_NOFOLLOW = 0x100;
const RENAME_NOREPLACE = 1;

const nothing = (): void => undefined;

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new MillraceError('MILLRACE_OPTION', `${name} is ${least} to ${most}, not ${value}`);
}

/** The descriptor of a plain socket; Node has no public name for it. */
function descriptorOf(socket: Socket): number {
  const { encrypted, _handle } = socket as Socket & { encrypted?: boolean; _handle?: { fd?: number } | null };
  const { fd } = _handle ?? {};
  if (encrypted || fd === undefined || fd < 0) {
    const reason = encrypted ? 'a TLS socket cannot be written to past its encryption' : 'the socket is not open';
    throw new MillraceError('MILLRACE_ARGUMENT', reason);
  }
  return fd;
}

export class Ring implements AsyncDisposable {
  readonly #core: RingCore;
  /** What it is, and why. */
  readonly driver: RingDriver;

  /** Made by `openRing`. */
  constructor(core: RingCore, notHere: RingDriver['refused'] = []) {
    this.#core = core;
    const { driver, reason, flags, missing, refused } = core.report;
    const pairs = refused.flatMap((feature, at) => {
      return at % 2 === 0 ? [{ feature, reason: refused[at + 1] ?? '' }] : [];
    });
    this.driver = { driver, reason, flags, missing, refused: [...pairs, ...notHere] };
  }

  /** For the other parts of `millrace/io`. */
  get core(): RingCore {
    return this.#core;
  }

  /** System calls, crossings and what is in flight, as of the last callback. */
  get counters(): RingCounters {
    return this.#core.counters;
  }

  /** Opens a file. */
  async open(path: string, { flags = 'r', mode = 0o600, direct = false, signal }: OpenOptions = {}): Promise<RingFile> {
    const bits = openFlags(flags, direct);
    const finish = (number: number) => new RingFile(this.#core, number, path);
    const paths = [path, ''] as const;
    return this.#core.start({
      op: Op.open,
      what: `open ${path}`,
      path,
      paths,
      flags: bits,
      length: mode,
      signal,
      finish,
    });
  }

  /**
   * Takes a duplicate of a descriptor of somebody else's, or of a plain socket of Node's; theirs stays theirs. A TLS socket
   * is refused: its descriptor carries what is encrypted, and bytes sent there would not be.
   */
  attach(from: number | Socket): RingFile {
    const descriptor = typeof from === 'number' ? from : descriptorOf(from);
    within('descriptor', descriptor, 0, 2 ** 31 - 1);
    return new RingFile(
      this.#core,
      this.#core.call((native) => native.attach(descriptor)),
    );
  }

  /**
   * Registers an arena's memory with the ring: reads and writes of its leases need not look up its pages. They count as
   * locked memory (`ulimit -l`) until the ring is closed. What is refused is used as it is.
   */
  registerArena(arena: Arena): { readonly available: boolean; readonly reason: string } {
    const reason = this.#core.call((native) => native.registerArena(arena.native));
    return { available: reason === '', reason: reason === '' ? 'registered' : reason };
  }

  /** Listens for TCP on a numeric address; port 0 takes a free one. */
  async listen({ host = '127.0.0.1', port = 0, backlog = 512 }: ListenOptions = {}): Promise<RingListener> {
    return listenOn(this.#core, host, port, backlog);
  }

  /** Connects by TCP to a numeric address. */
  async connect({ host = '127.0.0.1', port, signal }: ConnectOptions): Promise<RingSocket> {
    return connectTo(this.#core, host, port, signal);
  }

  /** A pipe, of so many bytes where the system allows it. */
  pipe({ bytes = 65_536 }: { readonly bytes?: number } = {}): {
    readonly readable: RingFile;
    readonly writable: RingFile;
  } {
    within('bytes', bytes, 0, 2 ** 31 - 1);
    const [readable = -1, writable = -1] = this.#core.call((native) => native.pipe(bytes));
    return { readable: new RingFile(this.#core, readable), writable: new RingFile(this.#core, writable) };
  }

  /** What the file system knows of a path. */
  async stat(
    path: string,
    { followLinks = true, signal }: IoOptions & { readonly followLinks?: boolean } = {},
  ): Promise<FileStatus> {
    const finish = (_result: number, owner: number) => readStatus(this.#core.native, owner);
    const flags = followLinks ? 0 : AT_SYMLINK_NOFOLLOW;
    return this.#core.start({ op: Op.status, what: `statx ${path}`, path, paths: [path, ''], flags, signal, finish });
  }

  /** Renames. `exclusive`: EEXIST when there is something under the new name. Durable after a sync of the directory. */
  async rename(
    from: string,
    to: string,
    { exclusive = false, signal }: IoOptions & { readonly exclusive?: boolean } = {},
  ): Promise<void> {
    const [what, flags] = [`rename ${from} to ${to}`, exclusive ? RENAME_NOREPLACE : 0];
    return this.#core.start({ op: Op.rename, what, path: from, paths: [from, to], flags, signal, finish: nothing });
  }

  /** Removes a name. */
  async unlink(path: string, { signal }: IoOptions = {}): Promise<void> {
    return this.#core.start({
      op: Op.unlink,
      what: `unlink ${path}`,
      path,
      paths: [path, ''],
      signal,
      finish: nothing,
    });
  }

  /** Removes an empty directory. */
  async rmdir(path: string, { signal }: IoOptions = {}): Promise<void> {
    const [flags, finish] = [AT_REMOVEDIR, nothing];
    return this.#core.start({ op: Op.unlink, what: `rmdir ${path}`, path, paths: [path, ''], flags, signal, finish });
  }

  /** Makes a directory. */
  async mkdir(path: string, { mode = 0o700, signal }: IoOptions & { readonly mode?: number } = {}): Promise<void> {
    const [length, finish] = [mode, nothing];
    return this.#core.start({ op: Op.mkdir, what: `mkdir ${path}`, path, paths: [path, ''], length, signal, finish });
  }

  /** Resolves after so many milliseconds, fractions too. Keeps the process alive meanwhile. */
  async timeout(ms: number, { signal }: IoOptions = {}): Promise<void> {
    const length = Math.round(ms * 1e6);
    return this.#core.start({ op: Op.timeout, what: 'timeout', length, signal, finish: nothing });
  }

  /** Does nothing, through everything an operation goes through. */
  async nop({ signal }: IoOptions = {}): Promise<void> {
    return this.#core.start({ op: Op.nop, what: 'nop', signal, finish: nothing });
  }

  /**
   * Runs `begin`, which starts up to 32 operations: each begins when the one before has succeeded in full, and a failure,
   * a short read or a short write ends the rest with MILLRACE_ABORTED. Resolves when all have succeeded.
   */
  async chain<const T extends readonly Promise<unknown>[]>(
    begin: () => T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
    return (await Promise.all(this.#core.chain(begin))) as { -readonly [K in keyof T]: Awaited<T[K]> };
  }

  /** Operations as rows of numbers, for speed. */
  batch(options: BatchOptions): Batch {
    return new Batch(this.#core, options);
  }

  /** Ends everything in flight (with MILLRACE_ABORTED where it can be), closes every file of the ring, then the ring. */
  close(): Promise<void> {
    return this.#core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens a ring. */
export async function openRing(options: RingOptions = {}): Promise<Ring> {
  const { driver = 'auto', entries = 64, threads = 4, mode = 'interrupt' } = options;
  const { registeredFiles = 0, busyPollMicros = 0 } = options;
  if (!['auto', 'ring', 'pool'].includes(driver)) {
    throw new MillraceError('MILLRACE_OPTION', `driver is auto, ring or pool, not ${driver}`);
  }
  if (!['interrupt', 'sqpoll', 'iopoll'].includes(mode)) {
    throw new MillraceError('MILLRACE_OPTION', `mode is interrupt, sqpoll or iopoll, not ${mode}`);
  }
  within('entries', entries, 1, 4096);
  within('threads', threads, 1, 64);
  within('registeredFiles', registeredFiles, 0, 32_768);
  const pollMs = mode === 'sqpoll' ? SQPOLL_IDLE_MS : 0;
  within('busyPollMicros', busyPollMicros, 0, 10_000);
  const core = new RingCore({ driver, entries, threads, pollMs, registeredFiles, busyPollUs: busyPollMicros });
  const isRefused = busyPollMicros > 0 && core.report.driver === 'pool';
  return new Ring(core, [...(mode === 'iopoll' ? [noPolling] : []), ...(isRefused ? [noBusyPoll] : [])]);
}
