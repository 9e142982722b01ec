/** How client verbs log in: what options, settings and the environment come to, and a login by token against a server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideClientSecurity, type LoginOptions } from '../../ts/cli/client-security.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { scratch } from '../support/scratch.ts';
import { type SecureServer, startSecure } from '../support/secure-server.ts';
import { issuedKey, issuedToken, writeKeySet } from '../support/token-issuer.ts';

const folder = scratch('login');
afterAll(() => folder[Symbol.dispose]());

function fileOf(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

const decided = (X: Record<string, string>, env: NodeJS.ProcessEnv = {}, options: LoginOptions = {}) =>
  decideClientSecurity(new Map(Object.entries(X)), env, options).credentials;

describe('the login of a client verb', () => {
  const tokenFile = fileOf('token', 'abc.def.ghi\n');

  it('is by the mechanism of the option, else of -X, else of the environment, in any case', () => {
    const env = { MILLRACE_USER: 'u', MILLRACE_PASSWORD: 'p', MILLRACE_SASL_MECHANISM: 'plain' };
    expect(decided({}, env)?.mechanism).toBe('PLAIN');
    expect(decided({ 'sasl.mechanism': 'SCRAM-SHA-512' }, env)?.mechanism).toBe('SCRAM-SHA-512');
    expect(decided({ 'sasl.mechanism': 'PLAIN' }, env, { sasl: 'scram-sha-256' })?.mechanism).toBe('SCRAM-SHA-256');
    expect(decided({}, { MILLRACE_USER: 'u', MILLRACE_PASSWORD: 'p' })?.mechanism).toBe('SCRAM-SHA-256');
    expect(decided({})).toBeUndefined();
  });

  it('is by the token of a file, whatever user the environment names', () => {
    const token = { mechanism: 'OAUTHBEARER', token: 'abc.def.ghi' };
    expect(decided({}, {}, { tokenFile })).toEqual(token);
    expect(decided({}, { MILLRACE_USER: 'u', MILLRACE_PASSWORD: 'p' }, { sasl: 'oauthbearer', tokenFile })).toEqual(
      token,
    );
  });

  it.each<[string, Record<string, string>, LoginOptions, RegExp]>([
    ['a token without a file', {}, { sasl: 'oauthbearer' }, /--token-file/],
    ['a file without use', { user: 'u' }, { sasl: 'plain', tokenFile }, /oauthbearer/],
    ['a user beside a token', { user: 'u' }, { tokenFile }, /no user/],
    ['a file that is not there', {}, { tokenFile: join(folder.path, 'nowhere') }, /cannot be read/],
    ['a mechanism that nobody has', { user: 'u' }, { sasl: 'gssapi' }, /OAUTHBEARER, not 'GSSAPI'/],
    ['a password that others can read', { user: 'u', pass: 'p' }, {}, /MILLRACE_PASSWORD, not by -X pass/],
    ['a mechanism without a name', {}, { sasl: 'plain' }, /needs a name/],
  ])('refuses %s', (_what, X, options, reason) => {
    expect(() => decided(X, { MILLRACE_PASSWORD: 'p' }, options)).toThrow(reason);
  });

  it('refuses a file that holds no token, and does not print what it holds', () => {
    const secret = fileOf('secret', 'sec\u0001ret');
    expect(() => decided({}, {}, { tokenFile: secret })).toThrow(/does not hold a token$/);
    expect(() => decided({}, {}, { tokenFile: fileOf('empty', '\n') })).toThrow(/does not hold a token/);
  });
});

describe('a server that takes tokens', () => {
  const KEY = issuedKey('only');
  const claims = { iss: 'https://issuer', aud: 'millrace', sub: 'machine' };
  let secure: SecureServer;
  beforeAll(async () => {
    const settings = {
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'sasl.oauthbearer.jwks.endpoint.url': writeKeySet(join(folder.path, 'keys.json'), [KEY]),
      'sasl.oauthbearer.expected.issuer': claims.iss,
      'sasl.oauthbearer.expected.audience': claims.aud,
    };
    secure = await startSecure({ login: true }, { settings });
  });
  afterAll(() => secure[Symbol.asyncDispose]());

  /** Runs a verb with a token; answers its exit code and what it printed. */
  async function run(token: string, ...verb: string[]): Promise<{ code: number; printed: string }> {
    let printed = '';
    const sink = () =>
      new Writable({
        write(chunk, _encoding, done) {
          printed += String(chunk);
          done();
        },
      });
    const stdin = new PassThrough();
    stdin.end();
    const login = ['--brokers', secure.plain, '--sasl', 'oauthbearer', '--token-file', fileOf('given', token)];
    const code = await runCommandLine([...verb, ...login], { stdin, stdout: sink(), stderr: sink() });
    return { code, printed };
  }

  it('lets a verb in by a good token, and says what it does not like about another without printing it', async () => {
    const good = issuedToken(KEY, claims);
    expect((await run(good, 'topic', 'create', 'by-token')).code).toBe(0);
    expect((await run(good, 'topic', 'list')).printed).toContain('by-token');
    const bad = issuedToken(KEY, { ...claims, iss: 'https://other' });
    const refused = await run(bad, 'topic', 'list');
    expect(refused.code).toBe(1);
    expect(refused.printed).toContain('does not take the token: {"status":"invalid_token"}');
    expect(refused.printed).not.toContain(bad);
  });
});
