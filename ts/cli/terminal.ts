/**
 * Where a command writes: data to stdout, everything for people to stderr, one object so that tests can look. Colour,
 * the end of a pipe and the confirmation of destructive acts are decided here and nowhere else.
 *
 * Invariant: stdout carries data only, and a reader that goes away (EPIPE) ends the command without a word.
 */
import type { Readable, Writable } from 'node:stream';
import { CliError, ExitCode } from './exit.ts';

/** The streams of one command run. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** Bytes gathered before a write to stdout. */
const gatherBytes = 64 * 1024;

/** The data side: gathers small writes, and waits when the reader is slow. */
export class DataOutput {
  readonly #stream: Writable;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Takes bytes without copying them. Returns true when `flush` should be awaited before more is added. */
  add(parts: readonly Uint8Array[]): boolean {
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    return this.#bytes >= gatherBytes;
  }

  /** Writes what was gathered; resolves when the stream has taken it. Rejects with the stream's error. */
  flush(): Promise<void> {
    if (this.#bytes === 0) return Promise.resolve();
    const chunk = Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return new Promise((resolve, reject) => {
      this.#stream.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** One piece of text, at once. */
  async text(text: string): Promise<void> {
    this.add([Buffer.from(text)]);
    await this.flush();
  }
}

/** One line to people. */
export function tell(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`);
}

/** True when `error` says that the reader of a pipe has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}

/**
 * Asks before a destructive act. With `yes` it does not ask; without a terminal to ask on it refuses (usage error).
 * Resolves when the answer is yes; throws otherwise.
 */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (terminal.stdin.isTTY !== true) throw new CliError(ExitCode.usage, `${question}: give --yes to confirm`);
  const { createInterface } = await import('node:readline/promises');
  const prompt = createInterface({ input: terminal.stdin, output: terminal.stderr });
  try {
    const answer = await prompt.question(`${question}? (y/N) `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(ExitCode.failure, 'not done');
  } finally {
    prompt.close();
  }
}
