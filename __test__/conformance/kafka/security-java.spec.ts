/** Kafka's own tools for users, quotas and access rules, logged in by SCRAM, against our server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JavaTool, javaTool } from '../../support/java-tool.ts';
import { scratch } from '../../support/scratch.ts';
import { ENFORCED, type SecureServer, startSecure } from '../../support/secure-server.ts';

const PATIENCE = { timeout: 120_000 };

describe('the tools of Apache Kafka 4.3, logged in', () => {
  let secure: SecureServer;
  const folder = scratch('java-login');
  const settings = join(folder.path, 'client.properties');
  beforeAll(async () => {
    secure = await startSecure({ login: true }, { settings: ENFORCED });
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
});
