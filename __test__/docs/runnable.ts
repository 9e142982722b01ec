/**
 * Code blocks of pages that are run: those under the line `<!-- runnable -->`, or `<!-- runnable with a server -->` for one
 * that expects a server where the pages say it is. A block of `text` right behind one is what it prints.
 *
 * Invariant: a page cannot switch its own check off but by taking the mark away, and the spec counts the marks.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { exampleClients } from '../support/example-clients.ts';
import { scratch } from '../support/scratch.ts';
import { commandLine } from '../support/server.ts';

const root = join(import.meta.dirname, '../..');

/** One block of a page. */
export interface Runnable {
  /** `page.md:line` of the mark. */
  readonly name: string;
  readonly code: string;
  /** `mts`, `mjs` or `sh`. */
  readonly extension: string;
  /** Whether it expects a server. */
  readonly wantsServer: boolean;
  /** What it must print; undefined when the page does not say. */
  readonly prints: string | undefined;
}

const mark = /^<!-- runnable( with a server)? -->$/;
const block = /^<!-- runnable( with a server)? -->\n```(ts|js|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;
const extensions: Readonly<Record<string, string>> = { ts: 'mts', js: 'mjs', sh: 'sh' };

/** The marked blocks of a page of the repository. */
export function runnablesOf(page: string): Runnable[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(block)].map((match) => ({
    name: `${basename(page)}:${text.slice(0, match.index).split('\n').length}`,
    wantsServer: match[1] !== undefined,
    extension: extensions[match[2] ?? ''] ?? '',
    code: match[3] ?? '',
    prints: match[4],
  }));
}

/** Marks on a page, whether a block follows them or not. */
export function marksOf(page: string): number {
  return readFileSync(join(root, page), 'utf8')
    .split('\n')
    .filter((line) => mark.test(line)).length;
}

/** Where the pages say that a server is, and where the one of the tests is instead. */
export interface Places {
  /** `host:port` for `127.0.0.1:9092`. */
  readonly kafka: string;
  /** A port for 6379. */
  readonly redis: number;
}

/** Runs a block as a program of a user of the built package, in an empty directory. */
export async function run({ name, code, extension }: Runnable, places?: Places) {
  const programs = await homeOf(code);
  mkdirSync(programs, { recursive: true });
  const file = join(programs, `${name.replace(':', '-')}.${extension}`);
  writeFileSync(file, places === undefined ? code : moved(code, places));
  using folder = scratch('docs');
  const env = { ...process.env, PATH: [commands(), process.env.PATH].join(delimiter) };
  if (places !== undefined) Object.assign(env, { MILLRACE_BROKERS: places.kafka });
  const [program, args] =
    extension === 'sh'
      ? ['bash', ['-euo', 'pipefail', file]]
      : [process.execPath, [join(root, 'node_modules/tsx/dist/cli.mjs'), file]];
  const child = spawn(program, args, { cwd: folder.path, env });
  const [printed, complained] = [[] as string[], [] as string[]];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => complained.push(String(chunk)));
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  rmSync(file);
  return { status, stdout: printed.join(''), stderr: complained.join('') };
}

/** Brings the packages of others that blocks want, which takes its time when they are not there yet. */
export async function prepare(runnables: readonly Runnable[]): Promise<void> {
  for (const { code } of runnables) await homeOf(code);
}

/** Inside the repository, so that `millrace` and the clients are found as they would be in a user's project. */
async function homeOf(code: string): Promise<string> {
  if (!/from '(ioredis|redis|@opentelemetry\/api)'/.test(code)) return join(root, '.cache/docs');
  return join(await exampleClients(), 'docs');
}

function moved(code: string, { kafka, redis }: Places): string {
  return code
    .replaceAll('127.0.0.1:9092', kafka)
    .replaceAll('127.0.0.1:6379', `127.0.0.1:${redis}`)
    .replaceAll(/^redis-cli /gm, `redis-cli -p ${redis} `);
}

/** A folder with `millrace`, as `npx` or an installation would have it. */
function commands(): string {
  const folder = join(root, '.cache/docs/bin');
  mkdirSync(folder, { recursive: true });
  const script = join(folder, 'millrace');
  writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' '${commandLine}' "$@"\n`);
  chmodSync(script, 0o755);
  return folder;
}
