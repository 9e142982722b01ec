/** examples/exactly-once.mjs does what it says, on the sources. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';

vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, '../..');
const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');

/** Runs a program with the package's entries replaced by the sources. */
function run(program: string): string {
  using folder = scratch('kv-example');
  const file = join(folder.path, 'program.mts');
  const source = program
    .replaceAll("'millrace/testing'", `'${root}/ts/testing/index.ts'`)
    .replaceAll("'millrace'", `'${root}/ts/index.ts'`);
  writeFileSync(file, source);
  return execFileSync(process.execPath, [tsx, file], { cwd: folder.path, encoding: 'utf8', timeout: 60_000 });
}

test('a consumer whose state is a store counts every word once, however often the power goes', () => {
  const printed = run(readFileSync(join(root, 'examples/exactly-once.mjs'), 'utf8'));
  expect(printed).toMatch(/^300 words counted exactly once in \d+ lives: 100, 100, 100\n$/);
  expect(Number(/in (\d+) lives/.exec(printed)?.[1])).toBeGreaterThan(5);
});
