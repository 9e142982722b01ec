/** Promises of the built command's start: what it opens, what it leaves behind. Needs the built command line. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { commandLine } from '../support/server.ts';

const checkConfig = ['serve', '--check-config'];
const completion = ['completion', 'bash'];

function start(home: string, words: string[], ...before: string[]): string {
  const env = { PATH: process.env.PATH, HOME: home };
  const ended = spawnSync(process.execPath, [...before, commandLine, ...words], { encoding: 'utf8', env });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  return ended.stdout;
}

describe('a start', () => {
  it('loads two files of ours and no package', () => {
    using folder = scratch('start');
    // Says at the end which CommonJS files were loaded; the command has no others.
    const source = `import { createRequire } from 'node:module';
      process.on('exit', () => console.log(JSON.stringify(Object.keys(createRequire('/').cache))));`;
    const watch = `data:text/javascript,${encodeURIComponent(source)}`;
    const loaded: string[] = JSON.parse(
      start(folder.path, checkConfig, '--import', watch).trim().split('\n').at(-1) ?? '',
    );
    const folderOf = join(commandLine, '..');
    expect(loaded).toEqual([commandLine, join(folderOf, 'main.js')]);
  });

  it('keeps compiled code below the home folder, and makes no home', () => {
    using folder = scratch('start');
    const home = join(folder.path, 'home');
    start(home, completion);
    expect(existsSync(home)).toBe(false);
    mkdirSync(home);
    start(home, completion);
    expect(readdirSync(home)).toEqual(['.cache']);
  });

  it('of a verb runs the code that the one before it kept', () => {
    using folder = scratch('start');
    start(folder.path, completion);
    const kept = join(folder.path, '.cache', 'millrace');
    const names = (): string[] => readdirSync(kept, { recursive: true }).map(String).sort();
    const found = names();
    expect(found).not.toEqual([]);
    const times = found.map((name) => statSync(join(kept, name)).mtimeMs);
    start(folder.path, completion);
    expect(names()).toEqual(found);
    expect(found.map((name) => statSync(join(kept, name)).mtimeMs)).toEqual(times);
  });

  it('can be had as a module too, as npm start does', async () => {
    const { main }: { main: unknown } = await import(pathToFileURL(join(commandLine, '../main.js')).href);
    expect(main).toBeTypeOf('function');
  });
});
