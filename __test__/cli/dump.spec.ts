/** Promises of dump: what is ours is shown, what is not is said to be not, and damage ends with its own code. */
import { openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

async function dump(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') };
  return { code: await runCommandLine(['dump', ...argv], terminal), ...text };
}

/** A closed data directory with one record. */
async function writtenDirectory(folder: string): Promise<string> {
  const dir = join(folder, 'data');
  await using log = await openLog(dir);
  const topic = await log.topic('t', { partitions: 1 });
  await topic.append([{ value: Buffer.from('kept') }]);
  return dir;
}

describe('dump', () => {
  it('shows journal and manifest of a data directory, a line an entry, with exit code 0', async () => {
    using folder = scratch('dump');
    const dir = await writtenDirectory(folder.path);
    const journal = readdirSync(join(dir, 'journal'))[0] ?? '';
    const shown = await dump(join(dir, 'journal', journal), '--json');
    expect(shown).toMatchObject({ code: ExitCode.ok, err: '' });
    const lines = shown.out.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('kind');
    expect(await dump(join(dir, 'manifest'))).toMatchObject({ code: ExitCode.ok, err: '' });
  });

  it.each([
    ['text.txt', 'just text'],
    ['empty', ''],
    ['syslog.log', 'Nov 21 19:00:00 host program: a line of another program'],
  ])('%s is not ours: said so with exit code 2, not called damaged', async (name, content) => {
    using folder = scratch('dump');
    const file = join(folder.path, name);
    writeFileSync(file, content);
    const shown = await dump(file);
    expect(shown).toMatchObject({ code: ExitCode.usage, out: '' });
    expect(shown.err).toMatch(/^millrace: this file was not written by Millrace: .*\n$/);
  });

  it('a journal file whose beginning is destroyed is damaged, with exit code 4', async () => {
    using folder = scratch('dump');
    const dir = await writtenDirectory(folder.path);
    const file = join(dir, 'journal', readdirSync(join(dir, 'journal'))[0] ?? '');
    writeSync(openSync(file, 'r+'), Buffer.alloc(4096), 0, 4096, 0);
    const shown = await dump(file);
    expect(shown.code).toBe(ExitCode.damaged);
    expect(shown.err).toMatch(/does not verify/);
  });
});
