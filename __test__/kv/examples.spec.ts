/** The example of docs/kv.md and examples/exactly-once.mjs do what they say, on the sources. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';

vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, '../..');
const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');

/** Journal files as small as can be: what is made for a program that runs for a moment is not worth the time. */
const small = "journalFileBytes: '1mb', journalFiles: 3, memoryBytes: '8mb'";

/** Runs a program with the package's entries replaced by the sources. */
function run(program: string): string {
  using folder = scratch('kv-example');
  const file = join(folder.path, 'program.mts');
  const source = program
    .replaceAll("'millrace/kv'", `'${root}/ts/kv/index.ts'`)
    .replaceAll("'millrace/level'", `'${root}/ts/level/index.ts'`)
    .replaceAll("'millrace/keyv'", `'${root}/ts/keyv/index.ts'`)
    .replaceAll("'keyv'", `'${root}/node_modules/keyv/dist/index.js'`)
    .replaceAll("'millrace'", `'${root}/ts/index.ts'`)
    .replaceAll(/(openKv|openLog|openKeyv|MillraceLevel)\('(data|cache|level)'(, \{)?/g, (_, open, dir, options) => {
      return `${open}('${dir}', { ${small}${options ? ',' : ' }'}`;
    });
  writeFileSync(file, source);
  return execFileSync(process.execPath, [tsx, file], { cwd: folder.path, encoding: 'utf8', timeout: 60_000 });
}

test('a consumer whose state is a store counts every word once, however often the power goes', () => {
  const printed = run(readFileSync(join(root, 'examples/exactly-once.mjs'), 'utf8'));
  expect(printed).toMatch(/^300 words counted exactly once in \d+ lives: 100, 100, 100\n$/);
  expect(Number(/in (\d+) lives/.exec(printed)?.[1])).toBeGreaterThan(5);
});

test('the programs of docs/kv.md run as they stand', () => {
  const page = readFileSync(join(root, 'docs/kv.md'), 'utf8');
  const programs = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  expect(programs.length).toBeGreaterThan(3);
  for (const program of programs) expect(run(program)).toBe('');
});
