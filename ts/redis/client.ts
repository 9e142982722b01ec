/**
 * One connection as commands see it: who it is, what it has selected, queued, watched and subscribed to.
 *
 * Not the execution (executor.ts) and not the bytes (byte-transport.ts). To remember: its commands run in order, and while
 * one of them waits, the others wait behind it.
 */

import { RUN_COMMANDS } from '../io/native-types.ts';
import type { ByteTransport, ByteUser } from './byte-transport.ts';
import type { Call, Command } from './command.ts';
import type { Database } from './database.ts';
import { RespParser } from './protocol/parser.ts';
import { RespProtocolError } from './protocol/protocol-error.ts';
import type { Statistics } from './statistics.ts';
import type { TrackingState } from './tracking.ts';

/** A command of a transaction that has not been executed. */
export interface QueuedCommand {
  readonly command: Command;
  readonly args: readonly Buffer[];
}

/** A key as it was when it was watched. */
export interface WatchedKey {
  readonly db: Database;
  readonly key: Buffer;
  readonly wasThere: boolean;
}

export interface ClientOwner {
  /** Bytes have arrived. */
  ready(client: Client): void;
  /** The connection is gone. */
  closed(client: Client): void;
  readonly maxBulkBytes: number;
  /** Memory of unfinished commands has become so much more, or less; false: all connections together have too much. */
  holds(bytes: number): boolean;
  readonly statistics: Statistics;
}

/** Before a client has authenticated. */
const FIRST_LIMITS = { maxArguments: 10, maxBulkBytes: 16 * 1024, maxCommandBytes: 64 * 1024 };
const TOO_MUCH_HELD = 'ERR unfinished commands of all connections take more than client-query-buffer-limit';
const ARGUMENTS_MAX = 1024 * 1024;
/** Of one command, beside the longest argument. */
const COMMAND_BYTES_MAX: number = 64 * 1024 * 1024;

export class Client implements ByteUser {
  readonly id: number;
  readonly transport: ByteTransport;
  readonly createdMs: number;
  readonly parser: RespParser;
  readonly #owner: ClientOwner;
  db: Database;
  protocol: 2 | 3 = 2;
  isAuthenticated: boolean;
  name: Buffer = Buffer.alloc(0);
  libName = '';
  libVersion = '';
  /** ms since 1970 of its last bytes. */
  lastMs: number;
  lastCommand = 'NULL';
  /** Commands since MULTI; null outside. */
  queue: QueuedCommand[] | null = null;
  queueBytes = 0;
  isQueueBad = false;
  watched: WatchedKey[] = [];
  /** A watched key was changed. */
  isDirty = false;
  readonly channels: Set<string> = new Set();
  readonly patterns: Set<string> = new Set();
  tracking: TrackingState | null = null;
  isMonitor = false;
  replies: 'on' | 'off' | 'skip' | 'skip-next' = 'on';
  isNoEvict = false;
  /** Its commands do not count as uses of keys. */
  isNoTouch = false;
  /** Bytes of its replies that wait for a flush. */
  heldBytes = 0;
  /** In the list of clients that have something to do. */
  isReady = false;
  /** Its present command goes on with this, in the next turn. */
  step: ((call: Call) => void) | null = null;
  /** The present command, while it waits. */
  waiting: { readonly args: readonly Buffer[]; readonly cancel: () => void } | null = null;
  /** Parsed and not executed: behind a command that waits. */
  backlog: Buffer[][] = [];
  #problem: string | null = null;
  isPaused = false;
  isEnding = false;
  /** The peer sends nothing more: it is closed when what it has sent is answered. */
  hasPeerEnded = false;
  isGone = false;

  constructor(owner: ClientOwner, transport: ByteTransport, id: number, db: Database, isAuthenticated: boolean) {
    this.#owner = owner;
    this.transport = transport;
    this.id = id;
    this.db = db;
    this.createdMs = Date.now();
    this.lastMs = this.createdMs;
    this.isAuthenticated = isAuthenticated;
    this.parser = new RespParser(FIRST_LIMITS);
    this.setLimits();
  }

