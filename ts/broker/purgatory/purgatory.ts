/**
 * Parked requests: each waits for one of several keys to move, or for its deadline, whichever comes first.
 *
 * Not a scheduler of work: an operation looks for itself whether it can finish. To remember: an operation ends exactly
 * once (finished, expired or dropped), and from then on neither a key nor the wheel refers to it.
 */

import type { Timers } from './timer-host.ts';
import { WheelTimer } from './timing-wheel.ts';

/** What a parked operation does; none of these may park or drop operations of the same purgatory for other keys. */
export interface ParkedWork {
  /** A watched key moved: finish and return true, or return false to go on waiting. */
  tryFinish(): boolean;
  /** The deadline has come: finish with what there is. */
  expire(): void;
}

/** One place in the list of those who watch a key. */
interface Watch {
  parked: Parked;
  key: number;
  next: Watch | undefined;
  previous: Watch | undefined;
}

/** A parked operation; `drop` it when nobody waits for its answer any more. */
export class Parked {
  readonly work: ParkedWork;
  readonly watches: Watch[] = [];
  readonly timer: WheelTimer;
  /** Set once it has ended. */
  ended = false;
  /** The run of `wake` that looked at it last, so that one run looks once. */
  lookedIn = 0;

  constructor(work: ParkedWork, purgatory: Purgatory) {
    this.work = work;
    this.timer = new WheelTimer(() => {
      purgatory.drop(this);
      work.expire();
    });
  }
}

/** Operations parked by partition id. Parking, ending and dropping cost one step per watched key. */
export class Purgatory {
  readonly #timers: Timers;
  readonly #all = new Set<Parked>();
  readonly #watchers = new Map<number, Watch>();
  #run = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Operations that wait. */
  get size(): number {
    return this.#all.size;
  }

  /** Keys somebody watches. */
  get watchedKeys(): number {
    return this.#watchers.size;
  }

  /** Parks `work` until one of `keys` moves or `delayMs` has passed. */
  park(work: ParkedWork, keys: Iterable<number>, delayMs: number): Parked {
    const parked = new Parked(work, this);
    for (const key of keys) this.#watch(parked, key);
    this.#timers.set(parked.timer, delayMs);
    this.#all.add(parked);
    return parked;
  }

  /** Lets everybody who watches one of `keys` look again, each once. */
  wake(keys: Iterable<number>): void {
    const run = ++this.#run;
    let ready: Parked[] | undefined;
    for (const key of keys) {
      for (let watch = this.#watchers.get(key); watch; watch = watch.next) {
        if (watch.parked.lookedIn === run) continue;
        watch.parked.lookedIn = run;
        ready ??= [];
        ready.push(watch.parked);
      }
    }
    if (!ready) return;
    for (const parked of ready) {
      if (!parked.ended && parked.work.tryFinish()) this.drop(parked);
    }
  }

  /** Lets every operation expire now: the broker is closing. */
  expireAll(): void {
    for (const parked of [...this.#all]) {
      this.drop(parked);
      parked.work.expire();
    }
  }

  /** Ends `parked` without an answer; nothing happens when it has ended already. */
  drop(parked: Parked): void {
    if (parked.ended) return;
    parked.ended = true;
    this.#all.delete(parked);
    this.#timers.cancel(parked.timer);
    for (const watch of parked.watches) this.#unwatch(watch);
    parked.watches.length = 0;
  }

  #watch(parked: Parked, key: number): void {
    const head = this.#watchers.get(key);
    const watch: Watch = { parked, key, next: head, previous: undefined };
    if (head) head.previous = watch;
    this.#watchers.set(key, watch);
    parked.watches.push(watch);
  }

  #unwatch(watch: Watch): void {
    if (watch.next) watch.next.previous = watch.previous;
    if (watch.previous) watch.previous.next = watch.next;
    else if (watch.next) this.#watchers.set(watch.key, watch.next);
    else this.#watchers.delete(watch.key);
  }
}
