/**
 * When keys were used last, or how often, in a table of a fixed size.
 *
 * Not a memory of keys: a key has the slot its hash names, and shares it with whatever else has that hash, so an answer may
 * tell of too recent a use, never of none that was. Nothing of it is on the disk: a start forgets it. To remember: counters
 * of frequency are Redis' own: eight bits that grow with the logarithm and shrink with time.
 */

import type { Tracked } from './policies.ts';

/** Slots; one has four bytes. */
const SLOTS = 2 ** 20;
/** What a slot of recent use counts, ms. */
const TICK_MS = 100;
const MINUTE_MS = 60_000;
/** A key that nothing is known of, as Redis treats a new one. */
const NEW_FREQUENCY = 5;
const LOG_FACTOR = 10;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class AccessTable {
  readonly tracked: Tracked;
  readonly #beganMs: number;
  readonly #slots = new Uint32Array(SLOTS);

  /** `nowMs`: ms since 1970; nothing was used before. */
  constructor(tracked: Tracked, nowMs: number) {
    this.tracked = tracked;
    this.#beganMs = nowMs;
  }

  /** The key was used. `text`: a character a byte. */
  touch(db: number, text: string, nowMs: number): void {
    const slot = slotOf(db, text);
    this.#slots[slot] = this.tracked === 'lru' ? this.#tick(nowMs) : this.#grown(this.#slots[slot] as number, nowMs);
  }

  /** ms since the key was used, as far as is known. */
  idleMs(db: number, text: string, nowMs: number): number {
    return Math.max(0, (this.#tick(nowMs) - Math.max(1, this.#slots[slotOf(db, text)] as number)) * TICK_MS);
  }

  /** How often the key is used: 0 to 255, logarithmic. */
  frequency(db: number, text: string, nowMs: number): number {
    return this.#decayed(this.#slots[slotOf(db, text)] as number, nowMs);
  }

  #tick(nowMs: number): number {
    return 1 + Math.max(0, Math.floor((nowMs - this.#beganMs) / TICK_MS));
  }

  /** A slot is the minute of its last change, and the counter in the lowest byte; 0: nothing is known. */
  #decayed(slot: number, nowMs: number): number {
    if (slot === 0) return NEW_FREQUENCY;
    return Math.max(0, (slot & 255) - Math.max(0, this.#minute(nowMs) - (slot >>> 8)));
  }

  #grown(slot: number, nowMs: number): number {
    const before = this.#decayed(slot, nowMs);
    const chance = 1 / (Math.max(0, before - NEW_FREQUENCY) * LOG_FACTOR + 1);
    const count = before < 255 && Math.random() < chance ? before + 1 : before;
    return this.#minute(nowMs) * 256 + count;
  }

  #minute(nowMs: number): number {
    return 1 + Math.max(0, Math.floor((nowMs - this.#beganMs) / MINUTE_MS));
  }
}

function slotOf(db: number, text: string): number {
  let hash = FNV_OFFSET ^ db;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return ((hash ^ (hash >>> 15)) >>> 0) % SLOTS;
}