  /** What it may send, now that it has or has not authenticated. */
  setLimits(): void {
    const { maxBulkBytes } = this.#owner;
    const trusted = {
      maxArguments: ARGUMENTS_MAX,
      maxBulkBytes,
      maxCommandBytes: Math.max(COMMAND_BYTES_MAX, maxBulkBytes + 1024),
    };
    this.parser.isTrusted = this.isAuthenticated;
    this.parser.limits = this.isAuthenticated ? trusted : FIRST_LIMITS;
  }

  /** Only messages and a few commands pass, in RESP2. */
  get isSubscribed(): boolean {
    return this.channels.size + this.patterns.size > 0;
  }

  /** It has commands to run, or may have, or something to be told. */
  get hasWork(): boolean {
    return this.parser.mayHaveCommand || this.backlog.length > 0 || this.waiting !== null || this.#problem !== null;
  }

  /** Replies that the peer has not taken. */
  get unsent(): number {
    return this.heldBytes + this.transport.unsent;
  }

  received(bytes: Buffer, start: number, end: number): void {
    if (this.isEnding) return;
    this.lastMs = Date.now();
    this.#owner.statistics.inputBytes += end - start;
    const held = this.parser.heldBytes;
    this.parser.push(bytes, start, end);
    if (!this.#owner.holds(this.parser.heldBytes - held)) this.#problem ??= TOO_MUCH_HELD;
    this.#owner.ready(this);
  }

  progressed(): void {
    if (this.isPaused) this.#owner.ready(this);
  }

  peerEnded(): void {
    this.hasPeerEnded = true;
    this.#owner.ready(this);
  }

  /** Gives up what its present command waits for. */
  stopWaiting(): void {
    this.waiting?.cancel();
    this.waiting = null;
  }

  lost(): void {
    this.#end();
  }

  ran(command: number): void {
    this.lastMs = Date.now();
    this.lastCommand = RUN_COMMANDS[command] ?? this.lastCommand;
  }

  /**
   * Takes parsed commands, at most `limit`. What is wrong with the bytes behind them is in `takeProblem`.
   */
  take(limit: number): Buffer[][] {
    const commands = this.backlog;
    this.backlog = [];
    if (this.#problem !== null || this.isEnding) return commands;
    const held = this.parser.heldBytes;
    try {
      while (commands.length < limit) {
        const args = this.parser.next();
        if (args === null) break;
        commands.push(args);
      }
    } catch (error) {
      if (!(error instanceof RespProtocolError)) throw error;
      this.#problem = error.message;
    }
    this.#owner.holds(this.parser.heldBytes - held);
    return commands;
  }

  /** Why its bytes cannot be read any further, once. */
  takeProblem(): string | null {
    const problem = this.#problem;
    if (problem !== null) this.isEnding = true;
    this.#problem = null;
    return problem;
  }

  /** Keeps commands for later; the memory they came in is given back. */
  keep(commands: readonly Buffer[][], from: number): void {
    for (let index = from; index < commands.length; index += 1) {
      this.backlog.push((commands[index] as Buffer[]).map((arg) => Buffer.from(arg)));
    }
  }

  /** The turn is over: the memory that bytes came in is given back. */
  settle(): void {
    const held = this.parser.heldBytes;
    this.parser.settle();
    this.#owner.holds(this.parser.heldBytes - held);
    this.transport.releaseInput();
  }

  /** Takes no more bytes from the peer, or again. */
  pause(isPaused: boolean): void {
    if (isPaused === this.isPaused) return;
    this.isPaused = isPaused;
    if (isPaused) this.transport.pause();
    else this.transport.resume();
  }

  /** Closes when everything has been sent. */
  finish(): void {
    if (this.isGone) return;
    this.transport.finish();
    this.#end();
  }

  /** Closes at once. */
  close(): void {
    if (this.isGone) return;
    this.transport.close();
    this.#end();
  }

  #end(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.isEnding = true;
    this.#owner.holds(-this.parser.heldBytes);
    this.stopWaiting();
    this.backlog = [];
    this.queue = null;
    this.#owner.closed(this);
  }
}
