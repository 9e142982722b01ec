/**
 * One append that is a frame of its own: the only object it needs on its way through the engine.
 *
 * Not a batch that is being filled (appender.ts), and not who waits for room. To remember: `onPlaced` runs once for every
 * time it is submitted, `onEnd` right after it, or once its level is reached.
 */

import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code, Level } from '../io/native-types.ts';
import type { Plan } from '../io/plan.ts';
import type { Ticket, WaitingRoom } from '../io/turn.ts';
import type { Waiter } from '../io/waiters.ts';

/** What the engine does with a batch beside appending it. */
export interface AppendRules {
  readonly stampAppendTime: boolean;
  readonly refuseKeyless: boolean;
  /** Largest batch, bytes, by Kafka's name for it; 0 = no limit. */
  readonly maxMessageBytes: number;
}

/** An append of the record batch `bytes[start, end)`, which must not change until `onEnd`. */
export abstract class AppendFrame implements Ticket, Waiter {
  readonly rows = 1;
  readonly partition: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly rules: AppendRules;
  readonly level: LevelNumber;
  /** Set when it is submitted. */
  room: WaitingRoom | null = null;
  /** What the engine has answered; -1 where it does not apply. */
  code: CodeNumber = Code.ok;
  baseOffset = -1;
  logAppendTime = -1;
  logStart = -1;
  lsn = 0;

  constructor(
    partition: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    rules: AppendRules,
    level: LevelNumber,
  ) {
    this.partition = partition;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.rules = rules;
    this.level = level;
  }

  /** The engine has answered: `code` says how. */
  protected abstract onPlaced(): void;
  /** Its level is reached, or it was refused; `failure` is not 0 when the outcome is unknown. */
  protected abstract onEnd(failure: CodeNumber): void;

  placed(plan: Plan, row: number): void {
    this.baseOffset = plan.baseOffsetOf(row);
    this.logAppendTime = plan.appendTimeOf(row);
    this.logStart = plan.logStartOf(row);
    this.lsn = plan.lsnOf(row);
    this.settle(plan.codeOf(row));
  }

  /** Takes the engine's code, and waits for its level or ends. */
  settle(code: CodeNumber): void {
    this.code = code;
    this.onPlaced();
    if (code === Code.poisoned || code === Code.closing) this.onEnd(code);
    else if ((code !== Code.ok && code !== Code.duplicate) || this.level === Level.memory) this.onEnd(Code.ok);
    else this.room?.wait(this.level, this);
  }

  release(failure: CodeNumber): void {
    this.onEnd(failure);
  }
}
