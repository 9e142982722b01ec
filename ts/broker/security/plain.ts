/**
 * SASL PLAIN (RFC 4616): one message with name and password, checked against the salted keys of SCRAM.
 *
 * To remember: a user that is not there costs the same derivation as one that is, and the copy of the password is wiped
 * when it has been derived.
 */

import type { Derivations } from './derivations.ts';
import { isPassword, SCRAM_HASHES, type ScramCredential, type ScramMechanism } from './scram.ts';
import type { Credentials } from './user-store.ts';

/** Longest name and longest password, bytes. */
const PART_MAX = 1024;

interface PlainMessage {
  readonly user: string;
  readonly password: Buffer;
}

/** Takes a message apart; undefined when it is none, or when somebody wants to act for another user. */
export function parsePlain(token: Uint8Array): PlainMessage | undefined {
  const first = token.indexOf(0);
  const second = first < 0 ? -1 : token.indexOf(0, first + 1);
  if (second < 0 || token.indexOf(0, second + 1) >= 0) return undefined;
  const [authzid, name] = [token.subarray(0, first), token.subarray(first + 1, second)];
  const password = token.subarray(second + 1);
  if (name.length === 0 || name.length > PART_MAX || password.length === 0 || password.length > PART_MAX) {
    return undefined;
  }
  if (authzid.length > 0 && !Buffer.from(authzid).equals(name)) return undefined;
  try {
    const user = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
    return { user, password: Buffer.from(password) };
  } catch {
    return undefined;
  }
}

/** What became of a password: `busy` when too many wait already. */
export type Verdict = 'right' | 'wrong' | 'busy';

/** Checks a password of a user; `credentials` is undefined for one that is not there. `password` is wiped. */
export function checkPassword(
  derivations: Derivations,
  credentials: Credentials | undefined,
  decoy: ScramCredential,
  password: Buffer,
  done: (verdict: Verdict) => void,
): void {
  const [first] = credentials ?? [];
  const [mechanism, credential]: readonly [ScramMechanism, ScramCredential] = first ?? ['SCRAM-SHA-256', decoy];
  derivations.derive(mechanism, password, credential.salt, credential.iterations, (salted) => {
    if (salted === null) done('busy');
    else done(isPassword(SCRAM_HASHES[mechanism], salted, credential) && first !== undefined ? 'right' : 'wrong');
  });
}
