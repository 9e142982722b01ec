/**
 * What is known of a peer's identity: one object for each connection, from its listener's rules to its principal.
 *
 * Not the connection, which is told by callbacks. The invariants to remember: on a listener with SASL nothing but the
 * handshake is served before somebody has logged in, nor after the time of a login is over; a principal never changes on
 * a connection, also not by logging in again.
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { Authenticator, Mechanism, SaslExchange, Step } from './authenticator.ts';
import { ANONYMOUS, type Principal, userPrincipal } from './principal.ts';

/** What a listener demands. */
export interface ListenerSecurity {
  readonly isTls: boolean;
  /** Mechanisms that are offered; none: clients do not log in. */
  readonly mechanisms: readonly Mechanism[];
  /** Logs in; undefined where nobody does. */
  readonly authenticator: Authenticator | undefined;
  /** `connections.max.reauth.ms`: a login is good for so long; 0: for ever. */
  readonly reauthMs: number;
  /** How long the answer to a wrong password is held back, ms. */
  readonly failureDelayMs: number;
}

/** A listener without TLS and SASL. */
export const PLAINTEXT: ListenerSecurity = {
  isTls: false,
  mechanisms: [],
  authenticator: undefined,
  reauthMs: 0,
  failureDelayMs: 0,
};

/** The connection, as its security sees it. */
export interface SecurityOwner {
  /** Somebody has logged in: what is allowed to clients that are known holds from now on. */
  authenticated(): void;
  /** The connection is to end when what is open has been answered. */
  endSoon(reason: string): void;
  /** A token has been dealt with: requests behind it may go on. */
  progressed(): void;
}

/** What a token led to, for the answer. */
export interface TokenAnswer {
  readonly error: ErrorNumber;
  readonly message: string | null;
  readonly token: Uint8Array;
  readonly sessionLifetimeMs: number;
}

const API_VERSIONS = 18;
const HANDSHAKE = 17;
const AUTHENTICATE = 36;
const NOTHING = new Uint8Array(0);

export class PeerSecurity {
  readonly listener: ListenerSecurity;
  #owner: SecurityOwner | undefined;
  #principal: Principal = ANONYMOUS;
  #isAuthenticated: boolean;
  #mechanism: Mechanism | undefined;
  #exchange: SaslExchange | undefined;
  #endsMs = Number.POSITIVE_INFINITY;
  /** Why the login will fail: some clients (kafkajs) take no notice of a token that was refused, and go on. */
  #problem: string | undefined;
  #isBusy = false;
  #isRaw = false;
  #isEnding = false;

