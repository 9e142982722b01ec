/**
 * The short way of simple commands: GET, plain SET, INCR and others (`RUN_COMMANDS`) of all connections of a turn are run in
 * one call where the data is, and their replies come back as bytes.
 *
 * Not another server: whatever is not simple, or has anybody to tell of it, goes the way of all commands, which begins
 * where this one ended. The invariants to remember: it runs before anything else in a turn, when all writes so far are
 * the engine's; a connection's commands stay in order; a value that is on its way from the disk closes the short way,
 * because whoever waits for it must not find it overwritten.
 */

import type { CommandRun } from '../io/command-run.ts';
import { type LevelNumber, Ran, RUN_COMMANDS, RunEnd } from '../io/native-types.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import { commandNamed } from './command-table.ts';
import type { Database } from './database.ts';
import type { Statistics } from './statistics.ts';
import type { KeptReplies, TurnOutput } from './turn-output.ts';

/** What the short way needs of the engine. */
export interface DirectEngine {
  readonly run: CommandRun;
  /** Commits what is queued; false when something has to wait, and the short way with it. */
  commitQueued(): boolean;
  /** What armed connections have sent and nobody has looked at. */
  readonly kept?: KeptRun | undefined;
}

/** Frames that are kept where they arrived, and the replies to those that were run there. */
export interface KeptRun extends KeptReplies {
  /** Runs them; answers as `NativeNet.runKept`, with what it came to in `ran`. */
  runKept(level: LevelNumber): number;
  readonly ran: Float64Array;
}

/** What a run has done. */
export interface DirectResult {
  /** The LSN its replies wait for; 0: none. */
  readonly lsn: number;
  readonly bytes: number;
}

/** A client with so many unread bytes of replies has to read before it is served again. */
const UNSENT_MAX = 1024 * 1024;
const NOTHING: DirectResult = { lsn: 0, bytes: 0 };
const commands: readonly Command[] = RUN_COMMANDS.map((name) => commandNamed(name) as Command);

export class DirectRun {
  readonly #engine: DirectEngine;
  readonly #statistics: Statistics;
  /** Of the rows of the run. */
  #clients: Client[] = [];

  constructor(engine: DirectEngine, statistics: Statistics) {
    this.#engine = engine;
    this.#statistics = statistics;
  }

  /** Runs what is simple of what `clients` have sent, at `level`; replies go to `output`. */
  run(clients: readonly Client[], level: LevelNumber, output: TurnOutput): DirectResult {
    const { run } = this.#engine;
    if (!this.#collect(clients) || !this.#engine.commitQueued()) return NOTHING;
    let lsn = 0;
    let bytes = 0;
    for (;;) {
      const began = performance.now();
      const reached = run.run(level);
      const micros = (performance.now() - began) * 1000;
      if (reached < 0) break;
      if (reached > 0) lsn = reached;
      const taken = this.#take(output, micros);
      bytes += taken;
      // Those that had no room for their replies go on, with more of it.
      const full = this.#clients.filter((_, row) => run.reason(row) === RunEnd.full);
      if (taken === 0 || full.length === 0 || !this.#collect(full)) break;
    }
    this.#clients = [];
    run.clear();
    return { lsn, bytes };
  }

  /**
   * Runs what armed connections have sent, where it lies; their replies leave with `output`. Undefined when nothing was run.
   */
  runKept(level: LevelNumber, output: TurnOutput): DirectResult | undefined {
    const { kept } = this.#engine;
    if (kept === undefined || !this.#engine.commitQueued()) return undefined;
    const began = performance.now();
    const lsn = kept.runKept(level);
    const micros = (performance.now() - began) * 1000;
    if (lsn < 0) return undefined;
    const { ran } = kept;
    const statistics = this.#statistics;
    const happened = ran[Ran.commands] as number;
    const bytes = ran[Ran.bytes] as number;
    statistics.commands += happened;
    statistics.hits += ran[Ran.hits] as number;
    statistics.misses += ran[Ran.misses] as number;
    statistics.inputBytes += bytes;
    this.#count(Ran.counts, ran, micros / Math.max(1, happened));
    if ((ran[Ran.replyBytes] as number) > 0) output.kept = kept;
    return { lsn, bytes };
  }

  /** Makes a row of each client that may take part; false when there is none. */
  #collect(clients: readonly Client[]): boolean {
    const { run } = this.#engine;
    run.clear();
    this.#clients = [];
    for (const client of clients) {
      if (!mayRun(client)) continue;
      const { parser, db } = client;
      if (!parser.isBetweenCommands || parser.start === parser.end) continue;
      this.#clients.push(client);
      run.add(parser.source, parser.start, parser.end, storesOf(db), client.protocol);
    }
    return run.count > 0;
  }

  /**
   * Hands out the replies; answers how many bytes of commands were run. `micros`, which the run took, is shared out
   * evenly among its commands.
   */
  #take(output: TurnOutput, micros: number): number {
    const { run } = this.#engine;
    const statistics = this.#statistics;
    let bytes = 0;
    let happened = 0;
    for (let row = 0; row < this.#clients.length; row += 1) {
      const client = this.#clients[row] as Client;
      const consumed = run.consumed(row);
      client.parser.skip(consumed, run.reason(row) === RunEnd.short);
      if (consumed === 0) continue;
      bytes += consumed;
      client.lastCommand = RUN_COMMANDS[run.last(row)] ?? '';
      happened += run.commands(row);
      statistics.hits += run.hits(row);
      statistics.misses += run.misses(row);
      output.owner = client;
      output.writers.push(client);
      output.expected.push(0);
      output.piece(run.replies, run.start(row), run.end(row));
    }
    output.owner = null;
    statistics.commands += happened;
    this.#count(run.countsFrom, run.counts, micros / Math.max(1, happened));
    return bytes;
  }

  /** Counts calls by command; `each` took so many microseconds. */
  #count(from: number, counts: Float64Array, each: number): void {
    for (let index = 0; index < commands.length; index += 1) {
      const count = counts[from + index] as number;
      if (count > 0) this.#statistics.called(commands[index] as Command, count * each, count);
    }
  }
}

function storesOf({ strings, heads, members, mayHaveHeads }: Database): [number, number, number] {
  return mayHaveHeads ? [strings.store.id, heads.store.id, members.store.id] : [strings.store.id, 0, 0];
}

/** Whether simple commands of the connection may be run where they arrive, from its next byte on. */
export function mayBeArmed(client: Client): boolean {
  const { parser } = client;
  return parser.isBetweenCommands && parser.start === parser.end && !client.hasPeerEnded && mayRun(client);
}

/** Whether nothing about the connection changes what a simple command does. */
function mayRun(client: Client): boolean {
  return (
    client.isAuthenticated &&
    client.queue === null &&
    client.replies === 'on' &&
    client.tracking === null &&
    client.waiting === null &&
    client.backlog.length === 0 &&
    !client.isEnding &&
    !client.isGone &&
    !(client.protocol === 2 && client.isSubscribed) &&
    client.unsent <= UNSENT_MAX &&
    client.db.isAtRest &&
    !client.db.isFollowed
  );
}
