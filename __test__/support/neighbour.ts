/**
 * A polite client beside a hostile one: it produces one small durable record after the other, checks every answer, and
 * knows how long the slowest took, beside what the machine made of a bystander in the same moments.
 */
import { Bystander } from './bystander.ts';
import { createTopics, produce } from './calls.ts';
import { encodeBatch } from './record-batch.ts';
import { WireConnection } from './wire.ts';

/** Each of its commits takes a block of the tail's budget, and tests look for memory that others take: so it is slow. */
const PAUSE_MS = 10;

const ALLOWED_MS = 250;
/** Where the bystander's own is longer than that. */
const ALLOWED_TIMES = 4;

/** How the neighbour was served. */
export interface Service {
  readonly answers: number;
  readonly p99Ms: number;
  /** What `p99Ms` may be, on this machine in these moments. */
  readonly allowedMs: number;
}

export class Neighbour {
  readonly #connection: WireConnection;
  readonly #topic: string;
  readonly #batch = encodeBatch([Buffer.from('polite')]);
  readonly #bystander: Bystander;
  readonly #latencies: number[] = [];
  readonly #bystanderLatencies: number[] = [];
  readonly #ended: Promise<unknown>;
  #isStopped = false;
  #next = 0;

  private constructor(connection: WireConnection, bystander: Bystander, topic: string) {
    this.#connection = connection;
    this.#bystander = bystander;
    this.#topic = topic;
    this.#ended = this.#loop().catch((error: unknown) => error);
  }

  /** Creates `topic` and begins to produce into it. */
  static async begin(address: string, topic: string): Promise<Neighbour> {
    const connection = await WireConnection.open(address);
    const error = await createTopics(connection, topic, 1);
    if (error !== 0) throw new Error(`CreateTopics was answered with error code ${error}`);
    return new Neighbour(connection, await Bystander.begin(), topic);
  }

  /** Stops, and tells how it was served. Throws what went wrong for this polite client, if anything did. */
  async end(): Promise<Service> {
    this.#isStopped = true;
    const error = await this.#ended;
    this.#connection[Symbol.dispose]();
    this.#bystander[Symbol.dispose]();
    if (error !== undefined) throw error;
    const allowedMs = Math.max(ALLOWED_MS, ALLOWED_TIMES * p99(this.#bystanderLatencies));
    return { answers: this.#latencies.length, p99Ms: p99(this.#latencies), allowedMs };
  }

  async #loop(): Promise<undefined> {
    while (!this.#isStopped) {
      const began = performance.now();
      const { error, baseOffset } = await produce(this.#connection, this.#topic, 0, this.#batch, -1);
      this.#latencies.push(performance.now() - began);
      this.#bystanderLatencies.push(await this.#bystander.ask());
      if (error !== 0) throw new Error(`the neighbour's Produce was answered with error code ${error}`);
      if (baseOffset !== this.#next) throw new Error(`the neighbour got offset ${baseOffset} instead of ${this.#next}`);
      this.#next += 1;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function p99(latencies: readonly number[]): number {
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0;
}
