/** SCRAM against the examples of its RFCs, and against clients that do not keep to it. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  credentialOf,
  isPassword,
  ScramError,
  ScramExchange,
  type ScramHash,
} from '../../../ts/broker/security/scram.ts';

const DECOY = credentialOf('sha256', Buffer.alloc(32, 1), Buffer.alloc(16, 2), 4096);

interface Example {
  readonly rfc: string;
  readonly hash: ScramHash;
  readonly salt: string;
  readonly clientNonce: string;
  readonly serverNonce: string;
  readonly proof: string;
  readonly verifier: string;
}

const EXAMPLES: readonly Example[] = [
  {
    rfc: '5802, section 5',
    hash: 'sha1',
    salt: 'QSXCR+Q6sek8bf92',
    clientNonce: 'fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    verifier: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    rfc: '7677, section 3',
    hash: 'sha256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    clientNonce: 'rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    verifier: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
];

const BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const;

function storedOf(hash: ScramHash, password: string, salt: Buffer, iterations = 4096) {
  return credentialOf(hash, pbkdf2Sync(password, salt, iterations, BYTES[hash], hash), salt, iterations);
}

/** A client as the RFC describes it, for any hash. */
function finalOf(
  hash: ScramHash,
  password: string,
  bare: string,
  serverFirst: string,
  header = 'n,,',
  before = '',
): string {
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), BYTES[hash], hash);
  const clientKey = createHmac(hash, salted).update('Client Key').digest();
  const stored = createHash(hash).update(clientKey).digest();
  const withoutProof = `c=${Buffer.from(header).toString('base64')},r=${before}${nonce}`;
  const signature = createHmac(hash, stored).update(`${bare},${serverFirst},${withoutProof}`).digest();
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number));
  return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
}

function exchangeOf(password: string | undefined, hash: ScramHash = 'sha256'): ScramExchange {
  const stored = password === undefined ? undefined : storedOf(hash, password, Buffer.from('salt-salt'));
  return new ScramExchange(
    hash,
    () => stored,
    () => DECOY,
  );
}

describe('SCRAM', () => {
  it.each(EXAMPLES)('answers the example of RFC $rfc to the letter', (example) => {
    const { hash, salt, clientNonce, serverNonce, proof, verifier } = example;
    const stored = storedOf(hash, 'pencil', Buffer.from(salt, 'base64'));
    const exchange = new ScramExchange(
      hash,
      (user) => (user === 'user' ? stored : undefined),
      () => DECOY,
      () => serverNonce,
    );
    const first = exchange.first(Buffer.from(`n,,n=user,r=${clientNonce}`)).toString();
    expect(first).toBe(`r=${clientNonce}${serverNonce},s=${salt},i=4096`);
    const final = exchange.final(Buffer.from(`c=biws,r=${clientNonce}${serverNonce},p=${proof}`)).toString();
    expect(final).toBe(`v=${verifier}`);
    expect(exchange.user).toBe('user');
  });

  it.each(['sha256', 'sha512'] as const)('lets in who knows the password, and nobody else (%s)', (hash) => {
    const first = 'n=alice,r=abcdef';
    const right = exchangeOf('secret', hash);
    right.final(Buffer.from(finalOf(hash, 'secret', first, right.first(Buffer.from(`n,,${first}`)).toString())));
    const wrong = exchangeOf('secret', hash);
    const answer = wrong.first(Buffer.from(`n,,${first}`)).toString();
    expect(() => wrong.final(Buffer.from(finalOf(hash, 'Secret', first, answer)))).toThrow(ScramError);
  });

  it('shows an unknown user a salt and rounds, and fails with the proof only', () => {
    // Also when somebody has found a password for what the unknown user seems to have.
    const decoy = storedOf('sha256', 'any', Buffer.from('salt-salt'));
    const exchange = new ScramExchange(
      'sha256',
      () => undefined,
      () => decoy,
    );
    const answer = exchange.first(Buffer.from('n,,n=nobody,r=abc')).toString();
    expect(answer).toMatch(/^r=abc[^,]{20,},s=[^,]+,i=4096$/);
    expect(() => exchange.final(Buffer.from(finalOf('sha256', 'any', 'n=nobody,r=abc', answer)))).toThrow(ScramError);
  });

  it('refuses a final message with the nonce of the client alone, of another exchange, or longer', () => {
    for (const change of [
      (nonce: string) => nonce.slice(0, 6),
      (nonce: string) => `${nonce}x`,
      () => 'abcdef0123456789012345678901',
    ]) {
      const exchange = exchangeOf('secret');
      const answer = exchange.first(Buffer.from('n,,n=alice,r=abcdef')).toString();
      const nonce = /^r=([^,]+)/.exec(answer)?.[1] ?? '';
      const forged = finalOf('sha256', 'secret', 'n=alice,r=abcdef', answer.replace(nonce, change(nonce)));
      expect(() => exchange.final(Buffer.from(forged))).toThrow('nonce');
    }
  });

  it('takes the nonce as librdkafka before 2.6.1 writes it, its own part twice', () => {
    const exchange = exchangeOf('secret');
    const answer = exchange.first(Buffer.from('n,,n=alice,r=abcdef')).toString();
    const doubled = finalOf('sha256', 'secret', 'n=alice,r=abcdef', answer, 'n,,', 'abcdef');
    expect(exchange.final(Buffer.from(doubled)).toString()).toMatch(/^v=/);
  });

  it('refuses another header than the one that was sent', () => {
    const exchange = exchangeOf('secret');
    const answer = exchange.first(Buffer.from('n,,n=alice,r=abcdef')).toString();
    const final = finalOf('sha256', 'secret', 'n=alice,r=abcdef', answer, 'y,,');
    expect(() => exchange.final(Buffer.from(final))).toThrow('channel binding');
  });

  it('reads commas and equals signs in names, and lets nobody act for another user', () => {
    const exchange = exchangeOf('secret');
    exchange.first(Buffer.from('n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=abc'));
    expect(exchange.user).toBe('a,b=c');
    expect(() => exchangeOf('secret').first(Buffer.from('n,a=root,n=alice,r=abc'))).toThrow('another user');
  });

  it.each([
    '',
    'n,,',
    'n,,n=,r=abc',
    'n,,n=alice',
    'n,,n=alice,r=',
    'n,,r=abc,n=alice',
    'n,,n=al=2cice,r=abc',
    'n,,m=x,n=alice,r=abc',
    'p=tls-unique,,n=alice,r=abc',
    'x,,n=alice,r=abc',
    `n,,n=${'a'.repeat(5000)},r=abc`,
  ])('refuses the first message %j', (text) => {
    expect(() => exchangeOf('secret').first(Buffer.from(text))).toThrow(ScramError);
  });

  it('answers any bytes with an error of its own, in either place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isBegun) => {
        const exchange = exchangeOf('secret');
        if (isBegun) exchange.first(Buffer.from('n,,n=alice,r=abcdef'));
        try {
          if (isBegun) exchange.final(bytes);
          else exchange.first(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ScramError);
        }
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('tells a password by its salted form', () => {
    const stored = storedOf('sha256', 'secret', Buffer.from('salt'));
    const salted = (password: string) => pbkdf2Sync(password, 'salt', 4096, 32, 'sha256');
    expect(isPassword('sha256', salted('secret'), stored)).toBe(true);
    expect(isPassword('sha256', salted('secreu'), stored)).toBe(false);
  });
});
