/**
 * Hierarchical timing wheel: any number of deadlines, O(1) to set, move and cancel one.
 *
 * Not a clock and not a host timer: time is an input of `advance`, so that it runs the same in tests, under the
 * simulated clock and in the broker. To remember: a timer never runs before its deadline; it runs in the first `advance`
 * whose time has reached it.
 *
 * Level 0 has 32 slots of 1 ms, each further level slots 32 times as wide; six levels span 12 days, and deadlines beyond
 * wait in the last slot and are sorted in again when it comes up. A bitmap per level finds the next occupied slot.
 */

const SLOT_BITS = 5;
const SLOTS = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS - 1;
const LEVELS = 6;
const SPAN = 2 ** (SLOT_BITS * LEVELS);

/** A deadline with what to do at it; linked into the wheel itself, so setting it again allocates nothing. */
export class WheelTimer {
  /** ms on the wheel's clock; meaningful while `armed`. */
  deadlineMs = 0;
  /** Position of its slot in the wheel, -1 while not armed. */
  slot = -1;
  next: WheelTimer | undefined;
  previous: WheelTimer | undefined;
  readonly expire: (nowMs: number) => void;

  /** `expire` runs once per arming, with the time given to `advance`. */
  constructor(expire: (nowMs: number) => void) {
    this.expire = expire;
  }

  get armed(): boolean {
    return this.slot >= 0;
  }
}

/** The wheel. All times are whole milliseconds of one monotonic clock. */
export class TimingWheel {
  readonly #heads: (WheelTimer | undefined)[] = new Array(LEVELS * SLOTS).fill(undefined);
  readonly #occupied = new Int32Array(LEVELS);
  #nowMs: number;
  #size = 0;

  constructor(nowMs: number) {
    this.#nowMs = Math.floor(nowMs);
  }

  /** Armed timers. */
  get size(): number {
    return this.#size;
  }

  /** Arms `timer`, or moves it when it is armed already. A deadline in the past expires at the next `advance`. */
  set(timer: WheelTimer, deadlineMs: number): void {
    if (timer.slot >= 0) this.#unlink(timer);
    timer.deadlineMs = Math.ceil(deadlineMs);
    this.#link(timer);
  }

  /** Disarms `timer`; nothing happens when it is not armed. */
  cancel(timer: WheelTimer): void {
    if (timer.slot >= 0) this.#unlink(timer);
  }

  /** A time at or before the earliest deadline, at which `advance` has something to do; undefined when nothing is armed. */
  nextMs(): number | undefined {
    let earliest: number | undefined;
    for (let level = 0; level < LEVELS; level++) {
      const bits = this.#occupied[level] as number;
      if (bits === 0) continue;
      const shift = level * SLOT_BITS;
      const current = Math.floor(this.#nowMs / 2 ** shift);
      const start = (current + distanceToBit(bits, (current + 1) & SLOT_MASK) + 1) * 2 ** shift;
      if (earliest === undefined || start < earliest) earliest = start;
    }
    return earliest;
  }

  /** Moves time to `nowMs` and runs every timer whose deadline it has reached, earliest slot first. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs);
    for (;;) {
      const next = this.nextMs();
      if (next === undefined || next > target) break;
      this.#nowMs = next;
      this.#open(next, target);
    }
    if (target > this.#nowMs) this.#nowMs = target;
  }

  /** Empties every slot that begins at `slotStart`: what is due runs, the rest moves to a finer level. */
  #open(slotStart: number, target: number): void {
    for (let level = LEVELS - 1; level >= 0; level--) {
      const width = 2 ** (level * SLOT_BITS);
      if (slotStart % width !== 0) continue;
      const slot = level * SLOTS + ((slotStart / width) & SLOT_MASK);
      for (let timer = this.#heads[slot]; timer; timer = this.#heads[slot]) {
        this.#unlink(timer);
        if (timer.deadlineMs <= slotStart) timer.expire(target);
        else this.#link(timer);
      }
    }
  }

  /** A slot always begins after now, so a timer set while its own slot is being emptied cannot be met again there. */
  #link(timer: WheelTimer): void {
    const due = Math.max(timer.deadlineMs, this.#nowMs + 1);
    const distance = Math.min(due - this.#nowMs, SPAN - 1);
    let level = 0;
    while (level < LEVELS - 1 && slotsAhead(this.#nowMs, distance, level) >= SLOTS) level++;
    const width = 2 ** (level * SLOT_BITS);
    const ahead = Math.min(slotsAhead(this.#nowMs, distance, level), SLOTS - 1);
    const index = (Math.floor(this.#nowMs / width) + ahead) & SLOT_MASK;
    const slot = level * SLOTS + index;
    const head = this.#heads[slot];
    timer.slot = slot;
    timer.previous = undefined;
    timer.next = head;
    if (head) head.previous = timer;
    this.#heads[slot] = timer;
    this.#occupied[level] = (this.#occupied[level] as number) | (1 << index);
    this.#size++;
  }

  #unlink(timer: WheelTimer): void {
    const { slot, next, previous } = timer;
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else this.#heads[slot] = next;
    if (this.#heads[slot] === undefined) {
      const level = slot >> SLOT_BITS;
      this.#occupied[level] = (this.#occupied[level] as number) & ~(1 << (slot & SLOT_MASK));
    }
    timer.slot = -1;
    timer.next = undefined;
    timer.previous = undefined;
    this.#size--;
  }
}

/** How many slots of `level` lie between the one of `nowMs` and the one of `nowMs + distance`. */
function slotsAhead(nowMs: number, distance: number, level: number): number {
  const width = 2 ** (level * SLOT_BITS);
  return Math.floor((nowMs + distance) / width) - Math.floor(nowMs / width);
}

/** Steps from bit `from` to the first set bit of `bits`, going up and around; `bits` is not 0. */
function distanceToBit(bits: number, from: number): number {
  const rotated = from === 0 ? bits : (bits >>> from) | (bits << (SLOTS - from));
  return 31 - Math.clz32(rotated & -rotated);
}
