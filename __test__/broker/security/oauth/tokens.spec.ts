/** Tokens: which are good, which are not and why, and that nothing but a signature makes one good. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseKeySet } from '../../../../ts/broker/security/oauth/json-web-keys.ts';
import { parseToken, type TokenRules, verifyToken } from '../../../../ts/broker/security/oauth/json-web-token.ts';
import { issuedKey, issuedToken, keySet, segment } from '../../../support/token-issuer.ts';

const KEY = issuedKey('first');
const KEYS = parseKeySet(keySet([KEY, issuedKey('second')]));
const RULES: TokenRules = { issuer: undefined, audiences: [], subjectClaim: 'sub', skewSeconds: 30 };
const NOW_MS = Date.now();
const now = Math.floor(NOW_MS / 1000);

/** The user of a token, or why it is not good. */
function judged(token: string, rules: Partial<TokenRules> = {}, keys = KEYS): string {
  const parsed = parseToken(token);
  if (typeof parsed === 'string') return parsed;
  const verified = verifyToken(parsed, keys, { ...RULES, ...rules }, NOW_MS);
  return typeof verified === 'string' ? verified : `user ${verified.subject}`;
}

describe('a token', () => {
  it.each(['RS256', 'ES256', 'EdDSA'] as const)('signed by %s names its user', (algorithm) => {
    const key = issuedKey('k', algorithm);
    const keys = parseKeySet(keySet([key]));
    expect(judged(issuedToken(key, { sub: 'alice' }), {}, keys)).toBe('user alice');
    expect(judged(issuedToken(issuedKey('k', algorithm), { sub: 'alice' }), {}, keys)).toBe('its signature is wrong');
  });

  it('without the name of a key is tried with all keys that fit', () => {
    expect(judged(issuedToken(KEY, { sub: 'a' }, { kid: undefined }))).toBe('user a');
    expect(judged(issuedToken(issuedKey('third'), { sub: 'a' }, { kid: undefined }))).toBe('its signature is wrong');
    expect(judged(issuedToken(issuedKey('third'), { sub: 'a' }))).toBe('no key of the set fits it');
  });

  it('without a signature is never good (KIP-255), nor one signed by what everybody can read', () => {
    const claims = segment({ sub: 'admin', iat: now, exp: now + 60 });
    expect(judged(`${segment({ alg: 'none' })}.${claims}.`)).toBe('it is not signed by an algorithm that is taken');
    const text = `${segment({ alg: 'HS256', kid: 'first' })}.${claims}`;
    const forged = createHmac('sha256', KEYS[0]?.key.export({ type: 'spki', format: 'pem' }) ?? '').update(text);
    expect(judged(`${text}.${forged.digest('base64url')}`)).toBe('it is not signed by an algorithm that is taken');
  });

  it('is bound to the kind of its key, whatever its header says', () => {
    const signed = issuedToken(KEY, { sub: 'a' });
    const [, body = '', signature = ''] = signed.split('.');
    expect(judged(`${segment({ alg: 'RS256', kid: 'first' })}.${body}.${signature}`)).toBe('no key of the set fits it');
    expect(judged(`${segment({ alg: 'ES384', kid: 'first' })}.${body}.${signature}`)).toBe('no key of the set fits it');
  });

  it('with any byte changed is not good', () => {
    const token = issuedToken(KEY, { sub: 'alice' });
    const [head = '', body = '', signature = ''] = token.split('.');
    const other = Buffer.from(body, 'base64url').toString().replace('alice', 'admin');
    expect(judged(`${head}.${Buffer.from(other).toString('base64url')}.${signature}`)).toBe('its signature is wrong');
    expect(judged(`${head}.${body}.${signature.slice(0, -4)}AAAA`)).toBe('its signature is wrong');
    expect(judged(`${head}.${body}.`)).toBe('it is no signed token');
  });

  it.each([
    ['has expired', { exp: now - 31 }, 'it has expired'],
    ['has no end', { exp: undefined }, 'it has no end'],
    ['ends at no time', { exp: 'tomorrow' }, 'it has no end'],
    ['does not say when it was issued', { iat: undefined }, 'it does not say when it was issued'],
    ['was issued in the future', { iat: now + 60 }, 'it was issued in the future'],
    ['is not good yet', { nbf: now + 60 }, 'it is not good yet'],
    ['names nobody', { sub: '' }, 'its claim sub names nobody'],
    ['names more than a user', { sub: ['a'] }, 'its claim sub names nobody'],
    ['has a name with a line in it', { sub: 'a\nb' }, 'its claim sub names nobody'],
  ])('that %s is not good', (_what, claims, problem) => {
    expect(judged(issuedToken(KEY, { sub: 'a', ...claims }))).toBe(problem);
  });

  it('may be off by the skew of clocks', () => {
    expect(judged(issuedToken(KEY, { sub: 'a', exp: now - 20, iat: now + 20, nbf: now + 20 }))).toBe('user a');
  });

  it('has to be of the issuer and for the audience that are expected', () => {
    const rules = { issuer: 'https://issuer', audiences: ['kafka', 'millrace'] };
    const token = (claims: object) => issuedToken(KEY, { sub: 'a', iss: 'https://issuer', aud: 'kafka', ...claims });
    expect(judged(token({}), rules)).toBe('user a');
    expect(judged(token({ aud: ['x', 'millrace'] }), rules)).toBe('user a');
    expect(judged(token({ iss: 'https://other' }), rules)).toBe('it is of another issuer');
    expect(judged(token({ aud: ['x'] }), rules)).toBe('it is for another audience');
    expect(judged(token({ aud: undefined }), rules)).toBe('it is for another audience');
  });

  it('may name its user in another claim', () => {
    expect(judged(issuedToken(KEY, { sub: 'id', email: 'a@b' }), { subjectClaim: 'email' })).toBe('user a@b');
  });

  it.each(['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', `${segment([])}.${segment({})}.AA`, `${segment(null)}.x.y`])(
    'that is none (%j) is refused before any key is asked',
    (text) => expect(typeof parseToken(text)).toBe('string'),
  );

  it('whose header demands something more is refused', () => {
    expect(judged(issuedToken(KEY, { sub: 'a' }, { crit: ['b64'] }))).toBe('its header demands what is not known here');
  });
});

describe('a set of keys', () => {
  it('leaves out secrets, keys for encryption, short keys and what it does not know', () => {
    const good = issuedKey('good').jwk;
    const keys = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'secret' },
      { ...issuedKey('other use').jwk, use: 'enc' },
      { ...issuedKey('other operation').jwk, key_ops: ['encrypt'] },
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'short' },
      { kty: 'new' },
      null,
      'text',
      good,
    ];
    expect(parseKeySet(JSON.stringify({ keys })).map(({ kid }) => kid)).toEqual(['good']);
  });

  it.each(['', 'x', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[]}', '{"keys":[{"kty":"oct"}]}'])(
    'without a key of use (%s) is an error, not an empty set',
    (document) => expect(() => parseKeySet(document)).toThrow(),
  );
});
