/**
 * Somebody who issues tokens: keys, the set of their public halves as a file, and tokens signed by them.
 *
 * To remember: keys are made anew for each issuer; nothing here is a secret that anybody else uses.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export type TokenAlgorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface IssuedKey {
  readonly kid: string;
  readonly algorithm: TokenAlgorithm;
  readonly privateKey: KeyObject;
  readonly jwk: Record<string, unknown>;
}

export function issuedKey(kid: string, algorithm: TokenAlgorithm = 'ES256'): IssuedKey {
  const { privateKey, publicKey } = pairOf(algorithm);
  return {
    kid,
    algorithm,
    privateKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
  };
}

function pairOf(algorithm: TokenAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
}

/** The document with the public halves of `keys`. */
export function keySet(keys: readonly IssuedKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}

/** Writes that document; its address as a setting takes it. */
export function writeKeySet(path: string, keys: readonly IssuedKey[]): string {
  writeFileSync(path, keySet(keys));
  return pathToFileURL(path).href;
}

export function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A token with these claims; good for an hour from now unless they say otherwise. */
export function issuedToken(
  key: IssuedKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): string {
  const now = Math.floor(Date.now() / 1000);
  const head = segment({ alg: key.algorithm, kid: key.kid, typ: 'JWT', ...header });
  const text = `${head}.${segment({ iat: now, exp: now + 3600, ...claims })}`;
  const hash = key.algorithm === 'EdDSA' ? null : 'sha256';
  const signature = sign(hash, Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
