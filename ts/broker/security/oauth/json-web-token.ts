/**
 * A signed token (RFC 7519 in RFC 7515's compact form): who it is for, and whether it is good now.
 *
 * Pure: keys and time are inputs. The invariants to remember: nothing in a token is believed before its signature has been
 * verified by a key of the set; the algorithm has to fit the key, not only the header; a token without a signature
 * (`none`, KIP-255's development mode) or with a shared secret is never good.
 */

import { constants, verify } from 'node:crypto';
import type { VerificationKey } from './json-web-keys.ts';

/** What a token has to say. */
export interface TokenRules {
  /** `sasl.oauthbearer.expected.issuer`; undefined: any. */
  readonly issuer: string | undefined;
  /** `sasl.oauthbearer.expected.audience`: one of them; empty: any. */
  readonly audiences: readonly string[];
  /** The claim that names the user. */
  readonly subjectClaim: string;
  /** How far clocks may be apart. */
  readonly skewSeconds: number;
}

/** What a token says that is good. */
export interface VerifiedToken {
  readonly subject: string;
  /** Until when it is good, clocks considered: wall time, ms. */
  readonly endsMs: number;
}

interface Algorithm {
  readonly kind: string;
  readonly curve?: string;
  readonly hash: string | null;
  readonly isPss?: true;
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { kind: 'RSA', hash: 'sha256' },
  RS384: { kind: 'RSA', hash: 'sha384' },
  RS512: { kind: 'RSA', hash: 'sha512' },
  PS256: { kind: 'RSA', hash: 'sha256', isPss: true },
  PS384: { kind: 'RSA', hash: 'sha384', isPss: true },
  PS512: { kind: 'RSA', hash: 'sha512', isPss: true },
  ES256: { kind: 'EC', curve: 'P-256', hash: 'sha256' },
  ES384: { kind: 'EC', curve: 'P-384', hash: 'sha384' },
  ES512: { kind: 'EC', curve: 'P-521', hash: 'sha512' },
  EdDSA: { kind: 'OKP', curve: 'Ed25519', hash: null },
};

const PART = /^[A-Za-z0-9_-]+$/;
/** Longest name of a user, letters. */
const SUBJECT_MAX = 1024;

/** A token taken apart; nothing of it is verified yet. */
export interface ParsedToken {
  readonly kid: string | undefined;
  readonly algorithm: string;
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Takes a token apart; what is wrong with it when that cannot be done, or when no key could make it good. */
export function parseToken(token: string): ParsedToken | string {
  const parts = token.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || !PART.test(head) || !PART.test(body)) return 'it is no signed token';
  const header = objectOf(head);
  const claims = objectOf(body);
  if (header === undefined || claims === undefined) return 'it is no signed token';
  const { alg, kid, crit } = header;
  if (typeof alg !== 'string' || !Object.hasOwn(ALGORITHMS, alg))
    return 'it is not signed by an algorithm that is taken';
  if (!PART.test(signature)) return 'it is no signed token';
  if (crit !== undefined) return 'its header demands what is not known here';
  return {
    kid: typeof kid === 'string' ? kid : undefined,
    algorithm: alg,
    signed: Buffer.from(`${head}.${body}`, 'latin1'),
    signature: Buffer.from(signature, 'base64url'),
    claims,
  };
}

/** Keys of a set that a token may be signed with: the one it names, or all that fit when it names none. */
export function fittingKeys(
  { kid, algorithm }: ParsedToken,
  keys: readonly VerificationKey[],
): readonly VerificationKey[] {
  const wanted = ALGORITHMS[algorithm];
  return keys.filter(
    (one) =>
      one.kind === wanted?.kind &&
      (wanted.curve === undefined || one.curve === wanted.curve) &&
      (one.algorithm === undefined || one.algorithm === algorithm) &&
      (kid === undefined || one.kid === kid),
  );
}

/** Judges a token by signature, time and rules; the reason when it is not good. `nowMs` is wall time. */
export function verifyToken(
  token: ParsedToken,
  keys: readonly VerificationKey[],
  rules: TokenRules,
  nowMs: number,
): VerifiedToken | string {
  const fitting = fittingKeys(token, keys);
  if (fitting.length === 0) return 'no key of the set fits it';
  if (!fitting.some((one) => isSignedBy(token, one))) return 'its signature is wrong';
  const { exp, nbf, iat, iss, aud, [rules.subjectClaim]: subject } = token.claims;
  const nowSeconds = nowMs / 1000;
  if (!isTime(exp)) return 'it has no end';
  if (!isTime(iat)) return 'it does not say when it was issued';
  if (nowSeconds >= exp + rules.skewSeconds) return 'it has expired';
  if (iat > nowSeconds + rules.skewSeconds) return 'it was issued in the future';
  if (nbf !== undefined && !(isTime(nbf) && nbf <= nowSeconds + rules.skewSeconds)) return 'it is not good yet';
  if (rules.issuer !== undefined && iss !== rules.issuer) return 'it is of another issuer';
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (rules.audiences.length > 0 && !rules.audiences.some((one) => audiences.includes(one))) {
    return 'it is for another audience';
  }
  if (!isName(subject)) return `its claim ${rules.subjectClaim} names nobody`;
  return { subject, endsMs: (exp + rules.skewSeconds) * 1000 };
}

function isSignedBy({ algorithm, signed, signature }: ParsedToken, { key }: VerificationKey): boolean {
  const { hash = null, kind, isPss } = ALGORITHMS[algorithm] ?? {};
  if (kind === 'EC') return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (isPss === undefined) return verify(hash, signed, key, signature);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify(hash, signed, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
}

function objectOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Control characters would make lines of the log and of rules that nobody wrote. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= SUBJECT_MAX && !/\p{Cc}/u.test(value);
}
