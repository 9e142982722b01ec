/**
 * A raw connection to a broker: bytes out, frames in. For tests that must send what no client would, or look at what no
 * client shows.
 */
import { connect, type Socket } from 'node:net';
import { AnswerReader, RequestWriter } from './wire-fields.ts';

const ANSWER_LIMIT_MS = 10_000;

/** Length prefix, header version 1 and `body`. */
export function request(apiKey: number, version: number, correlationId: number, body: Uint8Array): Buffer {
  const rest = new RequestWriter().int16(apiKey).int16(version).int32(correlationId).string('test').raw(body).bytes();
  return new RequestWriter().int32(rest.length).raw(rest).bytes();
}

/** One connection. Frames are handed out in the order they came. */
export class WireConnection implements Disposable {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #closed = false;
  #correlationId = 0;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#closed = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  /** Connects to `host:port`. */
  static open(address: string): Promise<WireConnection> {
    const [host = '', port = ''] = address.split(':');
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), host, () => {
        socket.off('error', reject);
        resolve(new WireConnection(socket));
      });
      socket.once('error', reject);
    });
  }

  /** Whether the other side has ended the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends one request and returns its answer behind the correlation id. One call at a time. */
  async call(apiKey: number, version: number, body: RequestWriter): Promise<AnswerReader> {
    this.#correlationId += 1;
    this.send(request(apiKey, version, this.#correlationId, body.bytes()));
    const answer = new AnswerReader(await this.frame());
    const correlationId = answer.int32();
    if (correlationId !== this.#correlationId)
      throw new Error(`answer ${correlationId} instead of ${this.#correlationId}`);
    return answer;
  }

  /** The next whole frame without its length prefix. Throws when the connection ends or stays silent. */
  async frame(limitMs = ANSWER_LIMIT_MS): Promise<Buffer> {
    const limit = performance.now() + limitMs;
    for (;;) {
      if (this.#received.length >= 4) {
        const length = this.#received.readInt32BE(0);
        if (this.#received.length >= 4 + length) {
          const frame = this.#received.subarray(4, 4 + length);
          this.#received = this.#received.subarray(4 + length);
          return frame;
        }
      }
      if (this.#closed) throw new Error('the broker closed the connection');
      if (performance.now() > limit) throw new Error(`no answer for ${limitMs} ms`);
      await this.#news(limit - performance.now());
    }
  }

  /** Resolves with the milliseconds until the other side closed, or throws after `limitMs`. */
  async untilClosed(limitMs: number): Promise<number> {
    const began = performance.now();
    while (!this.#closed) {
      const left = began + limitMs - performance.now();
      if (left <= 0) throw new Error(`the connection is still open after ${limitMs} ms`);
      await this.#news(left);
    }
    return performance.now() - began;
  }

  /** Stops taking what the other side sends: a client that never reads. */
  pause(): void {
    this.#socket.pause();
  }

  /** For a paused connection, which does not see an orderly end: resolves when writing `bytes` fails, as after a cut. */
  async untilReset(bytes: Uint8Array, limitMs: number): Promise<void> {
    const limit = performance.now() + limitMs;
    while (!this.#closed) {
      if (performance.now() > limit) throw new Error(`the connection was not cut within ${limitMs} ms`);
      this.#socket.write(bytes);
      await this.#news(100);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #news(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
