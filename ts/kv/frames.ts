/**
 * The way of KV writes into the engine: one frame a write, shown in the overlay until it is committed, and kept in order
 * when the engine is too busy for it.
 *
 * Not the reading. To remember: a frame that finds the engine busy waits, whole and in front, and everything behind it
 * waits with it; what waits has a limit, above which writes are refused as busy.
 */

import type { CodeNumber, LevelNumber } from '../io/native-types.ts';
import { Code } from '../io/native-types.ts';
import type { Participant } from '../io/turn.ts';
import type { Effect, EffectResult } from '../log/types.ts';
import { Overlay } from './overlay.ts';

/** Told once what became of a frame: results per effect, and 0 or why the outcome is unknown. */
export type FrameDone = (results: readonly EffectResult[], failure: CodeNumber) => void;

/** Told of every frame that has taken its place in the journal, in order. */
export type FramePlaced = (effects: readonly Effect[], results: readonly EffectResult[]) => void;

/** What frames need of an engine. */
export interface FrameEngine {
  submit(
    effects: readonly Effect[],
    level: LevelNumber,
    done: FrameDone,
    placed?: (results: readonly EffectResult[]) => void,
  ): void;
  joinTurn(participant: Participant): void;
  commitNow(): void;
}

interface Frame {
  readonly effects: readonly Effect[];
  readonly level: LevelNumber;
  readonly done: FrameDone;
  readonly bytes: number;
}

/** How long a refused frame waits before it is offered again, ms. */
const RETRY_MS = 2;
/** Bytes that are offered again at once. */
const WINDOW_BYTES = 1024 * 1024;
/** Bytes that may wait because the engine is busy. A frame that is larger by itself waits alone. */
const WAITING_BYTES = 16 * 1024 * 1024;
/** Of a value that waits for its large file no more bytes are counted, so that a few such puts may wait side by side. */
const COUNTED_BYTES = 4 * 1024 * 1024;
const FRAME_BYTES = 128;

/** All KV frames of one engine. */
export class Frames implements Participant {
  readonly overlay: Overlay = new Overlay();
  readonly #engine: FrameEngine;
  readonly #told: FramePlaced;
  #joined = false;
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  /** Waiting frames that have been offered again and are not placed yet. */
  #offered = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(engine: FrameEngine, placed: FramePlaced) {
    this.#engine = engine;
    this.#told = placed;
  }

  /** Frames wait because the engine is busy. */
  get isHeldUp(): boolean {
    return this.#waiting.length > 0;
  }

  /** Queues one atomic frame. Byte arrays must stay as they are until `done` has run. */
  submit(effects: readonly Effect[], level: LevelNumber, done: FrameDone): void {
    const bytes = bytesOf(effects);
    if (this.#waiting.length > 0) {
      if (this.#waitingBytes + bytes > WAITING_BYTES) {
        process.nextTick(done, effects.map(busy), Code.ok);
        return;
      }
      this.#wait({ effects, level, done, bytes });
      return;
    }
    this.overlay.add(effects);
    this.#join();
    this.#engine.submit(
      effects,
      level,
      (results, failure) => {
        if (results[0]?.code === Code.busy) this.#wait({ effects, level, done, bytes });
        else done(results, failure);
      },
      (results) => this.#tell(effects, results),
    );
  }

  #tell(effects: readonly Effect[], results: readonly EffectResult[]): void {
    if (results[0]?.code === Code.ok) this.#told(effects, results);
  }

  #join(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#engine.joinTurn(this);
  }

  /** The turn is about to be committed: what it wrote is now the engine's, what waits is still ours. */
  seal(): void {
    this.#joined = false;
    this.#showWaiting();
  }

  #showWaiting(): void {
    this.overlay.clear();
    for (let index = this.#offered; index < this.#waiting.length; index += 1) {
      this.overlay.add((this.#waiting[index] as Frame).effects);
    }
  }

  #wait(frame: Frame): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.bytes;
    this.overlay.add(frame.effects);
    if (this.#offered === 0) this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#offer();
    }, RETRY_MS);
  }

  /** Offers the head of what waits again. The engine refuses in order: what is behind a refused frame is refused too. */
  #offer(): void {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && bytes < WINDOW_BYTES) {
      bytes += (this.#waiting[count] as Frame).bytes;
      count += 1;
    }
    this.#offered = count;
    const offered = this.#waiting.slice(0, count);
    let settled = 0;
    let taken = 0;
    for (const frame of offered) {
      this.#engine.submit(
        frame.effects,
        frame.level,
        (results, failure) => {
          if (results[0]?.code !== Code.busy) frame.done(results, failure);
        },
        (results) => {
          this.#tell(frame.effects, results);
          settled += 1;
          if (results[0]?.code !== Code.busy) taken += 1;
          if (settled === count) this.#placed(taken);
        },
      );
    }
    this.#join();
  }

  /** `taken` frames of those that were offered are in the journal, or refused for good. */
  #placed(taken: number): void {
    const gone = this.#waiting.splice(0, taken);
    for (const frame of gone) this.#waitingBytes -= frame.bytes;
    const isThrough = taken === this.#offered;
    this.#offered = 0;
    // What was refused again is pending again.
    this.#showWaiting();
    if (this.#waiting.length === 0) return;
    if (isThrough) process.nextTick(() => this.#offer());
    else this.#arm();
  }
}

function bytesOf(effects: readonly Effect[]): number {
  let bytes = FRAME_BYTES;
  for (const effect of effects) {
    if ('key' in effect) bytes += effect.key.length + FRAME_BYTES;
    if ('value' in effect) bytes += Math.min(effect.value.length, COUNTED_BYTES);
    if ('bytes' in effect) bytes += effect.end - effect.start;
  }
  return bytes;
}

function busy(): EffectResult {
  return { code: Code.busy, baseOffset: -1, logAppendTime: -1, logStart: -1, logEnd: -1, lsn: 0 };
}
