/** Promises of the command line as a whole: help, versions, wrong usage, and where output goes. */
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const code = await runCommandLine(argv, { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') });
  return { code, ...text };
}

describe('millrace', () => {
  it('prints help and version to stdout with exit code 0', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: ExitCode.ok, err: '' });
    for (const verb of [
      'serve',
      'topic',
      'produce',
      'consume',
      'group',
      'cluster',
      'user',
      'acl',
      'dump',
      'doctor',
      'config',
      'completion',
    ])
      expect(help.out).toContain(verb);
    expect(await run('--version')).toMatchObject({ code: ExitCode.ok, out: '0.1.0\n' });
  });

  it.each([
    ['an unknown verb', ['serf']],
    ['an unknown option', ['serve', '--fast']],
    ['a missing argument', ['produce']],
    ['a value that is not allowed', ['produce', 't', '-z', 'rar']],
    ['a number that is none', ['topic', 'create', 't', '-p', 'many']],
    ['an address that is none', ['serve', '--kafka', 'nowhere']],
    ['a setting without a value', ['serve', '-X', 'novalue']],
    ['a format that is not known', ['consume', 't', '-f', '%q']],
    ['an offset that is not known', ['consume', 't', '-o', 'somewhere']],
    ['deleting without being able to ask', ['topic', 'delete', 't']],
  ])('%s ends with exit code 2 and a line on stderr, stdout stays empty', async (_name, argv) => {
    const result = await run(...argv);
    expect(result.code).toBe(ExitCode.usage);
    expect(result.out).toBe('');
    expect(result.err).not.toBe('');
  });

  it('a server that is not there ends with exit code 1 and one line', async () => {
    const result = await run('topic', 'list', '--brokers', '127.0.0.1:1');
    expect(result).toMatchObject({ code: ExitCode.failure, out: '' });
    expect(result.err).toMatch(/^millrace: [^\n]*127\.0\.0\.1:1[^\n]*\n$/);
  });

  it('a file that is not there ends with exit code 3', async () => {
    expect((await run('dump', '/nonexistent/file')).code).toBe(ExitCode.notFound);
    expect((await run('serve', '--check-config', '--config', '/nonexistent/file.json')).code).toBe(ExitCode.notFound);
  });

  it('doctor prints one finding a line, or JSON, and never changes stdout’s meaning', async () => {
    const text = await run('doctor', '--dir', '/tmp');
    expect(text.out).toMatch(/^CHECK +STATE +FOUND\nkernel +OK /);
    const json = JSON.parse((await run('doctor', '--dir', '/tmp', '--json')).out);
    expect(json.map((finding: { check: string }) => finding.check)).toContain('flush latency');
    expect((await run('doctor', '--dir', '/tmp', '--output-script')).out).toMatch(/^#!\/bin\/sh\n/);
  });
});
