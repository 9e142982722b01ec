/**
 * Runs the commands of a turn of the event loop: all that have arrived, in one go, over memory; one frame for all they
 * write; replies when that frame has reached its level.
 *
 * Not what commands do. The invariants to remember: commands of a connection run in order; a command is whole or undone;
 * no reply leaves before everything it may tell of is as safe as `appendfsync` says; turns are answered in order.
 */

import { Code, type CodeNumber, Level, type LevelNumber } from '../io/native-types.ts';
import type { FrameDone } from '../kv/frames.ts';
import { firstRefusal } from '../kv/refusal.ts';
import type { Effect } from '../log/types.ts';
import type { Client } from './client.ts';
import { Cold } from './cold.ts';
import type { Call } from './command.ts';
import type { Database } from './database.ts';
import { type DirectRun, mayBeArmed } from './direct-run.ts';
import { ReplyWriter } from './protocol/reply-writer.ts';
import { TurnOutput } from './turn-output.ts';
import type { TurnWrites } from './turn-writes.ts';
import { Unfinished } from './unfinished.ts';
import type { WriteRefusal } from './write-refusal.ts';

/** What the executor needs of its server. */
export interface ExecutorHost {
  readonly databases: readonly Database[];
  readonly writes: TurnWrites;
  /** Runs one command of a client; throws `Cold` or `Unfinished` when it is not done, and nothing else. */
  run(client: Client, args: readonly Buffer[]): void;
  /** Goes on with a command that has waited. As `run`. */
  resume(client: Client, args: readonly Buffer[], step: (call: Call) => void): void;
  /** The command and keys of `args`, to read ahead; undefined when that is no use. */
  readonly keysAhead: (client: Client, args: readonly Buffer[]) => readonly Buffer[] | undefined;
  /** Whether a client waits for others to fill a key. */
  isBlocked(client: Client): boolean;
  /** What is stored is below its limit, as far as is known. */
  readonly hasRoom: boolean;
  /** Makes room for the next command; `submit` hands what the turn has written to the engine. */
  makeRoom(submit: () => void): void;
  /** A command is done: whoever waits for what it wrote goes on. */
  afterCommand(): void;
  beginTurn(): void;
  endTurn(): void;
  /** Hands a frame to the engine. */
  submit(effects: readonly Effect[], level: LevelNumber, done: FrameDone): void;
  readonly refusal: WriteRefusal;
  /** Whether the client's latest command has one reply, in whose place an error is understood. */
  isPlain(client: Client): boolean;
  /** So many bytes of replies were given to transports. */
  sent(bytes: number): void;
  /** The short way of simple commands; null while something has to be told of every command. */
  readonly direct: DirectRun | null;
  /** `done` runs when `lsn` has reached `level`, with 0 or why that is unknown. */
  whenReached(lsn: number, level: LevelNumber, done: (failure: CodeNumber) => void): void;
  /** Runs `turn` before this turn of the event loop ends, or in its check phase. */
  schedule(turn: () => void): void;
  readonly isAlways: boolean;
  /** No database has values on their way from the disk, or tells of its changes. */
  readonly isCalm: boolean;
}

/** Commands of one client in one turn. */
const COMMANDS_MAX = 1024;
/** A frame is handed over when it has so many bytes or effects. */
const FRAME_BYTES = 512 * 1024;
const FRAME_EFFECTS = 4096;
/** No new turn begins while so many bytes are on their way. */
const UNDONE_BYTES_MAX = 8 * 1024 * 1024;
/** A client with so many unread bytes of replies has to read before it is served again. */
const UNSENT_MAX = 1024 * 1024;

export class Executor {
  readonly reply: ReplyWriter;
  readonly #host: ExecutorHost;
  #output = new TurnOutput();
  #ready: Client[] = [];
  #isScheduled = false;
  #isRunning = false;
  /** Turns whose replies wait, in order. */
  readonly #held: TurnOutput[] = [];
  #undoneBytes = 0;
  /** Clients that have waited and went on within this turn. */
  #resumed: Client[] = [];
  /** To be run within the next turn, by nobody's command. */
  #chores: (() => void)[] = [];

  constructor(host: ExecutorHost) {
    this.#host = host;
    const sink = {
      executor: this as Executor,
      get count(): number {
        return this.executor.#output.count;
      },
      piece(bytes: Buffer, start: number, end: number): void {
        this.executor.#output.piece(bytes, start, end);
      },
      truncate(count: number): void {
        this.executor.#output.truncate(count);
      },
    };
    this.reply = new ReplyWriter(sink);
  }

