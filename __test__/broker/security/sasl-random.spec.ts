/**
 * Random bytes, and messages that are almost right, into the state machine of logins: nobody gets in, nothing throws, every
 * token is answered once. Seeded; a failure prints the seed and the path to replay.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../ts/broker/protocol/error-codes.ts';
import { Authenticator, MECHANISMS } from '../../../ts/broker/security/authenticator.ts';
import { parseKeySet } from '../../../ts/broker/security/oauth/json-web-keys.ts';
import { parseToken, verifyToken } from '../../../ts/broker/security/oauth/json-web-token.ts';
import { KeySource } from '../../../ts/broker/security/oauth/key-source.ts';
import { parseBearer } from '../../../ts/broker/security/oauth/oauth-bearer.ts';
import { PeerSecurity, type TokenAnswer } from '../../../ts/broker/security/peer-security.ts';
import { UserStore } from '../../../ts/broker/security/user-store.ts';
import { issuedKey, issuedToken, keySet } from '../../support/token-issuer.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const KEY = issuedKey('k');
const KEYS = parseKeySet(keySet([KEY]));
const RULES = { issuer: undefined, audiences: [], subjectClaim: 'sub', skewSeconds: 0 };
const GOOD = issuedToken(KEY, { sub: 'somebody' });

/** What logs in where there are no users and no keys: nobody. */
function authenticator(): Authenticator {
  const engine = openWatchedEngine();
  const users = new UserStore(engine);
  const options = { url: new URL('file:///nowhere'), refreshMs: 1, nowMs: () => performance.now(), failed: () => {} };
  return new Authenticator(users, { keys: new KeySource(options), rules: RULES, wallMs: Date.now });
}

const owner = { authenticated: () => {}, endSoon: () => {}, progressed: () => {} };

/** Texts like those of the mechanisms, and bytes like nothing. */
const message = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)),
  fc
    .tuple(
      fc.constantFrom('n,,', 'y,,', 'n,a=x,', 'p=tls,,', ''),
      fc.string({ maxLength: 20 }),
      fc.string({ maxLength: 20 }),
    )
    .map(([head, user, nonce]) => Buffer.from(`${head}n=${user},r=${nonce}`)),
  fc
    .tuple(fc.string({ maxLength: 20 }), fc.base64String({ maxLength: 40 }))
    .map(([nonce, proof]) => Buffer.from(`c=biws,r=${nonce},p=${proof}`)),
  fc.array(fc.string({ maxLength: 10 }), { maxLength: 4 }).map((parts) => Buffer.from(parts.join('\0'))),
  fc.string({ maxLength: 60 }).map((token) => Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`)),
  fc.constant(Buffer.from(`n,,\u0001auth=Bearer ${GOOD}\u0001\u0001`)),
);

type Action =
  | { readonly kind: 'handshake'; readonly name: string; readonly isRaw: boolean }
  | { readonly kind: 'token'; readonly bytes: Uint8Array };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('handshake' as const),
      name: fc.oneof(fc.constantFrom<string>(...MECHANISMS), fc.string({ maxLength: 12 })),
      isRaw: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('token' as const), bytes: message }) },
);

/** Plays actions on one connection; resolves with the answers to its tokens. */
async function play(peer: PeerSecurity, actions: readonly Action[]): Promise<TokenAnswer[]> {
  const answers: TokenAnswer[] = [];
  for (const one of actions) {
    if (one.kind === 'handshake') peer.handshake(one.name, one.isRaw);
    else {
      const answer = await new Promise<TokenAnswer>((resolve, reject) => {
        let count = 0;
        peer.token(one.bytes, (told) => {
          count += 1;
          if (count > 1) reject(new Error('a token was answered twice'));
          resolve(told);
        });
      });
      answers.push(answer);
    }
  }
  return answers;
}

describe('random logins', () => {
  it('let nobody in, whatever comes in whatever order, and answer every token once', async () => {
    const listener = {
      isTls: true,
      mechanisms: MECHANISMS,
      authenticator: authenticator(),
      reauthMs: 0,
      failureDelayMs: 0,
    };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 8 }), async (actions) => {
        const peer = new PeerSecurity(listener);
        peer.attach(owner);
        const answers = await play(peer, actions);
        expect(answers).toHaveLength(actions.filter(({ kind }) => kind === 'token').length);
        expect(peer.isAuthenticated).toBe(false);
        expect(peer.isBusy).toBe(false);
        expect(peer.refusal(3, performance.now())).toBeDefined();
      }),
      { seed: 20_261_122, numRuns: 400 },
    );
  }, 60_000);

  it('find no token good of which a byte was changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: GOOD.length - 1 }), fc.constantFrom(...'AQgw_-.x9='), (at, letter) => {
        const changed = GOOD.slice(0, at) + letter + GOOD.slice(at + 1);
        const token = parseToken(changed);
        if (typeof token === 'string') return;
        const verified = verifyToken(token, KEYS, RULES, Date.now());
        // The last letter of a part has bits that mean nothing.
        const isSame = token.signed.equals(Buffer.from(GOOD.slice(0, GOOD.lastIndexOf('.'))));
        if (typeof verified !== 'string') expect(isSame && token.signature.length === 64).toBe(true);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });

  it('take no message of the token mechanism apart that is none, and never throw', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const parsed = parseBearer(bytes);
        if (parsed !== undefined) expect(Buffer.from(bytes).toString('latin1')).toContain(parsed.token);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });

  it('would be noticed: with the key of its issuer the same message gets in', async () => {
    const source = { keys: async () => KEYS } as unknown as KeySource;
    const listener = {
      isTls: true,
      mechanisms: MECHANISMS,
      authenticator: new Authenticator(new UserStore(openWatchedEngine()), {
        keys: source,
        rules: RULES,
        wallMs: Date.now,
      }),
      reauthMs: 0,
      failureDelayMs: 0,
    };
    const peer = new PeerSecurity(listener);
    const bytes = Buffer.from(`n,,\u0001auth=Bearer ${GOOD}\u0001\u0001`);
    const [answer] = await play(peer, [
      { kind: 'handshake', name: 'OAUTHBEARER', isRaw: false },
      { kind: 'token', bytes },
    ]);
    expect([answer?.error, peer.principal]).toEqual([ErrorCode.NONE, 'User:somebody']);
  });
});
