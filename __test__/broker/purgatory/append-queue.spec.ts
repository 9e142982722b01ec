/** Appends that wait for room: order, deadlines, and nothing left behind. */
import { describe, expect, it } from 'vitest';
import { AppendQueue, QueuedAppend } from '../../../ts/broker/purgatory/append-queue.ts';
import { Code, type CodeNumber, Level } from '../../../ts/io/native-types.ts';
import type { Waiter } from '../../../ts/io/waiters.ts';
import type { AppendFrame } from '../../../ts/log/append-frame.ts';
import { ManualTimers } from '../support/manual-timers.ts';

/** Takes frames in turns; `room` says how many bytes fit before it is busy. What follows a busy frame is busy, too. */
class Gate {
  room = Number.POSITIVE_INFINITY;
  readonly taken: number[] = [];
  /** So many frames of a turn are taken before it is over. */
  early = Number.POSITIVE_INFINITY;
  #turn: (() => void)[] = [];
  #busy = false;

  beginEarly(): void {
    if (this.#turn.length >= this.early) this.turn();
  }

  submitFrame(frame: AppendFrame): void {
    frame.room = this;
    const { partition, end } = frame;
    this.#turn.push(() => {
      this.#busy ||= end > this.room;
      if (!this.#busy) {
        this.room -= end;
        this.taken.push(partition);
      }
      frame.settle(this.#busy ? Code.busy : Code.ok);
    });
  }

  /** Whatever was taken is durable at once. */
  wait(_level: number, waiter: Waiter): void {
    waiter.release(Code.ok);
  }

  turn(): void {
    const turn = this.#turn;
    this.#turn = [];
    this.#busy = false;
    for (const frame of turn) frame();
  }
}

const RULES = { stampAppendTime: false, refuseKeyless: false, maxMessageBytes: 0 };

class TestAppend extends QueuedAppend {
  readonly #done: (code: CodeNumber) => void;

  constructor(queue: AppendQueue, number: number, bytes: number, timeoutMs: number, done: (code: CodeNumber) => void) {
    super(queue, number, new Uint8Array(0), 0, bytes, RULES, Level.durable, timeoutMs);
    this.#done = done;
  }

  onDone(failure: CodeNumber): void {
    this.#done(failure === Code.ok ? this.code : failure);
  }
}

function setUp() {
  const gate = new Gate();
  const timers = new ManualTimers();
  const queue = new AppendQueue(gate, timers);
  const ended: [number, CodeNumber][] = [];
  /** The number of an append stands for its partition, so that the order shows. */
  const append = (number: number, bytes: number, timeoutMs = 1000) => {
    queue.submit(new TestAppend(queue, number, bytes, timeoutMs, (code) => ended.push([number, code])));
  };
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      timers.pass(5);
      gate.turn();
    }
  };
  return { gate, timers, queue, ended, append, rounds };
}

describe('the append queue', () => {
  it('lets everything through while there is room', () => {
    const { gate, queue, append, ended } = setUp();
    for (const number of [1, 2, 3]) append(number, 10);
    gate.turn();
    expect(gate.taken).toEqual([1, 2, 3]);
    expect(ended.map(([, code]) => code)).toEqual([0, 0, 0]);
    expect(queue.size).toBe(0);
  });

  it('keeps the order when a large one finds no room and small ones come after it', () => {
    const { gate, append, rounds, queue } = setUp();
    gate.room = 50;
    append(1, 40);
    append(2, 40);
    append(3, 5);
    gate.turn();
    append(4, 5);
    rounds(3);
    expect(gate.taken).toEqual([1]);
    expect(queue.size).toBe(3);
    gate.room = 60;
    rounds(2);
    append(5, 5);
    gate.turn();
    expect(gate.taken).toEqual([1, 2, 3, 4, 5]);
    expect(queue.size).toBe(0);
  });

  it('keeps the order when the engine begins in the middle of a turn and has no room', () => {
    const { gate, append, rounds } = setUp();
    gate.early = 2;
    gate.room = 50;
    append(1, 40);
    append(2, 40);
    append(3, 5);
    gate.turn();
    expect(gate.taken).toEqual([1]);
    gate.room = 100;
    rounds(2);
    expect(gate.taken).toEqual([1, 2, 3]);
  });

  it('puts what is refused again back where it was, in front of what has not been offered', () => {
    const { gate, append, rounds } = setUp();
    gate.room = 0;
    const large = 5 * 1024 * 1024;
    for (const number of [1, 2, 3, 4, 5]) append(number, large);
    gate.turn();
    rounds(2);
    gate.room = large;
    rounds(2);
    expect(gate.taken).toEqual([1]);
    gate.room = 10 * large;
    rounds(6);
    expect(gate.taken).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses as busy what has waited its time, and only that', () => {
    const { gate, append, rounds, ended, timers } = setUp();
    gate.room = 0;
    append(1, 10, 20);
    append(2, 10, 1000);
    gate.turn();
    rounds(10);
    expect(ended).toEqual([[1, Code.busy]]);
    gate.room = 100;
    rounds(2);
    expect(ended).toEqual([
      [1, Code.busy],
      [2, Code.ok],
    ]);
    expect(timers.wheel.size).toBe(0);
  });

  it('refuses what waits when the broker closes', () => {
    const { gate, append, ended, queue, timers } = setUp();
    gate.room = 0;
    append(1, 10);
    gate.turn();
    queue.close();
    expect(ended).toEqual([[1, Code.closing]]);
    expect(timers.wheel.size).toBe(0);
  });
});
