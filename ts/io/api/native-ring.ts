/**
 * The boundary of `millrace/io`: what the addon exports for raw operations, in plain numbers and bytes.
 *
 * Layouts are the addon's (crates/addon/src/io_api/rows.rs): a row of `ROW` doubles an operation, a row of `COMPLETION`
 * doubles a completion behind a head of `HEAD`. All values are integers of at most 2^53.
 */

/** Doubles of an operation's row. */
export const ROW = 12;
/** Doubles of a completion's row, and of what lies before the first. */
export const COMPLETION = 4;
export const HEAD = 8;

/** Where an operation's row has what. */
export const At = {
  op: 0,
  owner: 1,
  file: 2,
  otherFile: 3,
  /** -1: the descriptor's own. */
  position: 4,
  otherPosition: 5,
  length: 6,
  flags: 7,
  arena: 8,
  lease: 9,
  start: 10,
  /** 1: the next operation begins when this one has succeeded in full. */
  linked: 11,
} as const;

/** Numbers of operations. */
export const Op = {
  nop: 0,
  read: 1,
  write: 2,
  readv: 3,
  writev: 4,
  /** flags 1: data only. */
  sync: 5,
  /** flags: the mode. */
  allocate: 6,
  truncate: 7,
  /** flags, and the mode as length. */
  open: 8,
  close: 10,
  status: 11,
  rename: 12,
  unlink: 13,
  mkdir: 14,
  splice: 15,
  tee: 16,
  sendfile: 17,
  copyRange: 18,
  /** flags: the events. */
  poll: 19,
  /** length: nanoseconds. */
  timeout: 20,
  accept: 21,
  connect: 22,
  receive: 23,
  send: 24,
  /** flags: how. */
  shutdown: 25,
} as const;

/** The kernel's flags of reads and writes (`RWF_`): the same on every architecture. */
export const RwFlag = { dsync: 2, nowait: 8, append: 16, atomic: 64, dontCache: 128 } as const;

/** Why an operation was refused; as a result it is -4096 minus the number. */
export const Refused = {
  fileStale: 1,
  leaseStale: 2,
  leaseBusy: 3,
  outOfRange: 4,
  full: 5,
  chainTooLong: 6,
  closing: 7,
  detached: 8,
} as const;

export interface NativeRingOptions {
  readonly driver: string;
  readonly pollMs: number;
  readonly entries: number;
  readonly threads: number;
  readonly registeredFiles: number;
  readonly busyPollUs: number;
}

export interface NativeRingReport {
  readonly driver: 'ring' | 'pool';
  readonly reason: string;
  readonly flags: string[];
  readonly missing: string[];
  /** Name and reason, one behind the other. */
  readonly refused: string[];
}

export interface NativeArena {
  /** A Uint8Array over all slots; asked for once. */
  memory(): Uint8Array;
  /** -1: all slots are leased. */
  lease(): number;
  /** 0, or the number of a refusal. */
  release(lease: number): number;
  readonly leased: number;
}

/** Calls that take an operation answer 0, or the number of a refusal: then nothing of it was done. */
export interface NativeRing {
  /** 0 count, 1 has ended, 2 enters, 3 calls in, 4 callbacks out, 5 in flight, 6 open files; rows from `HEAD`:
   * owner, source, result, spare. */
  readonly completions: Float64Array;
  report(): NativeRingReport;
  addArena(arena: NativeArena): number;
  /** Empty, or why not. */
  registerArena(arena: NativeArena): string;
  push(row: Float64Array): number;
  pushBytes(row: Float64Array, array: Uint8Array): number;
  pushParts(row: Float64Array, arrays: readonly Uint8Array[]): number;
  pushPaths(row: Float64Array, path: string, other: string): number;
  pushAddress(row: Float64Array, host: string, port: number): number;
  endChain(): void;
  /** What is refused completes as such. With `atOnce` the kernel has them when this returns. */
  pushRows(rows: Float64Array, count: number, source: number, atOnce: boolean): void;
  cancel(owner: number, source: number): void;
  takeStatus(owner: number, into: Float64Array): boolean;
  attach(descriptor: number): number;
  pipe(bytes: number): number[];
  socket(isV6: boolean): number;
  listen(host: string, port: number, backlog: number): number;
  addressOf(file: number, ofPeer: boolean): [host: string, port: number];
  close(): void;
}

export interface NativeMap {
  /** A Uint8Array over all of the file; asked for once. */
  memory(): Uint8Array;
  isWhole(): boolean;
  advise(position: number, length: number, advice: number): void;
  resident(position: number, length: number): number;
  close(): void;
}

/** The part of the addon that `millrace/io` uses. */
export interface NativeIo {
  NativeRing: new (options: NativeRingOptions, wake: () => void) => NativeRing;
  NativeArena: new (slotBytes: number, slots: number) => NativeArena;
  NativeMap: new (path: string) => NativeMap;
  /** Empty when completions of this file's device can be polled for; otherwise why not, in the kernel's words. */
  tryPolling(path: string): string;
}
