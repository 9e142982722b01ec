/**
 * SASL OAUTHBEARER (RFC 7628): one message with a token, and what its claims make of the peer.
 *
 * Not the judgement of the token (json-web-token.ts). To remember: a token that is not good is answered with a document in
 * an exchange that goes on, and the peer has to say one more byte before the login has failed; a login is good for as long
 * as its token.
 */

import type { SaslExchange, Step } from '../authenticator.ts';
import { fittingKeys, type ParsedToken, parseToken, type TokenRules, verifyToken } from './json-web-token.ts';
import type { KeySource } from './key-source.ts';

/** What tokens are judged by. */
export interface OauthBearer {
  readonly keys: KeySource;
  readonly rules: TokenRules;
  /** Wall time, ms. */
  readonly wallMs: () => number;
}

const EMPTY = Buffer.alloc(0);
/** Stands between the pairs of a message. */
const BETWEEN = '\u0001';
const HEAD = /^n,(?:a=([^,]*))?,$/;
const PAIR = /^[A-Za-z]+=/;
const BEARER = /^bearer +([A-Za-z0-9._-]+)$/i;
/** Kafka's own words. */
const INVALID = '{"status":"invalid_token"}';

interface Message {
  /** Whom the peer wants to act as; empty: whom the token names. */
  readonly user: string;
  readonly token: string;
}

/** Takes the first message apart: `n,a=USER,` and pairs `name=value`, one of them `auth=Bearer TOKEN`; undefined when it is none. */
export function parseBearer(bytes: Uint8Array): Message | undefined {
  const [head = '', ...rest] = Buffer.from(bytes).toString('utf8').split(BETWEEN);
  const [whole, user = ''] = HEAD.exec(head) ?? [];
  // Each pair ends with the byte, and one more ends the message.
  const [pairs, ends] = [rest.slice(0, -2), rest.slice(-2)];
  if (whole === undefined || ends.length < 2 || ends.some((one) => one !== '')) return undefined;
  if (!pairs.every((pair) => PAIR.test(pair))) return undefined;
  const auth = pairs.filter((pair) => pair.startsWith('auth='));
  const [, token] = BEARER.exec(auth[0]?.slice('auth='.length) ?? '') ?? [];
  if (auth.length !== 1 || token === undefined) return undefined;
  return { user: user.replaceAll('=2C', ',').replaceAll('=3D', '='), token };
}

/** One login by a token. */
export class BearerSteps implements SaslExchange {
  readonly #oauth: OauthBearer;
  /** Why the token was not good, once that was told. */
  #problem: string | undefined;

  constructor(oauth: OauthBearer) {
    this.#oauth = oauth;
  }

  step(bytes: Uint8Array, done: (step: Step) => void): void {
    if (this.#problem !== undefined) {
      done({ kind: 'failed', message: INVALID, reason: this.#problem });
      return;
    }
    const message = parseBearer(bytes);
    if (message === undefined) {
      done({ kind: 'failed', message: 'Invalid OAUTHBEARER client first message', reason: 'its message is malformed' });
      return;
    }
    const token = parseToken(message.token);
    if (typeof token === 'string') this.#refuse(token, done);
    else void this.#judge(token, message.user, done);
  }

  async #judge(token: ParsedToken, user: string, done: (step: Step) => void): Promise<void> {
    const { keys: source, rules, wallMs } = this.#oauth;
    const keys = await source.keys((known) => fittingKeys(token, known).length > 0);
    const nowMs = wallMs();
    const verified = verifyToken(token, keys, rules, nowMs);
    if (typeof verified === 'string') this.#refuse(verified, done);
    else if (user !== '' && user !== verified.subject) this.#refuse('it is for somebody else', done);
    else {
      const lifetimeMs = verified.endsMs - nowMs;
      done({ kind: 'done', token: EMPTY, user: verified.subject, lifetimeMs });
    }
  }

  #refuse(problem: string, done: (step: Step) => void): void {
    this.#problem = problem;
    done({ kind: 'continue', token: Buffer.from(INVALID), reason: problem });
  }
}