  /** The client has something to do. */
  ready(client: Client): void {
    if (client.isReady || client.isGone) return;
    client.isReady = true;
    this.#ready.push(client);
    this.#schedule();
  }

  /** `chore` runs within the next turn; what it writes is part of its frame. */
  chore(chore: () => void): void {
    this.#chores.push(chore);
    this.#schedule();
  }

  /** Turns whose replies wait for the disk. */
  get heldTurns(): number {
    return this.#held.length;
  }

  /** From now on what is written is for `client`. */
  address(client: Client | null): void {
    if (this.#output.owner === client) return;
    this.reply.seal();
    this.#output.owner = client;
    if (client !== null) this.reply.protocol = client.protocol;
  }

  /** Bytes for a client whose turn it is not. */
  push(client: Client, bytes: Buffer): void {
    this.reply.seal();
    const { owner } = this.#output;
    this.#output.owner = client;
    this.#output.piece(bytes, 0, bytes.length);
    this.#output.owner = owner;
    if (!this.#isRunning) this.#schedule();
  }

  /** Closes a client behind the replies of this turn. */
  end(client: Client): void {
    client.isEnding = true;
    this.#output.ending.push(client);
    if (!this.#isRunning) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isRunning || this.#undoneBytes > UNDONE_BYTES_MAX) return;
    this.#isScheduled = true;
    this.#host.schedule(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#isRunning = true;
    const clients = this.#ready;
    this.#ready = [];
    for (const client of clients) client.isReady = false;
    this.#host.beginTurn();
    this.#runDirect(clients);
    for (const db of this.#host.databases) db.begin();
    const chores = this.#chores;
    this.#chores = [];
    for (const chore of chores) this.#chore(chore);
    const left = clients.filter((client) => client.hasWork);
    const taken = left.map((client) => this.#take(client));
    this.#readAhead(left, taken);
    left.forEach((client, index) => {
      this.#serve(client, taken[index] as Buffer[][]);
    });
    this.#finish(clients);
  }

  /** What is simple of what has been sent. */
  #runDirect(clients: readonly Client[]): void {
    const { direct } = this.#host;
    if (direct === null || clients.length === 0) return;
    this.reply.seal();
    const level = this.#level;
    const { lsn, bytes } = direct.run(clients, level, this.#output);
    this.#output.keep();
    if (lsn === 0) return;
    const output = this.#output;
    output.undone += 1;
    this.#undoneBytes += bytes;
    this.#host.whenReached(lsn, level, (failure) => this.#reached(output, bytes, failure));
  }

  /**
   * Runs what armed connections have sent, where it arrived. Nothing of it is looked at here, so what each of them may do was
   * decided when it was armed, and what concerns all of them is asked now.
   */
  runKept(): void {
    const { direct } = this.#host;
    if (direct === null || !this.#host.isCalm || this.#isRunning || this.#undoneBytes > UNDONE_BYTES_MAX) return;
    const output = new TurnOutput();
    this.#host.beginTurn();
    const level = this.#level;
    const result = direct.runKept(level, output);
    this.#host.endTurn();
    if (result === undefined || output.kept === null) return;
    const { lsn, bytes } = result;
    this.#held.push(output);
    if (lsn > 0) {
      output.undone = 1;
      this.#undoneBytes += bytes;
      this.#host.whenReached(lsn, level, (failure) => this.#reached(output, bytes, failure));
    } else this.#release();
  }

  get #level(): LevelNumber {
    return this.#host.isAlways ? Level.durable : Level.written;
  }

  /** A frame of the turn with this output has reached its level, or never will. */
  #reached(output: TurnOutput, bytes: number, failure: CodeNumber): void {
    this.#undoneBytes -= bytes;
    output.undone -= 1;
    if (failure !== Code.ok) output.isUnknown = true;
    this.#release();
    if (this.#ready.length > 0 || this.#chores.length > 0) this.#schedule();
  }

  #chore(chore: () => void): void {
    const writes = this.#host.writes.mark();
    try {
      chore();
    } catch (reason) {
      this.#host.writes.rollback(writes);
      if (!(reason instanceof Cold)) throw reason;
      reason.reads.whenArrived(() => this.chore(chore));
    }
  }

  #take(client: Client): Buffer[][] {
    if (client.isGone || (client.waiting !== null && client.step === null)) return [];
    if (client.unsent > UNSENT_MAX) return [];
    return client.take(COMMANDS_MAX);
  }

  /** Reads what the commands of the turn will look at, in one crossing for each database. */
  #readAhead(clients: readonly Client[], taken: readonly Buffer[][][]): void {
    const byDatabase = new Map<Database, Buffer[]>();
    clients.forEach((client, index) => {
      for (const args of taken[index] as Buffer[][]) {
        const keys = this.#host.keysAhead(client, args);
        if (keys === undefined || keys.length === 0) continue;
        const list = byDatabase.get(client.db);
        if (list) list.push(...keys);
        else byDatabase.set(client.db, [...keys]);
      }
    });
    for (const [db, keys] of byDatabase) {
      db.strings.prefetch(keys);
      if (db.mayHaveHeads) db.heads.prefetch(keys);
    }
  }

  #serve(client: Client, commands: readonly Buffer[][]): void {
    if (client.isGone) return;
    this.address(client);
    if (client.waiting !== null) {
      if (client.step === null) {
        client.keep(commands, 0);
        return;
      }
      // One reply, unless it waits on: an error in its place is understood.
      const place = this.#join(client, 0);
      if (!this.#resume(client, client.step)) {
        client.keep(commands, 0);
        return;
      }
      this.#output.expected[place] = this.#host.isPlain(client) ? 1 : -1;
    }
    const { expected } = this.#output;
    const place = commands.length > 0 ? this.#join(client, 0) : -1;
    for (let index = 0; index < commands.length; index += 1) {
      if (client.isGone) return;
      if (client.isEnding) break;
      const args = commands[index] as Buffer[];
      // A frame names only so many bytes of large values: what has many begins one of its own.
      if (this.#host.writes.effects.length > 0 && hasLarge(args)) this.#submit();
      if (!this.#attempt(client, args, null)) {
        client.keep(commands, index + 1);
        return;
      }
      const before = expected[place] as number;
      expected[place] = before < 0 || !this.#host.isPlain(client) ? -1 : before + 1;
      if (this.#host.writes.bytes > FRAME_BYTES || this.#host.writes.effects.length > FRAME_EFFECTS) this.#submit();
    }
    const problem = client.takeProblem();
    if (problem === null) return;
    this.address(client);
    this.reply.error(problem);
    this.end(client);
  }

  /** The client has run commands in this turn; answers its place. */
  #join(client: Client, expected: number): number {
    this.#output.expected.push(expected);
    return this.#output.writers.push(client) - 1;
  }

  #resume(client: Client, step: (call: Call) => void): boolean {
    const args = client.waiting?.args ?? [];
    client.step = null;
    client.waiting = null;
    return this.#attempt(client, args, step);
  }

  /** Runs one command; false when it waits. */
  #attempt(client: Client, args: readonly Buffer[], step: ((call: Call) => void) | null): boolean {
    if (!this.#host.hasRoom) this.#makeRoom(client);
    const mark = this.reply.mark();
    const writes = this.#host.writes.mark();
    try {
      if (step === null) this.#host.run(client, args);
      else this.#host.resume(client, args, step);
    } catch (reason) {
      this.reply.truncate(mark);
      this.#host.writes.rollback(writes);
      if (reason instanceof Cold) this.#waitForReads(client, args, reason, step);
      else if (reason instanceof Unfinished) this.#wait(client, args, reason);
      else throw reason;
      return false;
    }
    this.#host.afterCommand();
    this.address(client);
    return true;
  }

  /**
   * Goes on, within the turn that runs, with the command that a client waits in; false when `step` says that it has to
   * wait any longer. May throw `Cold`, and nothing has been done then.
   */
  goOn(client: Client, step: (call: Call) => boolean): boolean {
    const { waiting } = client;
    if (waiting === null || client.isGone) return false;
    const { owner } = this.#output;
    this.address(client);
    const mark = this.reply.mark();
    const writes = this.#host.writes.mark();
    try {
      this.#host.resume(client, waiting.args, (call) => {
        if (!step(call)) throw NOT_YET;
      });
    } catch (reason) {
      this.reply.truncate(mark);
      this.#host.writes.rollback(writes);
      if (reason !== NOT_YET) throw reason;
      return false;
    } finally {
      this.address(owner);
    }
    client.waiting = null;
    this.#join(client, this.#host.isPlain(client) ? 1 : -1);
    this.#resumed.push(client);
    return true;
  }

  #makeRoom(client: Client): void {
    this.#host.makeRoom(() => this.#submit());
    this.address(client);
  }

  #waitForReads(client: Client, args: readonly Buffer[], { reads }: Cold, step: ((call: Call) => void) | null): void {
    const again = step ?? null;
    const unfinished = new Unfinished((resume) => {
      reads.whenArrived(() => resume(again ?? RUN_AGAIN));
      return () => {};
    });
    this.#wait(client, args, unfinished);
  }

  #wait(client: Client, args: readonly Buffer[], { begin }: Unfinished): void {
    let isOver = false;
    const waiting = { args: args.map((arg) => Buffer.from(arg)), cancel: () => {} };
    client.waiting = waiting;
    waiting.cancel = begin((step) => {
      if (isOver || client.isGone) return;
      isOver = true;
      client.step = step;
      // The turn that runs is not the one that goes on with it.
      if (this.#isRunning) setImmediate(() => this.ready(client));
      else this.ready(client);
    });
  }

  /** Hands what was written so far to the engine as one frame. */
  #submit(): void {
    const { writes } = this.#host;
    if (writes.effects.length === 0) return;
    const output = this.#output;
    const { bytes } = writes;
    output.undone += 1;
    output.frames += 1;
    this.#undoneBytes += bytes;
    this.#host.submit(writes.take(), this.#level, (results, failure) => {
      const code = firstRefusal(results);
      const { refusal } = this.#host;
      if (failure === Code.ok && code === Code.ok) refusal.taken();
      else if (failure === Code.ok) output.refusal = refusal.refused(code, Date.now());
      this.#reached(output, bytes, failure);
    });
  }

  #finish(clients: readonly Client[]): void {
    this.#submit();
    this.#host.endTurn();
    this.reply.seal();
    this.#output.owner = null;
    for (const db of this.#host.databases) db.end();
    if (this.#output.count > 0 || this.#output.undone > 0 || this.#output.ending.length > 0) {
      this.#held.push(this.#output);
      this.#output = new TurnOutput();
    } else {
      this.#output.writers.length = 0;
      this.#output.expected.length = 0;
    }
    this.#isRunning = false;
    this.#release();
    const resumed = this.#resumed;
    this.#resumed = [];
    for (const client of clients) this.#afterTurn(client);
    for (const client of resumed) this.#afterTurn(client);
    if (this.#output.count > 0 || this.#ready.length > 0 || this.#chores.length > 0) this.#schedule();
  }

  /** Gives the memory of a client's bytes back, and decides whether it is served or read from any further. */
  #afterTurn(client: Client): void {
    if (client.isGone) return;
    client.settle();
    const isWaiting = client.waiting !== null;
    const isFull = client.unsent > UNSENT_MAX;
    if (client.hasPeerEnded && this.#host.isBlocked(client)) {
      // As in Redis: whoever may be gone takes nothing from those who are there.
      client.stopWaiting();
      this.end(client);
      return;
    }
    client.pause(isWaiting || isFull);
    if (isWaiting || isFull || client.isEnding) return;
    if (client.backlog.length > 0 || client.parser.mayHaveCommand) this.ready(client);
    else if (client.hasPeerEnded) this.end(client);
    else if (client.transport.arm && mayBeArmed(client)) client.transport.arm(client.db.index, client.protocol);
  }

  #release(): void {
    while (this.#held[0]?.undone === 0) {
      const turn = this.#held.shift() as TurnOutput;
      if (turn.isUnknown || (turn.refusal !== null && turn.frames > 1)) turn.abandon();
      else this.#host.sent(turn.refusal === null ? turn.send() : turn.refuse(turn.refusal));
    }
  }
}

/** Whether one of the first arguments is longer than a frame needs to be handed over. */
function hasLarge(args: readonly Buffer[]): boolean {
  for (let index = 1; index < args.length && index < 8; index += 1) {
    if ((args[index] as Buffer).length > FRAME_BYTES) return true;
  }
  return false;
}

/** Thrown by a command that goes on waiting as it did. */
const NOT_YET = new Unfinished(() => () => {});

/** Stands for running a command from its beginning. */
export const RUN_AGAIN = (): void => {};
