/**
 * Where a new password comes from: a file, what is piped in, or somebody who types it twice and does not see it.
 *
 * Invariant: never from an argument, which others could read, and never printed.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliError, ExitCode, usage } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** Longest password, bytes. */
const LONGEST = 1024;

/** Reads the password of `user`. Throws a usage error for an empty one, and for two that differ. */
export async function readSecret(terminal: Terminal, user: string, path: string | undefined): Promise<string> {
  const secret = await secretFrom(terminal, user, path);
  if (secret === '') throw usage('a password has at least one character');
  if (Buffer.byteLength(secret) > LONGEST) throw usage(`a password has at most ${LONGEST} bytes`);
  return secret;
}

async function secretFrom(terminal: Terminal, user: string, path: string | undefined): Promise<string> {
  if (path !== undefined && path !== '-') {
    try {
      return firstLine(readFileSync(path, 'utf8'));
    } catch (cause) {
      throw new CliError(ExitCode.notFound, `${path}: ${(cause as Error).message}`, { cause });
    }
  }
  if (terminal.stdin.isTTY !== true) return firstLine(await piped(terminal));
  const first = await typed(terminal, `password of ${user}: `);
  if (first !== (await typed(terminal, 'again: '))) throw usage('the two passwords differ');
  return first;
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}

async function piped({ stdin }: Terminal): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stdin) {
    parts.push(Buffer.from(part));
    bytes += parts.at(-1)?.length ?? 0;
    if (bytes > 2 * LONGEST) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Reads one line without showing what is typed. */
function typed({ stdin, stderr }: Terminal, question: string): Promise<string> {
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: stdin, output: hidden, terminal: true });
  stderr.write(question);
  return new Promise((resolve, reject) => {
    let answer: string | undefined;
    prompt.once('SIGINT', () => prompt.close());
    prompt.once('line', (line) => {
      answer = line;
      prompt.close();
    });
    prompt.once('close', () => {
      stderr.write('\n');
      if (answer === undefined) reject(new CliError(ExitCode.interrupted, 'no password was given'));
      else resolve(answer);
    });
  });
}
