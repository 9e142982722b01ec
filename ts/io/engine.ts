/**
 * The engine of one data directory: collects the effects of a loop turn, commits them in one call, releases who waits.
 *
 * Not the meaning of any effect. To remember: one commit call a turn and one callback a drained batch, whoever they are
 * for; both are counted in the page and asserted by __test__/budgets.
 */

import { type FlushNumbers, flushNumbers, policyOf } from '../durability.ts';
import { MillraceError } from '../errors.ts';
import type { AppendFrame } from '../log/append-frame.ts';
import type {
  AbortedAnswer,
  Effect,
  EffectResult,
  Engine,
  FlushPolicy,
  KnownProducer,
  PartitionSettings,
  Pin,
  ReadRequest,
  Watermarks,
} from '../log/types.ts';
import { decideOptions, type EngineOptions } from '../options.ts';
import { Advance } from './advance.ts';
import { Crowd } from './crowd.ts';
import { decodeFigures, decodeSegments, type EngineFigures, type SegmentRange } from './figures.ts';
import { FlushReporter } from './flush-news.ts';
import { NativeKv } from './kv-port.ts';
import { loadNative } from './native.ts';
import { fromNative } from './native-error.ts';
import type {
  CodeNumber,
  DriverReport,
  LevelNumber,
  NativeBinding,
  NativeEngine,
  NativeNet,
  NativeNetOptions,
  NativeOptions,
  RecoveryAccount,
} from './native-types.ts';
import { Code, EffectKind, Level, Page } from './native-types.ts';
import { settingNumbers } from './partition-settings.ts';
import { appendFlags } from './plan.ts';
import { Reads } from './reads.ts';
import type { RecoveryDetails } from './recovery-details.ts';
import { openedOn } from './sim.ts';
import { type SpaceListener, SpaceNews } from './space-news.ts';
import { decodeTimings, type EngineTimings } from './timings.ts';
import { FrameTicket, type Participant, succeeded, type Ticket, Turn, type WaitingRoom } from './turn.ts';
import { type Waiter, Waiters } from './waiters.ts';

/** Counters of the page by name; all of them only grow. */
const counterNames = [
  'callsIn',
  'callbacksOut',
  'enters',
  'flushes',
  'writes',
  'bytesWritten',
  'bytesCopied',
  'commits',
  'frames',
  'reads',
  'bytesRead',
  'settles',
  'laps',
  'compactions',
  'compactionsAbandoned',
  'compactedBytes',
  'compactedBytesLeft',
  'readAheadWindows',
  'readAheadBytes',
  'readAheadAnswers',
  'readAheadUnreadBytes',
  'joins',
  'joinedRanges',
  'joinedBytes',
] as const satisfies readonly (keyof typeof Page)[];

/** Doubles a finished token takes in the page: token, code, bytes. */
const TOKEN_STRIDE = 3;

/** Frames that are worth a commit of their own while the turn goes on (docs/decisions/0007-commits-in-flight.md). */
const EARLY_FRAMES = 24;

