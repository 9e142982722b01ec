/**
 * The built server as a child process, for tests that may kill it: start, ready, kill, stop.
 *
 * Not here: any client. Invariant: a server started here is ended by its `dispose`, whatever the test did.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The command line as `npm run build` leaves it. */
export const commandLine = fileURLToPath(new URL('../../dist/cli/index.js', import.meta.url));
const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;

export interface ServerOptions {
  /** Data directory; created by the server when it is missing. */
  readonly directory: string;
  /** As `--flush` takes it. The server's own default when left out. */
  readonly flush?: string;
  readonly driver?: 'ring' | 'pool';
  /** What carries connections; the server's own choice when left out. */
  readonly sockets?: 'ring' | 'node';
  /** Where Redis clients are served, `HOST:PORT`; nowhere when left out. */
  readonly redis?: string;
  /** As `-X` takes them: `name=value`. */
  readonly settings?: readonly string[];
  /** A port of 127.0.0.1; a free one when left out. Restarts that clients shall survive name it. */
  readonly port?: number;
  /** kill -9 so long after the start of the process, ready or not; then the start fails. */
  readonly killAfterMs?: number;
}

export interface Server extends AsyncDisposable {
  /** `127.0.0.1:PORT`, what clients take as bootstrap address. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Milliseconds from the start of the process to its ready line. */
  readonly readyMs: number;
  /** What the server printed so far, both streams. */
  output(): string;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Whether the process is still there. */
  running(): boolean;
  /** How the process ended, with what it printed; undefined while it runs. */
  ending(): string | undefined;
  /** kill -9, and waits until the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits; returns the exit code, or throws when the server does not end. */
  stop(): Promise<number>;
}

/** Starts the server and waits for its ready line. Throws with the server's output if it ends before. */
export async function startServer(options: ServerOptions): Promise<Server> {
  if (!existsSync(commandLine)) throw new Error(`${commandLine} is missing: npm run build makes it`);
  const port = options.port ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const args = [commandLine, 'serve', '--kafka', address, '--dir', options.directory, '--format', 'json'];
  if (options.flush !== undefined) args.push('--flush', options.flush);
  if (options.driver !== undefined) args.push('--driver', options.driver);
  if (options.sockets !== undefined) args.push('--sockets', options.sockets);
  if (options.redis !== undefined) args.push('--redis', options.redis);
  for (const setting of options.settings ?? []) args.push('-X', setting);
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  if (options.killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
  await ready(child, printed);
  return new ServerProcess(child, address, port, performance.now() - started, printed);
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

/** The one line of JSON on stdout says that clients are served. */
function ready(child: ChildProcess, printed: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`the server ${why}:\n${printed.join('')}`));
    };
    const limit = setTimeout(() => fail(`was not ready after ${READY_LIMIT_MS} ms`), READY_LIMIT_MS);
    const ended = (code: number | null) => fail(`ended with ${code} before it was ready`);
    child.once('exit', ended);
    if (child.stdout === null) throw new Error('stdout of the server is not a pipe');
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed.push(`${line}\n`);
      if (!line.startsWith('{')) return;
      clearTimeout(limit);
      child.off('exit', ended);
      resolve();
    });
  });
}

class ServerProcess implements Server {
  readonly #child: ChildProcess;
  readonly #printed: string[];
  readonly #ended: Promise<number | null>;
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly readyMs: number;

  constructor(child: ChildProcess, address: string, port: number, readyMs: number, printed: string[]) {
    if (child.pid === undefined) throw new Error('the server has no process id');
    this.#child = child;
    this.#printed = printed;
    this.#ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    this.address = address;
    this.port = port;
    this.pid = child.pid;
    this.readyMs = readyMs;
  }

  output(): string {
    return this.#printed.join('');
  }

  residentBytes(): number {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    if (found === null) throw new Error(`process ${this.pid} shows no resident memory`);
    return Number(found[1]) * 1024;
  }

  running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  ending(): string | undefined {
    if (this.running()) return undefined;
    return `the server ended with ${this.#child.signalCode ?? this.#child.exitCode}:\n${this.output()}`;
  }

  async kill(): Promise<void> {
    if (!this.running()) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async stop(): Promise<number> {
    if (this.running()) this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    const code = this.#child.exitCode ?? (await this.#ended);
    clearTimeout(late);
    if (code === null) throw new Error(`the server did not stop by itself:\n${this.output()}`);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
