/** A connection that sends commands as bytes and reads replies as bytes, in order. */
import { connect, type Socket } from 'node:net';
import { cutReplies, replyValue, type Value } from './resp-reader.ts';

/** A command as RESP. */
export function encode(args: readonly (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg;
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(pieces);
}

export class RespConnection {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #replies: Buffer[] = [];
  #wake: () => void = () => {};
  isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      const { replies, used } = cutReplies(this.#bytes);
      this.#replies.push(...replies);
      this.#bytes = this.#bytes.subarray(used);
      this.#wake();
    });
    const closed = (): void => {
      this.isClosed = true;
      this.#wake();
    };
    socket.on('close', closed);
    socket.on('error', closed);
  }

  static async open(port: number): Promise<RespConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RespConnection(socket);
  }

  /** Reads nothing more. */
  pause(): void {
    this.#socket.pause();
  }

  /** Sends bytes as they are. */
  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next `count` replies. Rejects when the connection closes before, or after ten seconds. */
  async take(count: number): Promise<Buffer[]> {
    const deadline = performance.now() + 10_000;
    while (this.#replies.length < count) {
      if (this.isClosed) throw new Error(`closed after ${this.#replies.length} of ${count} replies`);
      if (performance.now() > deadline) throw new Error(`${this.#replies.length} of ${count} replies came in 10 s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#replies.splice(0, count);
  }

  /** Replies that have come unasked, by now. */
  takeAll(): Value[] {
    return this.#replies.splice(0).map(replyValue);
  }

  /** Runs one command; its reply as a value. */
  async run(...args: (string | Buffer)[]): Promise<Value> {
    this.send(encode(args));
    const [reply] = await this.take(1);
    return replyValue(reply as Buffer);
  }

  /** Resolves when the peer has closed. */
  async closed(): Promise<void> {
    for (let waited = 0; !this.isClosed && waited < 10_000; waited += 5) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (!this.isClosed) throw new Error('the peer has not closed within 10 s');
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
