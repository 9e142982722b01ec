/**
 * Who has typed the console's token: random session numbers in a cookie that scripts cannot read.
 *
 * Not users: there is one token. To remember: the token is compared without telling how much of it was right, wrong ones
 * are answered slowly and one at a time, and sessions end with the process or after half a day.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const COOKIE = 'millrace_console';
const LIFETIME_MS = 12 * 3_600_000;
const SESSIONS_MAX = 1000;
const WRONG_TOKEN_MS = 500;
/** Logins that may wait for their turn; more are refused at once. */
const WAITING_MAX = 20;

/** The sessions of one console. Without a token nobody has to log in, unless `isClosed`. */
export class Sessions {
  readonly #token: string | undefined;
  readonly #ends = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(token: string | undefined) {
    this.#token = token;
  }

  get asksForToken(): boolean {
    return this.#token !== undefined;
  }

  /** Whether whoever sent `request` has logged in, or need not. */
  admits({ headers }: IncomingMessage): boolean {
    if (this.#token === undefined) return true;
    const given = new RegExp(`(?:^|; *)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(headers.cookie ?? '')?.[1];
    const end = given === undefined ? undefined : this.#ends.get(given);
    return end !== undefined && performance.now() < end;
  }

  /** Resolves with the cookie to set when `token` is right, undefined when it is not; wrong ones take their time. */
  async login(token: string): Promise<string | undefined> {
    if (this.#waiting >= WAITING_MAX) return undefined;
    this.#waiting += 1;
    const tried = this.#turn.then(async () => {
      const isRight = this.#token !== undefined && timingSafeEqual(digest(token), digest(this.#token));
      if (!isRight) await delay(WRONG_TOKEN_MS, undefined, { ref: false });
      this.#waiting -= 1;
      return isRight;
    });
    this.#turn = tried;
    return (await tried) ? this.#begin() : undefined;
  }

  #begin(): string {
    const now = performance.now();
    for (const [id, end] of this.#ends) if (end < now || this.#ends.size >= SESSIONS_MAX) this.#ends.delete(id);
    const id = randomBytes(32).toString('hex');
    this.#ends.set(id, now + LIFETIME_MS);
    return `${COOKIE}=${id}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${LIFETIME_MS / 1000}`;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
