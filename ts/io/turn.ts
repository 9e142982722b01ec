/**
 * What one loop turn has collected: its plan, the tickets of its frames, and who still wants to add to it.
 *
 * Not the decision when the turn is committed (engine.ts). To remember: a ticket's rows are one atomic frame; tickets
 * and frames are in the same order.
 */

import type { Effect, EffectResult } from '../log/types.ts';
import type { CodeNumber, LevelNumber } from './native-types.ts';
import { Code, Level } from './native-types.ts';
import { Plan } from './plan.ts';
import type { Waiter } from './waiters.ts';

/** One frame of a turn, told when its offsets are assigned. */
export interface Ticket {
  /** Rows of its frame in the plan. */
  readonly rows: number;
  /** Reads the outcome from its rows; runs in the turn's commit. */
  placed(plan: Plan, firstRow: number): void;
}

/** Someone who collects on its own and joins the turn at the last moment. */
export interface Participant {
  /** Adds what it has collected, by `submitBatch`. Runs right before the commit. */
  seal(): void;
}

/** The work of one turn. */
export class Turn {
  readonly plan: Plan = new Plan();
  tickets: Ticket[] = [];

  /** Number of the next frame: frames of a turn differ, that is all it means. */
  get nextFrame(): number {
    return this.tickets.length;
  }

  /** Hands every ticket its rows, and forgets them. */
  place(report: (error: unknown) => void): void {
    const tickets = this.tickets;
    this.tickets = [];
    let row = 0;
    for (const ticket of tickets) {
      try {
        ticket.placed(this.plan, row);
      } catch (error) {
        report(error);
      }
      row += ticket.rows;
    }
    this.plan.clear();
  }
}

/** Whether a row's code means that its effect was done (now or before). */
export function succeeded(code: CodeNumber): boolean {
  return code === Code.ok || code === Code.duplicate;
}

type Done = (results: readonly EffectResult[], failure: CodeNumber) => void;
type Placed = (results: readonly EffectResult[]) => void;

/** Where a frame waits; the engine. */
export interface WaitingRoom {
  wait(level: LevelNumber, waiter: Waiter): void;
}

/** The ticket behind `Engine.submit`. */
export class FrameTicket implements Ticket, Waiter {
  readonly rows: number;
  lsn = 0;
  readonly #level: LevelNumber;
  readonly #room: WaitingRoom;
  readonly #done: Done;
  readonly #placed: Placed | undefined;
  #results: readonly EffectResult[] = [];

  constructor(
    effects: readonly Effect[],
    level: LevelNumber,
    room: WaitingRoom,
    done: Done,
    placed: Placed | undefined,
  ) {
    this.rows = effects.length;
    this.#level = level;
    this.#room = room;
    this.#done = done;
    this.#placed = placed;
  }

  placed(plan: Plan, firstRow: number): void {
    const results: EffectResult[] = [];
    let refusal: CodeNumber = Code.ok;
    for (let row = firstRow; row < firstRow + this.rows; row += 1) {
      const result = plan.resultOf(row);
      results.push(result);
      this.lsn = Math.max(this.lsn, result.lsn);
      if (!succeeded(result.code) && refusal === Code.ok) refusal = result.code;
    }
    this.#results = results;
    this.#placed?.(results);
    if (refusal === Code.poisoned || refusal === Code.closing) this.#done(results, refusal);
    else if (refusal !== Code.ok || this.#level === Level.memory) this.#done(results, Code.ok);
    else this.#room.wait(this.#level, this);
  }

  release(failure: CodeNumber): void {
    this.#done(this.#results, failure);
  }
}