  /** `certified`: the principal of a client certificate, if there is one. */
  constructor(listener: ListenerSecurity, certified?: Principal) {
    this.listener = listener;
    this.#isAuthenticated = listener.mechanisms.length === 0;
    if (certified !== undefined && this.#isAuthenticated) this.#principal = certified;
  }

  /** From now on `owner` is told what happens. */
  attach(owner: SecurityOwner): void {
    this.#owner = owner;
  }

  get principal(): Principal {
    return this.#principal;
  }

  /** Whether the peer may ask for more than the handshake. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** A token is being looked at: no other request is taken meanwhile. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** What comes next is a token by itself, without a request around it: the old handshake. */
  get takesRawToken(): boolean {
    return this.#isRaw && this.#exchange !== undefined;
  }

  /** Why a request of this API is not served now; undefined when it is. */
  refusal(apiKey: number, nowMs: number): string | undefined {
    if (this.#isEnding) return 'a request after a failed login';
    if (apiKey === API_VERSIONS || apiKey === HANDSHAKE || apiKey === AUTHENTICATE) return undefined;
    if (!this.#isAuthenticated) {
      const why = this.#problem === undefined ? '' : `, with ${this.#mechanism}: ${this.#problem}`;
      return `API ${apiKey} before anybody has logged in${why}`;
    }
    return nowMs >= this.#endsMs ? 'its login is over and was not renewed' : undefined;
  }

  /** Nobody has to log in any more, nor again. */
  get #isSettled(): boolean {
    return this.#isAuthenticated && this.#endsMs === Number.POSITIVE_INFINITY;
  }

  /** The client chooses a mechanism; with `isRaw` tokens come by themselves. */
  handshake(name: string, isRaw: boolean): ErrorNumber {
    const { mechanisms, authenticator } = this.listener;
    if (authenticator === undefined || this.#isSettled) return ErrorCode.ILLEGAL_SASL_STATE;
    if (this.#exchange !== undefined) return this.#outOfPlace();
    const mechanism = mechanisms.find((one) => one === name);
    if (mechanism === undefined) {
      this.#fail(`it asked for the mechanism ${JSON.stringify(name.slice(0, 40))}`);
      return ErrorCode.UNSUPPORTED_SASL_MECHANISM;
    }
    if (this.#mechanism !== undefined && this.#mechanism !== mechanism) return this.#outOfPlace();
    this.#mechanism = mechanism;
    this.#exchange = authenticator.begin(mechanism);
    this.#isRaw = isRaw;
    return ErrorCode.NONE;
  }

  /** Looks at a token; `done` runs once, at once or later. */
  token(token: Uint8Array, done: (answer: TokenAnswer) => void): void {
    const exchange = this.#exchange;
    if (this.#isSettled) {
      const message = 'SaslAuthenticate request received after successful authentication';
      done({ ...answerOf(ErrorCode.ILLEGAL_SASL_STATE), message });
      return;
    }
    if (exchange === undefined || this.#isBusy) {
      done({ ...answerOf(this.#outOfPlace()), message: 'SaslAuthenticate request received out of order' });
      return;
    }
    this.#isBusy = true;
    exchange.step(Uint8Array.from(token), (step) => {
      if (step.kind === 'continue') {
        this.#problem = step.reason;
        this.#finish(done, { ...answerOf(ErrorCode.NONE), token: step.token });
      } else if (step.kind === 'failed') this.#refuse(step, done);
      else this.#succeed(step, done);
    });
  }

  #succeed(step: Extract<Step, { kind: 'done' }>, done: (answer: TokenAnswer) => void): void {
    const principal = userPrincipal(step.user);
    if (this.#isAuthenticated && principal !== this.#principal) {
      this.#refuse({ message: 'Cannot change principals during re-authentication' }, done);
      return;
    }
    const { reauthMs } = this.listener;
    const lifetimeMs = Math.min(
      reauthMs > 0 ? reauthMs : Number.POSITIVE_INFINITY,
      step.lifetimeMs ?? Number.POSITIVE_INFINITY,
    );
    this.#exchange = undefined;
    this.#principal = principal;
    this.#isAuthenticated = true;
    this.#endsMs = performance.now() + lifetimeMs;
    this.#owner?.authenticated();
    const sessionLifetimeMs = Number.isFinite(lifetimeMs) ? Math.floor(lifetimeMs) : 0;
    this.#finish(done, { ...answerOf(ErrorCode.NONE), token: step.token, sessionLifetimeMs });
  }

  #refuse(
    { message, reason }: Omit<Extract<Step, { kind: 'failed' }>, 'kind'>,
    done: (answer: TokenAnswer) => void,
  ): void {
    this.#exchange = undefined;
    const answer = { ...answerOf(ErrorCode.SASL_AUTHENTICATION_FAILED), message };
    const tell = (): void => {
      this.#finish(done, answer);
      this.#fail(`it could not log in with ${this.#mechanism}${reason === undefined ? '' : `: ${reason}`}`);
    };
    if (this.listener.failureDelayMs === 0) tell();
    else setTimeout(tell, this.listener.failureDelayMs);
  }

  #finish(done: (answer: TokenAnswer) => void, answer: TokenAnswer): void {
    this.#isBusy = false;
    done(answer);
    this.#owner?.progressed();
  }

  #outOfPlace(): ErrorNumber {
    this.#fail('a step of the login was out of place');
    return ErrorCode.ILLEGAL_SASL_STATE;
  }

  #fail(reason: string): void {
    this.#isEnding = true;
    this.#owner?.endSoon(reason);
  }
}

function answerOf(error: ErrorNumber): TokenAnswer {
  return { error, message: null, token: NOTHING, sessionLifetimeMs: 0 };
}
