/**
 * Who a peer is: the mechanisms that are offered, and one exchange of tokens after another.
 *
 * Knows no connection. To remember: an exchange ends with `done` or `failed`, exactly once; whatever fails says the same
 * words, so that nobody learns which users there are.
 */

import { createHmac, randomBytes } from 'node:crypto';
import { Derivations } from './derivations.ts';
import { BearerSteps, type OauthBearer } from './oauth/oauth-bearer.ts';
import { checkPassword, parsePlain } from './plain.ts';
import {
  ITERATIONS_MIN,
  SCRAM_HASHES,
  type ScramCredential,
  ScramError,
  ScramExchange,
  type ScramMechanism,
} from './scram.ts';
import type { UserStore } from './user-store.ts';

export type Mechanism = ScramMechanism | 'PLAIN' | 'OAUTHBEARER';

/** Offered in this order: clients that choose take the first they know. */
export const MECHANISMS: readonly Mechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN', 'OAUTHBEARER'];

/** What a token led to. */
export type Step =
  /** `reason`: this can only fail, but the mechanism has one more step; for the log. */
  | { readonly kind: 'continue'; readonly token: Buffer; readonly reason?: string }
  | {
      readonly kind: 'done';
      readonly token: Buffer;
      readonly user: string;
      /** How long what was shown is good; undefined: for ever. */
      readonly lifetimeMs?: number;
    }
  /** `message` is for the peer, `reason` for the log. */
  | { readonly kind: 'failed'; readonly message: string; readonly reason?: string };

/** One exchange: `step` is called with each token after the last one was answered. */
export interface SaslExchange {
  step(token: Uint8Array, done: (step: Step) => void): void;
}

const EMPTY = Buffer.alloc(0);
const SALT_BYTES = 16;

/** Makes exchanges over the users of one broker. */
export class Authenticator {
  readonly users: UserStore;
  readonly derivations: Derivations = new Derivations();
  /** Makes salts of users that are not there, the same ones for the same name. */
  readonly #secret = randomBytes(32);
  readonly #oauth: OauthBearer | undefined;

  /** `oauth`: what tokens are judged by, where they are taken. */
  constructor(users: UserStore, oauth?: OauthBearer) {
    this.users = users;
    this.#oauth = oauth;
  }

  /** Begins an exchange of a mechanism. */
  begin(mechanism: Mechanism): SaslExchange {
    if (mechanism === 'PLAIN') return new PlainSteps(this);
    if (mechanism !== 'OAUTHBEARER') return this.#scram(mechanism);
    if (this.#oauth === undefined) throw new Error('OAUTHBEARER is offered without keys');
    return new BearerSteps(this.#oauth);
  }

  /** What an unknown user seems to have. */
  decoy(user: string): ScramCredential {
    const salt = createHmac('sha256', this.#secret).update(user).digest().subarray(0, SALT_BYTES);
    const key = createHmac('sha256', this.#secret).update(salt).digest();
    return { salt, iterations: ITERATIONS_MIN, storedKey: key, serverKey: key };
  }

  #scram(mechanism: ScramMechanism): SaslExchange {
    const exchange = new ScramExchange(
      SCRAM_HASHES[mechanism],
      (user) => this.users.get(user)?.get(mechanism),
      (user) => this.decoy(user),
    );
    return new ScramSteps(exchange, mechanism);
  }
}

class ScramSteps implements SaslExchange {
  readonly #exchange: ScramExchange;
  readonly #mechanism: ScramMechanism;
  #isBegun = false;

  constructor(exchange: ScramExchange, mechanism: ScramMechanism) {
    this.#exchange = exchange;
    this.#mechanism = mechanism;
  }

  step(token: Uint8Array, done: (step: Step) => void): void {
    let step: Step;
    try {
      if (this.#isBegun) step = { kind: 'done', token: this.#exchange.final(token), user: this.#exchange.user };
      else step = { kind: 'continue', token: this.#exchange.first(token) };
      this.#isBegun = true;
    } catch (error) {
      if (!(error instanceof ScramError)) throw error;
      step = failed(this.#mechanism);
    }
    done(step);
  }
}

class PlainSteps implements SaslExchange {
  readonly #owner: Authenticator;

  constructor(owner: Authenticator) {
    this.#owner = owner;
  }

  step(token: Uint8Array, done: (step: Step) => void): void {
    const message = parsePlain(token);
    if (message === undefined) {
      done(failed('PLAIN'));
      return;
    }
    const { user, password } = message;
    const { users, derivations } = this.#owner;
    checkPassword(derivations, users.get(user), this.#owner.decoy(user), password, (verdict) => {
      done(verdict === 'right' ? { kind: 'done', token: EMPTY, user } : failed('PLAIN'));
    });
  }
}

/** Kafka's own words. */
function failed(mechanism: Mechanism): Step {
  const message =
    mechanism === 'PLAIN'
      ? 'Authentication failed: Invalid username or password'
      : `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`;
  return { kind: 'failed', message };
}