/** Rethrows what a callback threw where it cannot break the others: as an uncaught exception of its own. */
function report(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** One engine. Made by `openEngine`. */
export class NodeEngine implements Engine, WaitingRoom {
  readonly driver: DriverReport;
  readonly recovery: RecoveryAccount;
  /** Reads of KV stores; their writes are effects like any other. */
  readonly kv: NativeKv;
  /** Values of stores of at least so many bytes go to files of their own; 0: none do. */
  readonly largeValueBytes: number;
  readonly #native: NativeEngine;
  readonly #page: Float64Array;
  readonly #reads: Reads;
  readonly #waiters = new Waiters(report);
  readonly #written = new Advance();
  readonly #durable = new Advance();
  /** Of ends of transactions only. */
  readonly #stable = new Advance();
  readonly #failureListeners = new Set<(code: CodeNumber) => void>();
  readonly #crowd = new Crowd();
  readonly #flushNews = new FlushReporter(() => this.timings());
  readonly #space = new SpaceNews((action) => this.#guard(action));
  #turn = new Turn();
  #spareTurn: Turn | undefined;
  #participants: Participant[] = [];
  #scheduled = false;
  #failure: CodeNumber = Code.ok;
  #policy: FlushNumbers;
  #closing: Promise<void> | undefined;
  #onClosed: (() => void) | undefined;

  constructor(binding: NativeBinding, options: NativeOptions) {
    // After a recovery the watermarks move while the native side is still being constructed: there is no page to look
    // at yet, and nobody waits.
    let isOpen = false;
    this.#native = new binding.NativeEngine(options, () => {
      if (isOpen) this.#wake();
    });
    isOpen = true;
    const { flushAlways, flushRecords, flushBytes, flushIntervalMs } = options;
    this.#policy = { always: flushAlways, records: flushRecords, bytes: flushBytes, intervalMs: flushIntervalMs };
    this.#page = this.#native.page;
    this.#reads = new Reads(this.#native);
    this.kv = new NativeKv(this.#native);
    this.largeValueBytes = options.largeValueBytes;
    this.driver = this.#native.driverReport();
    this.recovery = this.#native.recoveryAccount();
    if (options.driver === 'sim') openedOn(options.simId, this);
  }

  /** The account of the opening with every partition and store that was touched. */
  recoveryDetails(): RecoveryDetails {
    return JSON.parse(this.#native.recoveryText()) as RecoveryDetails;
  }

  submit(
    effects: readonly Effect[],
    level: LevelNumber,
    done: (results: readonly EffectResult[], failure: CodeNumber) => void,
    placed?: (results: readonly EffectResult[]) => void,
  ): void {
    const turn = this.#turn;
    const frame = turn.nextFrame;
    for (const effect of effects) turn.plan.effect(frame, level, effect);
    turn.tickets.push(new FrameTicket(effects, level, this, done, placed));
    this.#schedule();
  }

  /** Adds one append as a frame of its own; its ticket has one row. Only from `Participant.seal`, or before it. */
  submitBatch(ticket: Ticket, partition: number, level: LevelNumber, bytes: Uint8Array, end: number): void {
    const turn = this.#turn;
    turn.plan.append(turn.nextFrame, partition, level, bytes, 0, end, 0, 0);
    turn.tickets.push(ticket);
    this.#schedule();
  }

  /** See `Engine.beginEarly`. */
  beginEarly(): void {
    if (this.#turn.tickets.length >= EARLY_FRAMES && this.#isIdle) this.commitAndStart();
  }

  /** Adds one append as a frame of its own. */
  submitFrame(frame: AppendFrame): void {
    const turn = this.#turn;
    const { partition, level, bytes, start, end, rules } = frame;
    const flags = appendFlags(rules.stampAppendTime, rules.refuseKeyless);
    turn.plan.append(turn.nextFrame, partition, level, bytes, start, end, flags, rules.maxMessageBytes);
    frame.room = this;
    turn.tickets.push(frame);
    this.#schedule();
  }

  /** `participant.seal` will run right before this turn's commit. Ask once a turn. */
  joinTurn(participant: Participant): void {
    this.#participants.push(participant);
    this.#schedule();
  }

  /** See `Engine.followPlaced`. */
  followPlaced(partition: number, level: LevelNumber, lsn: number, waiter: Waiter | null): void {
    this.#written.placed(lsn, partition);
    this.#durable.placed(lsn, partition);
    this.#space.taken();
    if (waiter !== null) this.wait(level, waiter);
  }

  /** `waiter` is released when its LSN has reached `level`. */
  wait(level: LevelNumber, waiter: Waiter): void {
    if (this.#failure !== Code.ok) this.#tell(waiter, this.#failure);
    else if (level === Level.durable) this.#waiters.addDurable(waiter);
    else this.#waiters.addWritten(waiter);
  }

  #tell(waiter: Waiter, failure: CodeNumber): void {
    process.nextTick(() => this.#guard(() => waiter.release(failure)));
  }

  /**
   * When this turn's commit happens: after everything that runs because of one of our callbacks when we are in one (its
   * microtasks come first), in the turn's check phase otherwise, when all sockets of the turn have been read.
   */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#page[Page.inCallback] === 1) process.nextTick(commitTurn, this);
    else setImmediate(commitTurn, this);
  }

  /** Commits what the turn has collected. Called by the schedule, and by whoever cannot wait for it. */
  commitNow(): void {
    this.#scheduled = false;
    this.#crowd.committed();
    const participants = this.#participants;
    if (participants.length > 0) {
      this.#participants = [];
      for (const participant of participants) participant.seal();
      this.#scheduled = false;
    }
    const turn = this.#turn;
    if (turn.plan.count === 0) return;
    // A callback below may commit again: this turn is only reused when it is done with.
    this.#turn = this.#spareTurn ?? new Turn();
    this.#spareTurn = undefined;
    const refusal = this.#refusal() || this.#native.commit(turn.plan.rows, turn.plan.count, turn.plan.buffers);
    if (refusal !== Code.ok) turn.plan.refuseAll(refusal as CodeNumber);
    else this.#followAppends(turn);
    this.#space.committed(turn.plan);
    turn.place(report);
    this.#spareTurn = turn;
    this.#release();
  }

  /** `count` appends that were collected by a participant are being answered: their writers may append again at once. */
  answering(count: number): void {
    this.#crowd.answered(count, this.#isIdle);
  }

  /** Nothing is on its way to the device. */
  get #isIdle(): boolean {
    return (this.#page[Page.appendedLsn] as number) <= (this.#page[Page.durableLsn] as number);
  }

  /** A participant has collected one append more. Half a crowd is committed and started while the rest is answered. */
  collected(): void {
    if (this.#crowd.collected()) this.commitAndStart();
  }

  /** Commits what the turn has collected, and makes the device begin with it now and not when the turn is over. */
  commitAndStart(): void {
    this.commitNow();
    this.#native.start();
  }

  #refusal(): CodeNumber {
    if (this.#failure !== Code.ok) return this.#failure;
    return this.#closing && this.#native.closed ? Code.closing : Code.ok;
  }

  #followAppends({ plan }: Turn): void {
    for (let row = 0; row < plan.count; row += 1) {
      const kind = plan.kindOf(row);
      if (kind !== EffectKind.append && kind !== EffectKind.endTransaction) continue;
      if (!succeeded(plan.codeOf(row))) continue;
      this.#written.placed(plan.lsnOf(row), plan.partitionOf(row));
      this.#durable.placed(plan.lsnOf(row), plan.partitionOf(row));
      if (kind === EffectKind.endTransaction) this.#stable.placed(plan.lsnOf(row), plan.partitionOf(row));
    }
  }

  #release(): void {
    this.#waiters.release(this.#page[Page.writtenLsn] as number, this.#page[Page.durableLsn] as number);
  }

  /** The one callback of the addon. */
  #wake(): void {
    const page = this.#page;
    const tokens = page[Page.tokens] as number;
    for (let index = 0; index < tokens; index += 1) {
      const at = Page.tokensFrom + index * TOKEN_STRIDE;
      this.#guard(() => this.#finish(page[at] as number, page[at + 1] as CodeNumber, page[at + 2] as number));
    }
    this.#guard(() => this.kv.reads.deliver());
    this.#release();
    this.#written.reached(page[Page.writtenLsn] as number, report);
    this.#durable.reached(page[Page.durableLsn] as number, report);
    this.#guard(() => this.#flushNews.moved(page[Page.durableLsn] as number));
    this.#stable.reached(page[Page.durableLsn] as number, report);
    const failure = page[Page.failure] as CodeNumber;
    if (failure !== Code.ok && this.#failure === Code.ok) this.#fail(failure);
    if (this.#onClosed && this.#native.closed) this.#onClosed();
  }

  #finish(token: number, code: CodeNumber, bytes: number): void {
    if (!this.kv.reads.finish(token, code, bytes)) this.#reads.finish(token, code, bytes);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      report(error);
    }
  }

  /** The journal is poisoned: whoever waits learns that the outcome is unknown, once. */
  #fail(failure: CodeNumber): void {
    this.#failure = failure;
    this.#waiters.fail(failure);
    for (const listener of this.#failureListeners) this.#guard(() => listener(failure));
  }

  readable(requests: readonly ReadRequest[]): Watermarks[] {
    return this.#reads.readable(requests);
  }

  read(
    requests: readonly ReadRequest[],
    destination: Uint8Array,
    positions: readonly number[],
    lengths: readonly number[],
    done: (copied: readonly number[], codes: readonly CodeNumber[]) => void,
  ): void {
    this.#reads.read(requests, destination, positions, lengths, done);
  }

  pin(requests: readonly ReadRequest[], done: (pins: readonly Pin[]) => void): void {
    this.#reads.pin(requests, done);
  }

  copyLease(lease: number, destination: Uint8Array, position: number): number {
    return this.#native.copyLease(lease, destination, position);
  }

  releaseLease(lease: number): void {
    this.#native.releaseLease(lease);
  }

  /** Opens sockets in a ring that can send leases of this engine. Throws with the reason when there are none here. */
  openSockets(options: NativeNetOptions, wake: () => void): NativeNet {
    return new (loadNative().NativeNet)(this.#native, options, wake);
  }

  offsetForTime(
    partition: number,
    timestamp: number,
    isolation: number,
    done: (code: CodeNumber, offset: number, timestamp: number, leaderEpoch: number) => void,
  ): void {
    this.#reads.offsetForTime(partition, timestamp, isolation, done);
  }

  get hasNoAborted(): boolean {
    return this.#page[Page.aborted] === 0;
  }

  abortedBetween(partition: number, from: number, to: number, lease: number): AbortedAnswer {
    return this.#reads.abortedBetween(partition, from, to, lease);
  }

  offsetForEpoch(partition: number, epoch: number): { code: CodeNumber; endOffset: number; epoch: number } {
    return this.#reads.offsetForEpoch(partition, epoch);
  }

  scanState(prefix: Uint8Array): [key: Uint8Array, value: Uint8Array][] {
    const flat = this.#native.scanState(prefix);
    const pairs: [Uint8Array, Uint8Array][] = [];
    for (let index = 0; index + 1 < flat.length; index += 2) {
      pairs.push([flat[index] as Uint8Array, flat[index + 1] as Uint8Array]);
    }
    return pairs;
  }

  onAdvance(listener: (partitions: Iterable<number>) => void): () => void {
    return this.#written.listen(listener);
  }

  /** As `onAdvance`, for the durable watermark. */
  onDurable(listener: (partitions: Iterable<number>) => void): () => void {
    return this.#durable.listen(listener);
  }

  onStable(listener: (partitions: Iterable<number>) => void): () => void {
    return this.#stable.listen(listener);
  }

  onFailure(listener: (code: CodeNumber) => void): () => void {
    this.#failureListeners.add(listener);
    return () => this.#failureListeners.delete(listener);
  }

  /** When the journal is flushed, as it was set last. */
  get flushPolicy(): FlushPolicy {
    return policyOf(this.#policy);
  }

  /** Whether writes are refused because the disk is full. */
  get isOutOfSpace(): boolean {
    return this.#space.isFull;
  }

  /** Runs `listener` when writes are refused because the disk is full (true), and when they are taken again (false). */
  onSpace(listener: SpaceListener): () => void {
    return this.#space.onChange(listener);
  }

  setFlushPolicy(policy: FlushPolicy): void {
    const { always, records, bytes, intervalMs } = flushNumbers(policy);
    this.#native.setPolicy(always, records, bytes, intervalMs);
    this.#policy = { always, records, bytes, intervalMs };
  }

  setIndexInterval(bytes: number): void {
    this.#native.setIndexInterval(bytes);
  }

  configurePartitions(partitions: readonly number[], settings: PartitionSettings): void {
    this.#native.configure(Float64Array.from(partitions), settingNumbers(settings));
  }

  partitionBytes(partitions: readonly number[]): number[] {
    return this.#native.partitionBytes(Float64Array.from(partitions));
  }

  producers(partition: number): { code: CodeNumber; producers: KnownProducer[] } {
    return this.#reads.producers(partition);
  }

  expireProducers(nowMs: number, idleMs: number): number {
    return this.#native.expireProducers(nowMs, idleMs);
  }

  retain(nowMs: number): void {
    this.#native.retain(nowMs);
  }

  compact(nowMs: number, keyBytes: number): void {
    this.#native.compact(nowMs, keyBytes);
  }

  /** Resolves when everything submitted so far is durable. Rejects with MILLRACE_POISONED or MILLRACE_CLOSED. */
  async flush(): Promise<void> {
    this.commitNow();
    this.#assertUsable();
    await this.whenDurable(this.#native.flush());
  }

  /** Has everything settled, for a copy of the directory; false when that cannot be now. Ends with `endBackup`. */
  beginBackup(): boolean {
    this.commitNow();
    return this.#native.backupBegin();
  }

  /** Undefined until everything is settled; then the list of files as text, and the manifest of the copy. */
  backupPlan(): [list: Uint8Array, manifest: Uint8Array] | undefined {
    this.#assertUsable();
    const [list, manifest] = this.#native.backupPlan();
    return list && manifest ? [list, manifest] : undefined;
  }

  /** Files that were kept for a copy may go. */
  endBackup(): void {
    if (!this.#native.closed) this.#native.backupEnd();
  }

  /** Nothing more happens here: closed, or its simulated power was cut. */
  get isClosed(): boolean {
    return this.#native.closed;
  }

  /** LSN of the newest frame. */
  get appendedLsn(): number {
    return this.#page[Page.appendedLsn] as number;
  }

  /** Everything up to here survives a power cut. */
  get durableLsn(): number {
    return this.#page[Page.durableLsn] as number;
  }

  /** The engine's wall clock, by which keys expire: ms since 1970. A simulated engine has a clock of its own. */
  get wallMs(): number {
    return this.driver.driver === 'sim' ? (this.#page[Page.wallMs] as number) : Date.now();
  }

  /** Resolves when the durable LSN has reached `lsn`; a flush must be on its way. */
  whenDurable(lsn: number): Promise<void> {
    if ((this.#page[Page.durableLsn] as number) >= lsn) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.wait(Level.durable, {
        lsn,
        release: (failure) => (failure === Code.ok ? resolve() : reject(unknown(failure))),
      });
    });
  }

  /** Makes everything up to `lsn` durable whatever the policy says, and resolves then. */
  makeDurable(lsn: number): Promise<void> {
    if (this.#failure !== Code.ok) return Promise.reject(unknown(this.#failure));
    if ((this.#page[Page.durableLsn] as number) >= lsn) return Promise.resolve();
    return this.flush();
  }

  #assertUsable(): void {
    if (this.#failure !== Code.ok) throw new MillraceError('MILLRACE_POISONED', 'a flush failed earlier');
    if (this.#closing) throw new MillraceError('MILLRACE_CLOSED');
  }

  counters(): Record<string, number> {
    const counters: Record<string, number> = {};
    for (const name of counterNames) counters[name] = this.#page[Page[name]] as number;
    counters.unsettledBytes = this.#page[Page.unsettledBytes] as number;
    counters.readAheadHeld = this.#page[Page.readAheadHeld] as number;
    return counters;
  }

  /** Histograms of flushes and group commits since the opening. */
  timings(): EngineTimings {
    return decodeTimings(this.#native.timings());
  }

  /** Figures that the page does not carry: one call. */
  figures(): EngineFigures {
    return decodeFigures(this.#native.figures());
  }

  /** The segments that a partition lies in, in offset order; nothing that is not settled. */
  segments(partition: number): { code: CodeNumber; segments: SegmentRange[] } {
    return decodeSegments(this.#native.segments(partition));
  }

  /** Makes every further operation of a simulated disk fail. */
  failDisk(): void {
    this.#native.simFail();
  }

  /** Cuts the power of a simulated disk: nothing more happens, reopening the same id finds what survived. */
  cutPower(): void {
    this.#native.simCut();
    if (this.#failure === Code.ok) this.#fail(Code.closing);
    this.#reads.fail(Code.closing);
    this.kv.reads.fail(Code.closing);
    this.#closing ??= Promise.resolve();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.commitNow();
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      this.#native.close();
      if (this.#native.closed) resolve();
    });
    this.#onClosed = undefined;
    if (this.#failure === Code.ok) this.#fail(Code.closing);
    this.#reads.fail(Code.closing);
    this.kv.reads.fail(Code.closing);
  }
}

function commitTurn(engine: NodeEngine): void {
  engine.commitNow();
}

function unknown(failure: CodeNumber): MillraceError {
  const reason = failure === Code.closing ? 'closed before the flush' : 'the flush failed';
  return new MillraceError('MILLRACE_OUTCOME_UNKNOWN', reason);
}

/**
 * Opens the engine of a data directory, creating it when it is not there. Blocks for the recovery. Throws
 * MILLRACE_LOCKED, MILLRACE_DRIVER, MILLRACE_FORMAT, MILLRACE_IO, MILLRACE_OPTION, MILLRACE_NATIVE_MISSING.
 */
export function openEngine(dir: string, options: EngineOptions = {}): NodeEngine {
  const { native } = decideOptions(dir, options);
  const binding = loadNative();
  try {
    return new NodeEngine(binding, native);
  } catch (error) {
    throw fromNative(error, dir);
  }
}
