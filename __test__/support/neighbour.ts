/**
 * A polite client beside a hostile one: it produces one small durable record after the other, checks every answer, and
 * knows how long the slowest took.
 */
import { createTopics, produce } from './calls.ts';
import { encodeBatch } from './record-batch.ts';
import { WireConnection } from './wire.ts';

/** Each of its commits takes a block of the tail's budget, and tests look for memory that others take: so it is slow. */
const PAUSE_MS = 10;

export class Neighbour {
  readonly #connection: WireConnection;
  readonly #topic: string;
  readonly #batch = encodeBatch([Buffer.from('polite')]);
  readonly #latencies: number[] = [];
  readonly #ended: Promise<unknown>;
  #isStopped = false;
  #next = 0;

  private constructor(connection: WireConnection, topic: string) {
    this.#connection = connection;
    this.#topic = topic;
    this.#ended = this.#loop().catch((error: unknown) => error);
  }

  /** Creates `topic` and begins to produce into it. */
  static async begin(address: string, topic: string): Promise<Neighbour> {
    const connection = await WireConnection.open(address);
    const error = await createTopics(connection, topic, 1);
    if (error !== 0) throw new Error(`CreateTopics was answered with error code ${error}`);
    return new Neighbour(connection, topic);
  }

  /** Stops, and returns all latencies in ms, ascending. Throws what went wrong for this polite client, if anything did. */
  async end(): Promise<readonly number[]> {
    this.#isStopped = true;
    const error = await this.#ended;
    this.#connection[Symbol.dispose]();
    if (error !== undefined) throw error;
    return this.#latencies.toSorted((a, b) => a - b);
  }

  async #loop(): Promise<undefined> {
    while (!this.#isStopped) {
      const began = performance.now();
      const { error, baseOffset } = await produce(this.#connection, this.#topic, 0, this.#batch, -1);
      this.#latencies.push(performance.now() - began);
      if (error !== 0) throw new Error(`the neighbour's Produce was answered with error code ${error}`);
      if (baseOffset !== this.#next) throw new Error(`the neighbour got offset ${baseOffset} instead of ${this.#next}`);
      this.#next += 1;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
