/**
 * The Rust programs of benches/load: built once, run as child processes, their one line of JSON read back.
 *
 * Invariant: a program that ends with anything but 0 ends the bench; no figure is made up for it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Figures } from './scenario.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Builds both programs in release mode, if cargo finds something to do. */
export function buildLoadTools(): void {
  const build = spawnSync('cargo', ['build', '--release', '--locked', '-q', '-p', 'millrace-load'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (build.error) throw new Error('cargo is needed to build the load generator', { cause: build.error });
  if (build.status !== 0) throw new Error(`cargo build ended with ${build.status ?? build.signal}`);
}

/** Where a built program is. */
export const loadTool = (tool: 'millrace-load' | 'bare-ring'): string => join(root, 'target/release', tool);

/** Runs `millrace-load` or `bare-ring` and returns its figures, nested ones under joined names (`latencyMicrosP50`). */
export async function runLoadTool(
  tool: 'millrace-load' | 'bare-ring',
  verb: string,
  options: Readonly<Record<string, string | number>>,
): Promise<Figures> {
  const args = [verb, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
  const child = spawn(loadTool(tool), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  return figuresOf(child, [tool, ...args].join(' '));
}

/** Waits for a program that prints its figures as one line of JSON; anything but exit code 0 throws what it complained. */
export async function figuresOf(child: ChildProcess, name: string): Promise<Figures> {
  const chunks: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${Buffer.concat(complaints)}`);
  return flatten(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}

function flatten(value: object, prefix = ''): Figures {
  const figures: Figures = {};
  for (const [name, field] of Object.entries(value)) {
    const joined = prefix === '' ? name : `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    if (typeof field === 'number') figures[joined] = field;
    else if (typeof field === 'object' && field !== null) Object.assign(figures, flatten(field, joined));
  }
  return figures;
}
