/**
 * kill -9 of a server on the ring under batches of all sizes, small ones in journal frames and large ones in bulk files:
 * with every policy everything acknowledged is there, byte for byte.
 *
 * To remember: MILLRACE_KILLS is the number of kills a policy.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Operation, Witness } from '../crash/witness.ts';
import { createTopics, initProducerId, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import { type Random, seeded } from '../support/random.ts';
import { decodeBatches, encodeBatch, type StoredRecord } from '../support/record-batch.ts';
import { scratch } from '../support/scratch.ts';
import { freePort, startServer } from '../support/server.ts';
import { WireConnection } from '../support/wire.ts';

const KILLS = Number(process.env.MILLRACE_KILLS ?? 4);
const TOPIC = 'bulk';
const WRITERS = 5;
const policies = ['always', 'records=100', 'bytes=64kb', 'interval=50ms', 'os'];

/** A writer whose records are small or, every third, long enough that their batch goes to a bulk file. */
class MixedWitness extends Witness {
  override value(number: number): Buffer {
    const length = number % 3 === 0 ? 33_000 + ((number * 104_729) % 400_000) : 30 + ((number * 7_919) % 3_000);
    return Buffer.alloc(length, `${this.writer}:${number}:`);
  }
}

class MixedLoad {
  readonly #random: Random;
  readonly #witnesses = Array.from({ length: WRITERS }, (_, writer) => new MixedWitness(writer));
  readonly #producerIds = new Map<number, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  get acknowledged(): number {
    return this.#witnesses.reduce((sum, witness) => sum + witness.acknowledged, 0);
  }

  /** Sends until the server is gone; an answer that is an error throws. */
  async run(address: string): Promise<void> {
    const loops = this.#witnesses.map(async (witness) => {
      using connection = await WireConnection.open(address);
      while (!connection.closed) {
        try {
          await this.#write(witness, connection);
        } catch (error) {
          if (!connection.closed) throw error;
        }
      }
    });
    await Promise.all(loops);
  }

  /** Even writers wait for `acks=all`; the first three are idempotent and send what is unknown again. */
  async #write(witness: Witness, connection: WireConnection): Promise<void> {
    const { writer } = witness;
    const isIdempotent = writer < 3;
    const again = isIdempotent ? witness.lastUnknown : undefined;
    const operation = again ?? witness.begin(this.#random.between(1, 3));
    const sender = isIdempotent ? await this.#sender(witness, operation, connection) : undefined;
    const batch = encodeBatch(values(witness, operation), sender);
    const { error, baseOffset } = await produce(connection, TOPIC, writer, batch, writer % 2 === 0 ? -1 : 1);
    if (error !== 0) throw new Error(`writer ${writer}: Produce was answered with error code ${error}`);
    witness.acknowledge(operation, baseOffset);
  }

  async #sender({ writer }: Witness, { first }: Operation, connection: WireConnection) {
    const producerId = this.#producerIds.get(writer) ?? (await initProducerId(connection)).producerId;
    this.#producerIds.set(writer, producerId);
    return { producerId, producerEpoch: 0, baseSequence: first };
  }

  async check(address: string): Promise<void> {
    using connection = await WireConnection.open(address);
    for (const witness of this.#witnesses) witness.check(await readAll(connection, witness.writer));
  }
}

function resting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function values(witness: Witness, { first, count }: Operation): Buffer[] {
  return Array.from({ length: count }, (_, index) => witness.value(first + index));
}

async function readAll(connection: WireConnection, partition: number): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (;;) {
    const { error, highWatermark, batches } = await fetchPartition(connection, TOPIC, partition, records.length);
    if (error !== 0) throw new Error(`Fetch of partition ${partition} was answered with error code ${error}`);
    const more = decodeBatches(batches);
    for (const record of more) records.push(record);
    if (records.length >= highWatermark) return records;
    if (more.length === 0) throw new Error(`nothing at ${records.length}, although the end is at ${highWatermark}`);
  }
}

describe('kill -9 under small and large batches on the ring', () => {
  it.for(policies)(
    'loses nothing acknowledged with the policy %s',
    { timeout: 30_000 + KILLS * 15_000 },
    async (flush) => {
      await seeded(`loses nothing acknowledged with the policy ${flush}`, async (random) => {
        using directory = scratch('kill-bulk');
        const kinds = { driver: 'ring', sockets: 'ring' } as const;
        const options = { directory: join(directory.path, 'data'), flush, port: await freePort(), ...kinds };
        const load = new MixedLoad(random);
        for (let kill = 0; kill < KILLS; kill += 1) {
          await using server = await startServer(options);
          if (kill === 0) {
            using connection = await WireConnection.open(server.address);
            expect(await createTopics(connection, TOPIC, WRITERS)).toBe(0);
          }
          await load.check(server.address);
          const before = load.acknowledged;
          const running = load.run(server.address);
          while (load.acknowledged === before) await Promise.race([running, resting(5)]);
          await Promise.race([running, resting(random.between(0, 250))]);
          await server.kill();
          await running;
        }
        await using last = await startServer(options);
        await load.check(last.address);
        expect(load.acknowledged).toBeGreaterThanOrEqual(KILLS);
        expect(await last.stop()).toBe(0);
      });
    },
  );
});
