/** Runs a program to its end with given input, and gives back what it printed. */
import { spawn } from 'node:child_process';
import { commandLine } from './server.ts';

/** Runs `command`, writes `input` to it, and returns its stdout. Any exit code but 0 throws with its stderr. */
export async function run(
  command: string,
  args: readonly string[],
  input: Uint8Array = Buffer.alloc(0),
): Promise<Buffer> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  // A program that ends before it has read everything says so by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${Buffer.concat(complaints)}`);
  return Buffer.concat(output);
}

/** Runs kcat. A system without it fails here: `npm test` installs it. */
export function kcat(args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  return run('kcat', args, input);
}

/** Runs our own built command line. */
export function millrace(args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  return run(process.execPath, [commandLine, ...args], input);
}
