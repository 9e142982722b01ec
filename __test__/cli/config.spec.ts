/** Promises of config and completion: each value with its source, each setting with its meaning, scripts that work. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { settingsTable } from '../../ts/serve.ts';
import { describeSettings } from '../../ts/setting-descriptions.ts';
import { scratch } from '../support/scratch.ts';

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

describe('config', () => {
  it('prints each value with where it comes from', async () => {
    using folder = scratch('config');
    const file = join(folder.path, 'serve.json');
    writeFileSync(
      file,
      JSON.stringify({ log: { dirs: '/from/file' }, num: { partitions: 3 }, memory: { bytes: '64mb' } }),
    );
    vi.stubEnv('MILLRACE_NUM_PARTITIONS', '5');
    vi.stubEnv('MILLRACE_DRIVER', 'pool');
    try {
      const printed = await run('config', 'print', '--config', file, '-X', 'journal.files=7', '--format', 'json');
      const settings: { name: string; value: string; source: string }[] = JSON.parse(printed.out);
      const of = (name: string) => settings.find((one) => one.name === name);
      expect(of('dir')).toMatchObject({ value: '/from/file', source: 'file' });
      expect(of('memory.bytes')).toMatchObject({ value: '64mb', source: 'file' });
      expect(of('num.partitions')).toMatchObject({ value: '5', source: 'environment' });
      expect(of('driver')).toMatchObject({ value: 'pool', source: 'environment' });
      expect(of('journal.files')).toMatchObject({ value: '7', source: 'flag' });
      expect(of('flush')).toMatchObject({ value: 'always', source: 'default' });
      expect(new Set(settings.map((one) => one.name)).size).toBe(settings.length);
      const changed = await run('config', 'print', '--config', file, '--changed');
      expect(changed.out).not.toContain('default');
      expect(changed.out).toMatch(/num\.partitions +5 +environment\n/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('prints nothing and ends with 2 when serve would refuse', async () => {
    expect(await run('config', 'print', '-X', 'num.partitions=many')).toMatchObject({ code: ExitCode.usage, out: '' });
  });

  it('describes every setting serve knows, with a meaning', () => {
    const described = describeSettings();
    const server = described.filter((one) => one.scope === 'server').map((one) => one.name);
    expect(server.sort()).toEqual([...settingsTable.names].sort());
    expect(described.filter((one) => one.doc.length < 10)).toEqual([]);
  });

  it('describes a setting by name, and ends with 3 for one that is not there', async () => {
    const described = await run('config', 'describe', 'memory.bytes');
    expect(described.out).toMatch(/^memory\.bytes: of a server; size; default 268435456\n {2}Memory for /);
    expect(await run('config', 'describe', 'no.such')).toMatchObject({ code: ExitCode.notFound, out: '' });
  });
});

describe('completion', () => {
  /** What bash offers for the last of `words`. */
  async function offered(...words: string[]): Promise<string[]> {
    const { out } = await run('completion', 'bash');
    const script = `${out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace; echo "\${COMPREPLY[@]}"`;
    const ended = spawnSync('bash', ['-c', script, 'bash', 'millrace', ...words], { encoding: 'utf8' });
    expect(ended.stderr).toBe('');
    return ended.stdout.trim().split(' ');
  }

  it('offers verbs, sub-verbs, options and allowed values in bash', async () => {
    expect(await offered('to')).toEqual(['topic']);
    expect(await offered('group', '')).toEqual(expect.arrayContaining(['list', 'describe', 'seek', 'delete']));
    expect(await offered('topic', 'create', 'name', '--part')).toEqual(['--partitions']);
    expect(await offered('serve', '--driver', '')).toEqual(['auto', 'ring', 'pool']);
  });

  it('names every verb in every shell’s script', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { out } = await run('completion', shell);
      for (const verb of ['serve', 'topic', 'group', 'config', 'completion']) expect(out).toContain(verb);
    }
    expect((await run('completion', 'csh')).code).toBe(ExitCode.usage);
  });
});
