/**
 * Salted passwords (PBKDF2), off the event loop and few at a time.
 *
 * Not a check of anything. To remember: who waits is bounded, so that any number of wrong passwords costs bounded memory
 * and leaves threads to others; `done` runs exactly once.
 */

import { pbkdf2 } from 'node:crypto';
import { SCRAM_HASHES, type ScramMechanism } from './scram.ts';

/** Of the four threads that Node has for such work. */
const AT_ONCE = 2;
/** More than so many passwords do not wait: their connections are told to come again. */
const WAITING_MAX = 1000;
const KEY_BYTES = { sha256: 32, sha512: 64 } as const;

/** `salted` is null when too many wait already. */
type Done = (salted: Buffer | null) => void;

interface Job {
  readonly mechanism: ScramMechanism;
  readonly password: Buffer;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly done: Done;
}

/** The derivations of one broker. */
export class Derivations {
  readonly #waiting: Job[] = [];
  #running = 0;

  /** Passwords that are being derived or wait for it. */
  get open(): number {
    return this.#running + this.#waiting.length;
  }

  /** Derives the salted password of a mechanism; `done` runs later, or at once with null. */
  derive(mechanism: ScramMechanism, password: Buffer, salt: Buffer, iterations: number, done: Done): void {
    if (this.#waiting.length >= WAITING_MAX) {
      done(null);
      return;
    }
    this.#waiting.push({ mechanism, password, salt, iterations, done });
    this.#next();
  }

  #next(): void {
    if (this.#running >= AT_ONCE) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#running += 1;
    const hash = SCRAM_HASHES[job.mechanism];
    pbkdf2(job.password, job.salt, job.iterations, KEY_BYTES[hash], hash, (error, salted) => {
      this.#running -= 1;
      job.password.fill(0);
      this.#next();
      job.done(error === null ? salted : null);
    });
  }
}
