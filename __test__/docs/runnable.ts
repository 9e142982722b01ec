/**
 * Code blocks of pages that are run: those under the line `<!-- runnable -->`. A block of `text` right behind one is what
 * it prints.
 *
 * Invariant: a page cannot switch its own check off but by taking the mark away, and the spec counts the marks.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { scratch } from '../support/scratch.ts';

const root = join(import.meta.dirname, '../..');

/** One block of a page. */
export interface Runnable {
  /** `page.md:line` of the mark. */
  readonly name: string;
  readonly code: string;
  /** `mts` or `mjs`. */
  readonly extension: string;
  /** What it must print; undefined when the page does not say. */
  readonly prints: string | undefined;
}

const block = /^<!-- runnable -->\n```(ts|js)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

/** The marked blocks of a page of the repository. */
export function runnablesOf(page: string): Runnable[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(block)].map((match) => ({
    name: `${basename(page)}:${text.slice(0, match.index).split('\n').length}`,
    code: match[2] ?? '',
    extension: match[1] === 'js' ? 'mjs' : 'mts',
    prints: match[3],
  }));
}

/** Marks on a page, whether a block follows them or not. */
export function marksOf(page: string): number {
  return readFileSync(join(root, page), 'utf8')
    .split('\n')
    .filter((line) => line === '<!-- runnable -->').length;
}

/** Runs a block as a program of a user of the built package, in an empty directory. */
export async function run({ name, code, extension }: Runnable) {
  // Inside the repository, so that `millrace` and the clients are found as they would be in a user's project.
  const programs = join(root, '.cache/docs');
  mkdirSync(programs, { recursive: true });
  const file = join(programs, `${name.replace(':', '-')}.${extension}`);
  writeFileSync(file, code);
  using folder = scratch('docs');
  const child = spawn(process.execPath, [join(root, 'node_modules/tsx/dist/cli.mjs'), file], { cwd: folder.path });
  const [printed, complained] = [[] as string[], [] as string[]];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => complained.push(String(chunk)));
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  rmSync(file);
  return { status, stdout: printed.join(''), stderr: complained.join('') };
}
