/** Records that several readers want leave by reference to their pages: same bytes, and nobody copies them. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Broker } from '../../ts/broker/broker.ts';
import { BrokerSettings } from '../../ts/broker/settings.ts';
import { chooseSockets } from '../../ts/net/choose-sockets.ts';
import type { RingNet } from '../../ts/net/ring-net.ts';
import { createTopics, produce } from '../support/calls.ts';
import { fetchPartition } from '../support/fetch-raw.ts';
import { decodeBatches, encodeBatch } from '../support/record-batch.ts';
import { WireConnection } from '../support/wire.ts';
import { openWatchedEngine } from './support/watched-engine.ts';

const KIB = 1024;
/** More than one slab of memory holds. */
const BATCHES = 16;

/** 300 KiB that no other seed gives. */
function payload(seed: number): Buffer {
  const block = createHash('sha512').update(`${seed}`).digest();
  return Buffer.concat(Array.from({ length: (300 * KIB) / block.length }, () => block));
}

it('the later readers of a batch get the bytes the first one got, and none of them is a copy', async () => {
  const engine = openWatchedEngine();
  const ring = chooseSockets('ring', engine, 100).ring as RingNet;
  const settings = new BrokerSettings({});
  const broker = new Broker({ engine, settings, ring, print: () => {} });
  try {
    const address = `127.0.0.1:${(await broker.listen(0, '127.0.0.1')).port}`;
    using connection = await WireConnection.open(address);
    await createTopics(connection, 't', 1);
    for (let seed = 0; seed < BATCHES; seed += 1) {
      await produce(connection, 't', 0, encodeBatch([payload(seed)]), 1);
    }
    const readAll = async (): Promise<void> => {
      using reader = await WireConnection.open(address);
      let next = 0;
      while (next < BATCHES) {
        const { batches } = await fetchPartition(reader, 't', 0, next);
        for (const { offset, value } of decodeBatches(batches)) {
          expect([offset, value?.equals(payload(next))]).toEqual([next, true]);
          next += 1;
        }
      }
    };
    await readAll();
    const bytesLent = (): number => ring.counters().bytesLent;
    expect(bytesLent()).toBe(0);
    for (let reader = 0; reader < 3; reader += 1) await readAll();
    expect(bytesLent()).toBeGreaterThan(1024 * KIB);
  } finally {
    await broker.close();
    await ring.close();
    await engine.close();
  }
});
