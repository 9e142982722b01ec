/**
 * Users and what is stored of their passwords: `user/...` entries of the state map.
 *
 * Never a password: only salted keys (scram.ts). To remember: a change shows when its frame is durable, so what logs in
 * now will log in after a power cut; of two changes of one user the later one stands.
 */

import { Code, type CodeNumber, Level } from '../../io/native-types.ts';
import { parseUserKey, userKey, userPrefix } from '../../log/state-keys.ts';
import type { Effect, Engine } from '../../log/types.ts';
import { SCRAM_HASHES, type ScramCredential, type ScramMechanism } from './scram.ts';

/** A user's credentials by mechanism; never empty. */
export type Credentials = ReadonlyMap<ScramMechanism, ScramCredential>;

/** Longest name of a user, bytes of UTF-8: names lie in keys of the state map. */
export const USER_NAME_MAX = 256;

/** One change of one credential; without `credential` it goes. */
export interface CredentialChange {
  readonly user: string;
  readonly mechanism: ScramMechanism;
  readonly credential: ScramCredential | undefined;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The users of one engine. */
export class UserStore {
  readonly #engine: Engine;
  /** What is durable. */
  readonly #users = new Map<string, Credentials>();
  /** What is submitted, for changes that come before it is durable. */
  readonly #submitted = new Map<string, { credentials: Credentials; open: number }>();

  /** Reads all users from the state map. Throws on an entry it cannot read. */
  constructor(engine: Engine) {
    this.#engine = engine;
    for (const [key, value] of engine.scanState(userPrefix())) {
      const name = parseUserKey(key);
      if (name === undefined) throw new Error('state map holds a user entry with a key that is none');
      this.#users.set(name, decode(value));
    }
  }

  /** Names of all users, sorted. */
  names(): string[] {
    return [...this.#users.keys()].sort();
  }

  /** Credentials of a user; undefined when there is none. */
  get(user: string): Credentials | undefined {
    return this.#users.get(user);
  }

  /** As `get`, with what is not durable yet: what a change has to build on. */
  latest(user: string): Credentials | undefined {
    const submitted = this.#submitted.get(user)?.credentials;
    if (submitted === undefined) return this.#users.get(user);
    return submitted.size === 0 ? undefined : submitted;
  }

  /** Makes all changes in one frame; `done` runs when it is durable, or with the reason why not. */
  alter(changes: readonly CredentialChange[], done: (code: CodeNumber) => void): void {
    const altered = new Map<string, Map<ScramMechanism, ScramCredential>>();
    for (const { user, mechanism, credential } of changes) {
      const credentials = altered.get(user) ?? new Map(this.latest(user));
      altered.set(user, credentials);
      if (credential === undefined) credentials.delete(mechanism);
      else credentials.set(mechanism, credential);
    }
    for (const [user, credentials] of altered) {
      this.#submitted.set(user, { credentials, open: (this.#submitted.get(user)?.open ?? 0) + 1 });
    }
    const effects = Array.from(altered, ([user, credentials]) => effectOf(user, credentials));
    this.#engine.submit(effects, Level.durable, (results, failure) => {
      const code = failure !== Code.ok ? failure : (results.find((one) => one.code !== Code.ok)?.code ?? Code.ok);
      for (const [user, credentials] of altered) this.#settle(user, credentials, code);
      done(code);
    });
  }

  #settle(user: string, credentials: Credentials, code: CodeNumber): void {
    const submitted = this.#submitted.get(user);
    if (submitted !== undefined) {
      submitted.open -= 1;
      if (submitted.open === 0) this.#submitted.delete(user);
    }
    if (code !== Code.ok) return;
    if (credentials.size === 0) this.#users.delete(user);
    else this.#users.set(user, credentials);
  }
}

function effectOf(user: string, credentials: Credentials): Effect {
  if (credentials.size === 0) return { kind: 'delete', key: userKey(user) };
  return { kind: 'put', key: userKey(user), value: encode(credentials) };
}

function encode(credentials: Credentials): Uint8Array {
  const stored = Array.from(credentials, ([mechanism, { salt, iterations, storedKey, serverKey }]) => ({
    mechanism,
    salt: salt.toString('base64'),
    iterations,
    storedKey: storedKey.toString('base64'),
    serverKey: serverKey.toString('base64'),
  }));
  return new TextEncoder().encode(JSON.stringify({ v: 1, credentials: stored }));
}

function decode(value: Uint8Array): Credentials {
  const stored = JSON.parse(decoder.decode(value)) as {
    v: number;
    credentials: { mechanism: string; salt: string; iterations: number; storedKey: string; serverKey: string }[];
  };
  if (stored.v !== 1) throw new Error(`user entry has format version ${stored.v}, this program reads 1`);
  return new Map(
    stored.credentials.map(({ mechanism, salt, iterations, storedKey, serverKey }) => {
      if (!Object.hasOwn(SCRAM_HASHES, mechanism)) throw new Error(`user entry has the unknown mechanism ${mechanism}`);
      const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
      const credential = { salt: bytes(salt), iterations, storedKey: bytes(storedKey), serverKey: bytes(serverKey) };
      return [mechanism as ScramMechanism, credential];
    }),
  );
}
