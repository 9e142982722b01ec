/**
 * A set of public keys (RFC 7517): what of a JWKS document can verify signatures here.
 *
 * Not where the document comes from (key-source.ts). To remember: a shared secret in the set is never a key, for whoever
 * can read the set could sign with it; keys that are too short or of unknown kinds are left out.
 */

import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** A key that signatures are verified with. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** RSA, EC or OKP. */
  readonly kind: string;
  /** Curve, for EC and OKP. */
  readonly curve: string | undefined;
  /** The one algorithm it is for; undefined: any of its kind. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

/** Keys of one set that are looked at: a token without the name of a key is tried with all that fit. */
const KEYS_MAX = 32;
const RSA_BITS_MIN = 2048;
const KINDS: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/** The keys of a document. Throws when it is no set of keys, or has none of use. */
export function parseKeySet(document: string): readonly VerificationKey[] {
  const { keys } = JSON.parse(document) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('it has no list "keys"');
  const found: VerificationKey[] = [];
  for (const entry of keys.slice(0, KEYS_MAX) as JsonWebKey[]) {
    const key = verificationKey(entry);
    if (key !== undefined) found.push(key);
  }
  if (found.length === 0) throw new Error('none of its keys can verify a signature');
  return found;
}

function verificationKey(entry: JsonWebKey | null): VerificationKey | undefined {
  if (entry === null || typeof entry !== 'object' || !KINDS.includes(entry.kty)) return undefined;
  const { use, key_ops: operations, kid, alg, kty = '', crv } = entry;
  if (use !== undefined && use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: entry, format: 'jwk' });
  } catch {
    return undefined;
  }
  if (kty === 'RSA' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN) return undefined;
  return { kid: textOf(kid), kind: kty, curve: textOf(crv), algorithm: textOf(alg), key };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
