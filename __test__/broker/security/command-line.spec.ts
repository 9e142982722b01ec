/** `millrace user` and `millrace acl` on a directory that no server has open, and where a server refuses to listen. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../../ts/cli/exit.ts';
import { runCommandLine } from '../../../ts/cli/main.ts';
import { serve } from '../../../ts/serve.ts';
import { isLoopback } from '../../../ts/tls/bind-rules.ts';
import { scratch } from '../../support/scratch.ts';
import { certificate } from '../../support/secure-server.ts';

async function run(argv: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const stdin = new PassThrough();
  stdin.end(input);
  const code = await runCommandLine(argv, { stdin, stdout: sink('out'), stderr: sink('err') });
  return { code, ...text };
}

describe('millrace user', () => {
  it('adds, lists, changes and deletes users, and never shows a password', async () => {
    using folder = scratch('users');
    const dir = join(folder.path, 'data');
    const user = (...argv: string[]) => run(['user', ...argv, '--dir', dir], 'first\n');
    expect((await user('list')).code).toBe(ExitCode.usage);
    expect(await user('add', 'alice')).toMatchObject({ code: ExitCode.ok });
    expect(await user('add', 'alice')).toMatchObject({ code: ExitCode.failure });
    expect(await user('passwd', 'bob')).toMatchObject({ code: ExitCode.notFound });
    const file = join(folder.path, 'password');
    writeFileSync(file, 'second\n');
    const changed = await user(
      'passwd',
      'alice',
      '--mechanism',
      'SCRAM-SHA-512',
      '--password-file',
      file,
      '--iterations',
      '8192',
    );
    expect(changed.code).toBe(ExitCode.ok);
    const listed = await user('list', '--format', 'json');
    expect(JSON.parse(listed.out)).toEqual([
      {
        name: 'alice',
        credentials: [
          { mechanism: 'SCRAM-SHA-256', iterations: 4096 },
          { mechanism: 'SCRAM-SHA-512', iterations: 8192 },
        ],
      },
    ]);
    expect(await user('delete', 'alice', 'bob')).toMatchObject({ code: ExitCode.notFound });
    expect(JSON.parse((await user('list', '--format', 'json')).out)).toEqual([]);
    expect(changed.out + changed.err + listed.out).not.toMatch(/first|second/);
  });

  it('refuses an empty password, and one in an argument', async () => {
    using folder = scratch('users-wrong');
    const dir = join(folder.path, 'data');
    expect(await run(['user', 'add', 'alice', '--dir', dir], '\n')).toMatchObject({ code: ExitCode.usage });
    expect(await run(['user', 'add', 'alice', '--dir', dir, '--password', 'x'])).toMatchObject({
      code: ExitCode.usage,
    });
  });
});

describe('millrace acl', () => {
  it('creates a rule for every combination, lists what is asked for, and deletes that', async () => {
    using folder = scratch('rules');
    const dir = join(folder.path, 'data');
    await run(['user', 'add', 'alice', '--dir', dir], 'pw\n');
    const acl = async (...argv: string[]) => {
      const { code, out, err } = await run(['acl', ...argv, '--dir', dir, '--format', 'json']);
      return {
        code,
        rows: out === '' ? [] : (JSON.parse(out) as { principal: string; name: string; operation: string }[]),
        err,
      };
    };
    const created = await acl(
      'create',
      '--allow-principal',
      'alice',
      '--operation',
      'read',
      '--operation',
      'describe-configs',
      '--topic',
      'a',
      '--group',
      'g',
    );
    expect([created.code, created.rows.length]).toEqual([ExitCode.ok, 4]);
    expect((await acl('list', '--topic', 'a')).rows.map(({ operation }) => operation).sort()).toEqual([
      'describe-configs',
      'read',
    ]);
    expect((await acl('delete', '--group', 'g')).code).toBe(ExitCode.usage);
    expect((await acl('delete', '--group', 'g', '--yes')).rows).toHaveLength(2);
    expect((await acl('list')).rows.map(({ name }) => name)).toEqual(['a', 'a']);
    expect((await acl('create', '--allow-principal', 'alice', '--topic', 'a')).err).toContain('--operation');
    expect((await acl('create', '--allow-principal', 'a', '--topic', 'a', '--operation', 'fly')).code).toBe(
      ExitCode.usage,
    );
  });
});

describe('a server', () => {
  const cert = { cert: certificate('server.pem'), key: certificate('server.key') };
  const host = '0.0.0.0';

  it.each([
    ['Kafka without TLS', { kafka: { host, port: 0 } }],
    ['Kafka with a login that is not hidden', { kafka: { host, port: 0, login: true } }],
    ['Kafka over TLS for anybody', { kafka: { port: 0, tls: { host, port: 0 } }, tls: cert }],
    ['Redis without TLS', { kafka: { port: 0 }, redis: { host, port: 0, password: 'x' } }],
    ['Redis over TLS for anybody', { kafka: { port: 0 }, redis: { port: 0, tls: { host, port: 0 } }, tls: cert }],
    ['HTTP', { kafka: { port: 0 }, http: { host, port: 0 } }],
  ])('does not let other machines reach %s', async (_name, options) => {
    using folder = scratch('open');
    await expect(serve({ dir: join(folder.path, 'data'), ...options })).rejects.toMatchObject({
      code: 'MILLRACE_OPTION',
    });
  });

  it.each([
    ['by one explicit word', { kafka: { host, port: 0 }, insecure: true }],
    ['when they log in over TLS', { kafka: { port: 0, login: true, tls: { host, port: 0 } }, tls: cert }],
    [
      'when they show certificates',
      { kafka: { port: 0, tls: { host, port: 0 } }, tls: { ...cert, ca: certificate('ca.pem') } },
    ],
  ])('lets other machines reach it %s', async (_name, options) => {
    using folder = scratch('reached');
    await using server = await serve({ dir: join(folder.path, 'data'), ...options });
    expect(server.kafka.port).toBeGreaterThan(0);
  });

  it('refuses an address for TLS without a certificate, and a certificate without an address', async () => {
    using folder = scratch('half');
    const dir = join(folder.path, 'data');
    await expect(serve({ dir, kafka: { port: 0, tls: { port: 0 } } })).rejects.toThrow('certificate');
    await expect(serve({ dir, kafka: { port: 0 }, tls: cert })).rejects.toThrow('no use');
  });

  it('knows the addresses that only this machine reaches', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'example.org', '127.0.0.1.example.org'].some(isLoopback)).toBe(
      false,
    );
  });

  it('serves Redis over TLS', async () => {
    const { connect } = await import('node:tls');
    using folder = scratch('redis-tls');
    const redis = { port: 0, tls: { port: 0 } };
    await using server = await serve({ dir: join(folder.path, 'data'), kafka: { port: 0 }, redis, tls: cert });
    const socket = connect({ port: server.redisTls?.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write('PING\r\n');
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('data', (chunk) => resolve(String(chunk)));
      socket.once('error', reject);
    });
    socket.destroy();
    expect(answer).toBe('+PONG\r\n');
  });
});
