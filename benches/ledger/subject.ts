/**
 * The process under the ledger, seen from the one that loads it: started, told, asked, ended.
 *
 * Invariant: one order at a time, each answered within `LIMIT_MS`, so nothing waits for ever.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Ports, Spent } from './process.ts';

const LIMIT_MS = 120_000;
/** So large that nothing is collected while the growth of the heap is looked at, in MB. */
const NEW_SPACE = 256;

export class Subject implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #counted: string | undefined;
  #answered: ((answer: unknown) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  ports: Ports = { pid: 0, kafka: 0, redis: 0 };

  private constructor(child: ChildProcess, directory: string, counted: string | undefined) {
    this.#child = child;
    this.#directory = directory;
    this.#counted = counted;
    child.on('message', ({ answer }: { answer: unknown }) => this.#answered?.(answer));
    child.on('exit', (code) => this.#failed?.(new Error(`the process under the ledger ended with ${code}`)));
  }

  /**
   * Starts it on a new directory below `base`. `countsAllocations` wants a C compiler. `isOrdinary`: with the heap that
   * programs have, so that its times are theirs; what it allocates is not seen then.
   */
  static async start(base: string, countsAllocations: boolean, isOrdinary = false): Promise<Subject> {
    const directory = mkdtempSync(join(base, 'millrace-ledger-'));
    const spaces = [`--max-semi-space-size=${NEW_SPACE}`, `--min-semi-space-size=${NEW_SPACE}`, '--expose-gc'];
    const counted = countsAllocations ? counterOf(directory) : undefined;
    const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), [directory], {
      execArgv: [...(isOrdinary ? [] : spaces), '--import', 'tsx'],
      env: counted ? { ...process.env, ...counted.env } : process.env,
    });
    const subject = new Subject(child, directory, counted?.file);
    subject.ports = (await subject.#answer()) as Ports;
    return subject;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => this.#failed?.(new Error(`no answer for ${LIMIT_MS} ms`)), LIMIT_MS);
      const settled = (): void => {
        clearTimeout(limit);
        this.#answered = undefined;
        this.#failed = undefined;
      };
      this.#answered = (answer) => {
        settled();
        resolve(answer);
      };
      this.#failed = (error) => {
        settled();
        reject(error);
      };
    });
  }

  /** Has it do something and waits for the answer. */
  tell(order: Order): Promise<unknown> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  async snapshot(): Promise<Spent> {
    return (await this.tell({ what: 'snapshot' })) as Spent;
  }

  /** Calls of malloc and its kin so far; undefined when they are not counted. */
  allocations(): number | undefined {
    return this.#counted === undefined ? undefined : Number(readFileSync(this.#counted).readBigUInt64LE(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.removeAllListeners('exit');
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Compiles the counter of allocations, and what makes a process load it. */
function counterOf(directory: string): { readonly file: string; readonly env: Readonly<Record<string, string>> } {
  const [library, file] = [join(directory, 'malloc-count.so'), join(directory, 'malloc-count')];
  const source = fileURLToPath(new URL('malloc-count.c', import.meta.url));
  execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
  writeFileSync(file, Buffer.alloc(4096));
  return { file, env: { LD_PRELOAD: library, MALLOC_COUNT_FILE: file } };
}
