/**
 * One connection of the kv bench to a Redis server: commands go out in the turn they are asked for, replies come back in
 * order. Not a client: no reconnect, no types.
 *
 * Invariant: every command settles, at the latest when the connection ends.
 */
import { connect, type Socket } from 'node:net';
import { CliError, ExitCode } from '../exit.ts';
import { type Address, formatAddress } from '../options.ts';
import { ReplyCutter } from './redis-replies.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const connectMs = 10_000;

export class RedisConnection implements Disposable {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #first = 0;
  #failure: CliError | undefined;
  #isCorked = false;

  private constructor(socket: Socket, at: Address) {
    this.#socket = socket;
    const cutter = new ReplyCutter((error) => this.#replied(error));
    socket.on('data', (chunk: Buffer) => {
      try {
        cutter.push(chunk);
      } catch (error) {
        this.#fail(`${formatAddress(at)}: ${(error as Error).message}`);
      }
    });
    socket.on('error', (error) => this.#fail(`${formatAddress(at)}: ${error.message}`));
    socket.on('close', () => this.#fail(`${formatAddress(at)} closed the connection`));
  }

  /** Connects; logs in with `password` when there is one. Rejects with `CliError`. */
  static async open(at: Address, password: string | undefined): Promise<RedisConnection> {
    const socket = connect({ ...at, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        socket.destroy();
        reject(new CliError(ExitCode.failure, `cannot connect to ${formatAddress(at)}: ${why}`));
      };
      const late = setTimeout(() => fail('no answer in time'), connectMs);
      socket.once('connect', resolve);
      socket.once('error', (error) => fail(error.message));
      socket.once('close', () => clearTimeout(late));
      socket.once('connect', () => clearTimeout(late));
    });
    socket.removeAllListeners();
    const connection = new RedisConnection(socket, at);
    if (password !== undefined) await connection.command('AUTH', password);
    return connection;
  }

  /** Sends a command; resolves when it has been answered. Rejects with the server's refusal. */
  command(...parts: readonly (string | Buffer)[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#cork();
      this.#socket.write(`*${parts.length}\r\n`);
      for (const part of parts) {
        const bytes = typeof part === 'string' ? Buffer.from(part) : part;
        this.#socket.write(`$${bytes.length}\r\n`);
        this.#socket.write(bytes);
        this.#socket.write('\r\n');
      }
    });
  }

  /** Closes; commands without an answer reject. */
  [Symbol.dispose](): void {
    this.#fail('the connection was closed');
  }

  /** What is asked in one turn leaves in one system call. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }

  #replied(error: string | undefined): void {
    const waiting = this.#waiting[this.#first];
    if (waiting === undefined) return;
    this.#first += 1;
    // Taking from the front of a long array is slow; what has been answered is cut off in large pieces.
    if (this.#first >= 1024) this.#waiting.splice(0, this.#first);
    if (this.#first >= 1024) this.#first = 0;
    if (error === undefined) waiting.resolve();
    else waiting.reject(new CliError(ExitCode.failure, `the server refused: ${error}`));
  }

  #fail(message: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new CliError(ExitCode.failure, message);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.slice(this.#first)) reject(this.#failure);
    this.#waiting.length = 0;
    this.#first = 0;
  }
}
