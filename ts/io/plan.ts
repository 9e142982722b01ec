/**
 * The plan of one loop turn: rows of numbers and the byte arrays they point into, reused from turn to turn.
 *
 * Not the waiting (waiters.ts) and not the call (engine.ts). To remember: arrays in `buffers` must stay unchanged until
 * the turn's commit call has returned; the addon copies them there, once.
 */

import type { Effect, EffectResult, KvEffect } from '../log/types.ts';
import { demandNumbers } from './kv-demand.ts';
import type { CodeNumber, LevelNumber } from './native-types.ts';
import { EffectKind, PLAN_STRIDE } from './native-types.ts';

/** Flag bits of an append row, as native-types.ts describes them. */
export const AppendFlag = { stampAppendTime: 1, refuseKeyless: 2 } as const;

/** The flag bits of an append row. */
export function appendFlags(stampAppendTime: boolean, refuseKeyless: boolean): number {
  return (stampAppendTime ? AppendFlag.stampAppendTime : 0) | (refuseKeyless ? AppendFlag.refuseKeyless : 0);
}

/** Rows kept between turns; a longer plan is given back after its turn. */
const ROWS_KEPT = 4096;

/** A growing plan. */
export class Plan {
  rows: Float64Array = new Float64Array(64 * PLAN_STRIDE);
  count = 0;
  buffers: Uint8Array[] = [];

  #row(kind: number, frame: number, partition: number, level: LevelNumber): number {
    const at = this.count * PLAN_STRIDE;
    if (at === this.rows.length) {
      const larger = new Float64Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.count += 1;
    const rows = this.rows;
    rows[at] = kind;
    rows[at + 1] = frame;
    rows[at + 2] = partition;
    rows[at + 3] = 0;
    rows[at + 4] = 0;
    rows[at + 5] = 0;
    rows[at + 6] = 0;
    rows[at + 7] = level;
    rows[at + 8] = 0;
    rows[at + 9] = 0;
    rows[at + 11] = 0;
    return at;
  }

  #buffer(bytes: Uint8Array): number {
    const last = this.buffers.length - 1;
    if (last >= 0 && this.buffers[last] === bytes) return last;
    this.buffers.push(bytes);
    return last + 1;
  }

  /** Adds an append of the record batch `bytes[start, end)`. */
  append(
    frame: number,
    partition: number,
    level: LevelNumber,
    bytes: Uint8Array,
    start: number,
    end: number,
    flags: number,
    maxBytes: number,
  ): void {
    const at = this.#row(EffectKind.append, frame, partition, level);
    this.rows[at + 3] = this.#buffer(bytes);
    this.rows[at + 4] = start;
    this.rows[at + 5] = end;
    this.rows[at + 8] = flags;
    this.rows[at + 9] = maxBytes;
  }

  /** Adds any effect. */
  effect(frame: number, level: LevelNumber, effect: Effect): void {
    if (effect.kind === 'append') {
      const flags = appendFlags(effect.stampAppendTime === true, effect.refuseKeyless === true);
      this.append(frame, effect.partition, level, effect.bytes, effect.start, effect.end, flags, effect.maxBytes ?? 0);
      return;
    }
    if (effect.kind === 'put' || effect.kind === 'delete') {
      const at = this.#row(EffectKind[effect.kind], frame, 0, level);
      this.rows[at + 3] = this.#buffer(effect.key);
      this.rows[at + 5] = effect.key.length;
      if (effect.kind === 'put') this.rows[at + 6] = this.#buffer(effect.value);
      return;
    }
    if (effect.kind === 'endTransaction') {
      const at = this.#row(EffectKind.endTransaction, frame, effect.partition, level);
      this.rows[at + 4] = effect.producerEpoch;
      this.rows[at + 6] = effect.producerId;
      this.rows[at + 8] = effect.committed ? 1 : 0;
      return;
    }
    if ('store' in effect) {
      this.#kv(frame, level, effect);
      return;
    }
    const at = this.#row(EffectKind[effect.kind], frame, effect.partition, level);
    if (effect.kind === 'deleteRecords') this.rows[at + 6] = effect.offset;
  }

  #kv(frame: number, level: LevelNumber, effect: KvEffect): void {
    const at = this.#row(EffectKind[effect.kind], frame, effect.store, level);
    if (!('key' in effect)) return;
    const rows = this.rows;
    rows[at + 3] = this.#buffer(effect.key);
    rows[at + 5] = effect.key.length;
    if (effect.kind === 'kvPut') {
      rows[at + 6] = this.#buffer(effect.value);
      rows[at + 12] = 0;
      rows[at + 13] = effect.value.length;
      rows[at + 9] = effect.expiresMs ?? 0;
    }
    if (effect.demand !== undefined) [rows[at + 8], rows[at + 11]] = demandNumbers(effect.demand);
  }

  kindOf(row: number): number {
    return this.rows[row * PLAN_STRIDE] as number;
  }

  partitionOf(row: number): number {
    return this.rows[row * PLAN_STRIDE + 2] as number;
  }

  codeOf(row: number): CodeNumber {
    return this.rows[row * PLAN_STRIDE + 10] as CodeNumber;
  }

  baseOffsetOf(row: number): number {
    return this.rows[row * PLAN_STRIDE + 11] as number;
  }

  appendTimeOf(row: number): number {
    return this.rows[row * PLAN_STRIDE + 12] as number;
  }

  logStartOf(row: number): number {
    return this.rows[row * PLAN_STRIDE + 13] as number;
  }

  lsnOf(row: number): number {
    return this.rows[row * PLAN_STRIDE + 14] as number;
  }

  /** Makes every row answer `code`, as if the engine had refused each: it refused the whole call. */
  refuseAll(code: CodeNumber): void {
    for (let row = 0; row < this.count; row += 1) {
      this.rows.fill(-1, row * PLAN_STRIDE + 10, (row + 1) * PLAN_STRIDE);
      this.rows[row * PLAN_STRIDE + 10] = code;
      this.rows[row * PLAN_STRIDE + 14] = 0;
    }
  }

  /** The outcome of a row as an object. */
  resultOf(row: number): EffectResult {
    const at = row * PLAN_STRIDE;
    const rows = this.rows;
    return {
      code: rows[at + 10] as CodeNumber,
      baseOffset: rows[at + 11] as number,
      logAppendTime: rows[at + 12] as number,
      logStart: rows[at + 13] as number,
      logEnd: rows[at + 15] as number,
      lsn: rows[at + 14] as number,
    };
  }

  /** Forgets the turn. */
  clear(): void {
    this.count = 0;
    this.buffers = [];
    if (this.rows.length > ROWS_KEPT * PLAN_STRIDE) this.rows = new Float64Array(64 * PLAN_STRIDE);
  }
}
