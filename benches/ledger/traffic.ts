/**
 * The load of the ledger: one request, encoded once, sent again by every connection as soon as the answer is whole.
 *
 * To remember: answers of one connection are all as long as the first, which is looked at by `check`; so counting bytes is
 * counting answers, and an answer of another length ends the run.
 */
import { connect, type Socket } from 'node:net';

/** What one connection sends and gets. */
export interface Exchange {
  readonly request: Buffer;
  /** Whether these bytes are a whole answer, and how long it is; undefined: not whole. Throws for a refusal. */
  readonly check: (bytes: Buffer) => number | undefined;
}

const LIMIT_MS = 60_000;

class Connection {
  readonly #socket: Socket;
  readonly #exchange: Exchange;
  /** Bytes of one answer, as far as known. */
  #length = 0;
  #first: Buffer = Buffer.alloc(0);
  #left = 0;
  #done: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(socket: Socket, exchange: Exchange) {
    this.#socket = socket;
    this.#exchange = exchange;
  }

  /** Takes what has arrived; nothing of it is kept but of the first answer. */
  received(bytes: Buffer): void {
    if (this.#length === 0) {
      this.#first = Buffer.concat([this.#first, bytes]);
      const length = this.#exchange.check(this.#first);
      if (length === undefined) return;
      this.#length = length;
      this.#left = length - this.#first.length;
    } else {
      this.#left -= bytes.length;
    }
    if (this.#left < 0) throw new Error('an answer is longer than the first');
    if (this.#left === 0) this.#done?.();
  }

  /** Sends the request; resolves when its answer is whole. */
  ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#left = this.#length;
      this.#done = resolve;
      this.#failed = reject;
      this.#socket.write(this.#exchange.request);
    });
  }

  /** Whoever waits for an answer gets none. */
  lost(): void {
    this.#failed?.(new Error('the connection was closed before its answer'));
  }

  end(): void {
    this.#socket.destroy();
  }
}

export class Traffic implements Disposable {
  readonly #connections: readonly Connection[];

  private constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  /** Opens a connection for each exchange. */
  static async open(port: number, exchanges: readonly Exchange[]): Promise<Traffic> {
    const opened = exchanges.map(
      (exchange) =>
        new Promise<Connection>((resolve, reject) => {
          let connection: Connection | undefined;
          const buffer = Buffer.allocUnsafeSlow(64 * 1024);
          const callback = (count: number, into: Uint8Array): boolean => {
            connection?.received(Buffer.from(into.subarray(0, count)));
            return true;
          };
          const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
          socket.once('error', reject);
          socket.once('close', () => connection?.lost());
          socket.once('connect', () => {
            connection = new Connection(socket, exchange);
            resolve(connection);
          });
        }),
    );
    return new Traffic(await Promise.all(opened));
  }

  /** Sends so many requests, one at a time on each connection; the median latency in ms. */
  async run(requests: number): Promise<number> {
    const latencies = new Float64Array(requests);
    let begun = 0;
    const keepAsking = async (connection: Connection): Promise<void> => {
      while (begun < requests) {
        const number = begun;
        begun += 1;
        const from = performance.now();
        await connection.ask();
        latencies[number] = performance.now() - from;
      }
    };
    const limit = setTimeout(() => {
      for (const connection of this.#connections) connection.end();
      throw new Error(`${requests} requests were not answered within ${LIMIT_MS} ms`);
    }, LIMIT_MS);
    await Promise.all(this.#connections.map(keepAsking));
    clearTimeout(limit);
    return latencies.sort()[requests >> 1] ?? 0;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.end();
  }
}
