/**
 * A Java program of the conformance tests that runs until it is killed: started from its source, or by its class, with
 * Kafka Streams and Connect on its class path.
 *
 * Not the command line tools, which end by themselves (java-tool.ts). Invariant: a program started here is gone after its
 * `dispose`, whatever the test did.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mavenClassPath } from '../../benches/rivals/kafka-jars.ts';

/** What a program has on its class path: Streams and Connect with the clients 4.3, or the clients 3.9 alone. */
const POMS = { '4.3': 'pom.xml', '3.9': 'clients-3.9/pom.xml' } as const;
export type JavaClients = keyof typeof POMS;

const JVM = [
  '-Xmx256m',
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];
const LINES_KEPT = 400;

/** The class path of what a pom names; a changed pom is copied anew. */
function classPath(clients: JavaClients): string {
  const manifest = fileURLToPath(new URL(`../conformance/kafka/java/${POMS[clients]}`, import.meta.url));
  const version = createHash('sha256').update(readFileSync(manifest)).digest('hex').slice(0, 12);
  return mavenClassPath(manifest, `java-${clients}-${version}`);
}

export class JavaProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #lines: string[] = [];

  /** `main`: a source file, or a class of the class path. */
  constructor(main: string, args: readonly string[], clients: JavaClients = '4.3') {
    this.#child = spawn('java', [...JVM, '-cp', classPath(clients), main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) throw new Error('a stream of the program is not a pipe');
      createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#take(String(error))).once('close', () => resolve());
    });
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
  }

  /** Waits until the program has ended by itself, and answers what it printed. Throws with that after `ms`. */
  async end(ms: number): Promise<string> {
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, ms, 'late').unref());
    if ((await Promise.race([this.#ended, late])) === 'late') throw new Error(`it does not end:\n${this.output()}`);
    return this.output();
  }

  running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines of both streams. */
  output(): string {
    return this.#lines.join('\n');
  }

  /** kill -9, and waits until the program is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
