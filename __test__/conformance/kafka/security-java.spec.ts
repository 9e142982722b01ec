/** Kafka's own tools for users, quotas and access rules, logged in by SCRAM or by a token, against our server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JavaTool, javaTool } from '../../support/java-tool.ts';
import { scratch } from '../../support/scratch.ts';
import { ENFORCED, type SecureServer, startSecure } from '../../support/secure-server.ts';
import { issuedKey, issuedToken, writeKeySet } from '../../support/token-issuer.ts';

const PATIENCE = { timeout: 120_000 };

describe('the tools of Apache Kafka 4.3, logged in', () => {
  let secure: SecureServer;
  const folder = scratch('java-login');
  const settings = join(folder.path, 'client.properties');
  const key = issuedKey('issuer', 'RS256');
  beforeAll(async () => {
    const tokens = {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512,OAUTHBEARER',
      'sasl.oauthbearer.jwks.endpoint.url': writeKeySet(join(folder.path, 'keys.json'), [key]),
    };
    secure = await startSecure({ login: true }, { settings: { ...ENFORCED, ...tokens } });
    const login =
      'org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="admin-pass";';
    writeFileSync(
      settings,
      `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=${login}\n`,
    );
  });
  afterAll(async () => {
    await secure[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const run = (tool: JavaTool, args: readonly string[]) =>
    javaTool(tool, ['--bootstrap-server', secure.plain, '--command-config', settings, ...args]);

  it('acls: a rule is made and listed', PATIENCE, async () => {
    const rule = ['--allow-principal', 'User:worker', '--producer', '--topic', 'orders'];
    await run('acls', ['--add', ...rule]);
    const listed = await run('acls', ['--list', '--topic', 'orders']);
    for (const operation of ['WRITE', 'CREATE', 'DESCRIBE']) {
      expect(listed).toContain(`(principal=User:worker, host=*, operation=${operation}, permissionType=ALLOW)`);
    }
  });

  it('configs: a user gets a password and a quota', PATIENCE, async () => {
    const user = ['--entity-type', 'users', '--entity-name', 'newcomer'];
    const added = 'SCRAM-SHA-256=[iterations=8192,password=pw]';
    await run('configs', ['--alter', ...user, '--add-config', added]);
    await run('configs', ['--alter', ...user, '--add-config', 'producer_byte_rate=1024']);
    const described = await run('configs', ['--describe', ...user]);
    expect(described).toContain('producer_byte_rate=1024');
    expect(described).toContain('SCRAM-SHA-256=iterations=8192');
  });

  it('configs: an address gets a quota of connections', PATIENCE, async () => {
    const address = ['--entity-type', 'ips', '--entity-name', '10.0.0.9'];
    await run('configs', ['--alter', ...address, '--add-config', 'connection_creation_rate=100']);
    expect(await run('configs', ['--describe', ...address])).toContain('connection_creation_rate=100');
  });

  it('log in by a token that they read from a file, and not by one of somebody else', PATIENCE, async () => {
    const properties = join(folder.path, 'token.properties');
    const token = join(folder.path, 'token');
    const { href } = pathToFileURL(token);
    const handler = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler';
    writeFileSync(
      properties,
      [
        'security.protocol=SASL_PLAINTEXT',
        'sasl.mechanism=OAUTHBEARER',
        'sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
        `sasl.login.callback.handler.class=${handler}`,
        `sasl.oauthbearer.token.endpoint.url=${href}`,
      ].join('\n'),
    );
    const allowed = {
      'org.apache.kafka.sasl.oauthbearer.allowed.urls': href,
      'org.apache.kafka.sasl.oauthbearer.allowed.files': token,
    };
    const list = () => {
      const args = ['--bootstrap-server', secure.plain, '--command-config', properties, '--list'];
      return javaTool('acls', args, '', allowed);
    };
    writeFileSync(token, issuedToken(key, { sub: 'admin' }));
    await expect(list()).resolves.toBeDefined();
    writeFileSync(token, issuedToken(issuedKey('issuer', 'RS256'), { sub: 'admin' }));
    await expect(list()).rejects.toThrow(/invalid_token/);
  });
});
