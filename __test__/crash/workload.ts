/**
 * The load of the kill loop: eight writers with a partition each, one batch in flight each, a committer of offsets and
 * a maker of topics; and the check of all they know.
 *
 * Writers with an odd number wait for `acks=1`, the others for `acks=all`; writers from 4 on are idempotent and send a
 * batch of unknown outcome again after a crash.
 */
import { commitOffset, createTopics, fetchOffset, initProducerId, listTopics, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import type { Random } from '../support/random.ts';
import { decodeBatches, encodeBatch, type StoredRecord } from '../support/record-batch.ts';
import { WireConnection } from '../support/wire.ts';
import { type Operation, Witness } from './witness.ts';

const TOPIC = 'crash';
const GROUP = 'crash-group';
const WRITERS = 8;
const FIRST_IDEMPOTENT = 4;
const RECORDS_MAX = 5;

interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

export class Workload {
  readonly #random: Random;
  readonly #witnesses = Array.from({ length: WRITERS }, (_, writer) => new Witness(writer));
  readonly #identities = new Map<number, Identity>();
  readonly #topics = new Set<string>();
  #topicNumber = 0;
  #committed = -1;
  #committing = -1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Records acknowledged so far, over all writers. */
  get acknowledged(): number {
    return this.#witnesses.reduce((sum, witness) => sum + witness.acknowledged, 0);
  }

  /** Makes the topic, once per directory. */
  async prepare(address: string): Promise<void> {
    using connection = await WireConnection.open(address);
    const error = await createTopics(connection, TOPIC, WRITERS);
    if (error !== 0) throw new Error(`CreateTopics was answered with error code ${error}`);
  }

  /** Sends until the server is gone. An answer that is an error, or a connection lost before the kill, throws. */
  async run(address: string, isKilled: () => boolean): Promise<void> {
    const writers = this.#witnesses.map((witness) => (link: WireConnection) => this.#write(witness, link));
    const others = [(link: WireConnection) => this.#commit(link), (link: WireConnection) => this.#create(link)];
    const loops = [...writers, ...others].map(async (loop) => {
      using connection = await WireConnection.open(address);
      while (!connection.closed) {
        try {
          await loop(connection);
        } catch (error) {
          if (!connection.closed) throw error;
        }
      }
    });
    await Promise.all(loops);
    if (!isKilled()) throw new Error('the server closed its connections before it was killed');
  }

  /** Reads everything back and throws if anything acknowledged is missing, moved, repeated or torn. */
  async check(address: string): Promise<void> {
    using connection = await WireConnection.open(address);
    for (const witness of this.#witnesses) witness.check(await readAll(connection, witness.writer));
    const committed = await fetchOffset(connection, GROUP, TOPIC, 0);
    if (committed < this.#committed || committed > this.#committing) {
      throw new Error(`offset ${this.#committed} was committed, ${committed} is what is known`);
    }
    const topics = await listTopics(connection);
    const lost = [...this.#topics].filter((topic) => topics.get(topic) !== 2);
    if (lost.length > 0) throw new Error(`acknowledged topics are lost: ${lost}`);
  }

  async #write(witness: Witness, connection: WireConnection): Promise<void> {
    const isIdempotent = witness.writer >= FIRST_IDEMPOTENT;
    const again = isIdempotent ? witness.lastUnknown : undefined;
    const operation = again ?? witness.begin(this.#random.between(1, RECORDS_MAX));
    const sender = isIdempotent ? await this.#identity(witness.writer, connection) : undefined;
    const batch = encodeBatch(values(witness, operation), sender && { ...sender, baseSequence: operation.first });
    const acks = witness.writer % 2 === 1 ? 1 : -1;
    const { error, baseOffset } = await produce(connection, TOPIC, witness.writer, batch, acks);
    if (error !== 0) throw new Error(`writer ${witness.writer}: Produce was answered with error code ${error}`);
    witness.acknowledge(operation, baseOffset);
  }

  /** One producer id for the writer's whole life, over all crashes. */
  async #identity(writer: number, connection: WireConnection): Promise<Identity> {
    const known = this.#identities.get(writer) ?? (await initProducerId(connection));
    this.#identities.set(writer, known);
    return known;
  }

  async #commit(connection: WireConnection): Promise<void> {
    this.#committing += 1;
    const offset = this.#committing;
    const error = await commitOffset(connection, GROUP, TOPIC, 0, offset);
    if (error !== 0) throw new Error(`OffsetCommit was answered with error code ${error}`);
    this.#committed = offset;
  }

  /** Rarely: a topic costs more than a batch, and a few per run are enough. */
  async #create(connection: WireConnection): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#random.between(10, 50)));
    this.#topicNumber += 1;
    const topic = `made-${this.#topicNumber}`;
    const error = await createTopics(connection, topic, 2);
    if (error !== 0) throw new Error(`CreateTopics was answered with error code ${error}`);
    this.#topics.add(topic);
  }
}

function values(witness: Witness, { first, count }: Operation): Buffer[] {
  return Array.from({ length: count }, (_, index) => witness.value(first + index));
}

async function readAll(connection: WireConnection, partition: number): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (;;) {
    const { error, highWatermark, batches } = await fetchPartition(connection, TOPIC, partition, records.length);
    if (error !== 0) throw new Error(`Fetch of partition ${partition} was answered with error code ${error}`);
    records.push(...decodeBatches(batches));
    if (records.length >= highWatermark) return records;
    if (batches.length === 0) throw new Error(`nothing at ${records.length}, although the end is at ${highWatermark}`);
  }
}
