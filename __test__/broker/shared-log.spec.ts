/** One engine under an embedded log and a broker: one catalogue, one store of committed offsets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../ts/broker/broker.ts';
import { BrokerSettings } from '../../ts/broker/settings.ts';
import { type Log, openLog } from '../../ts/log/open-log.ts';
import { WireConnection } from '../support/wire.ts';
import { RequestWriter } from '../support/wire-fields.ts';

let log: Log;
let broker: Broker;
let connection: WireConnection;
let opened = 0;

beforeEach(async () => {
  opened += 1;
  log = await openLog('/sim', { sim: { seed: opened, id: `shared-${process.pid}-${opened}` } });
  broker = new Broker({
    engine: log.engine,
    catalogue: log.catalogue,
    settings: new BrokerSettings({}),
    print: () => {},
  });
  const { port } = await broker.listen(0, '127.0.0.1');
  connection = await WireConnection.open(`127.0.0.1:${port}`);
});

afterEach(async () => {
  connection[Symbol.dispose]();
  await broker.close();
  await log.close();
});

/** OffsetFetch v1 of partition 0 of `t`. */
async function fetchOffset(group: string): Promise<bigint | number | undefined> {
  const answer = await connection.call(9, 1, new RequestWriter().string(group).int32(1).string('t').int32(1).int32(0));
  const topics = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      const offset = answer.int64();
      answer.string();
      answer.int16();
      return offset;
    });
  });
  return topics[0]?.[0];
}

async function commitOverWire(group: string, offset: bigint): Promise<void> {
  const body = new RequestWriter().string(group).int32(-1).string('').int64(-1n).int32(1).string('t').int32(1);
  await connection.call(8, 2, body.int32(0).int64(offset).string(''));
}

describe('committed offsets', () => {
  it('of an embedded reader are what a Kafka consumer of the group fetches', async () => {
    const topic = await log.topic('t', { partitions: 1 });
    await topic.append({ value: 'a' });
    await topic.append({ value: 'b' });
    expect(Number(await fetchOffset('g'))).toBe(-1);
    for await (const batch of topic.read({ group: 'g', from: 'earliest', follow: false })) await batch.commit();
    expect(Number(await fetchOffset('g'))).toBe(2);
  });

  it('of a Kafka consumer are where an embedded reader of the group goes on', async () => {
    const topic = await log.topic('t', { partitions: 1 });
    for (const value of ['a', 'b', 'c']) await topic.append({ value });
    await commitOverWire('g', 2n);
    const offsets: bigint[] = [];
    for await (const batch of topic.read({ group: 'g', follow: false })) {
      for (const record of batch.records()) offsets.push(BigInt(record.offset));
    }
    expect(offsets).toEqual([2n]);
  });

  it('go with the topic, whoever deletes it', async () => {
    const topic = await log.topic('t', { partitions: 1 });
    await topic.append({ value: 'a' });
    for await (const batch of topic.read({ group: 'g', from: 'earliest', follow: false })) await batch.commit();
    await log.deleteTopic('t');
    expect(broker.context.offsets.has('g')).toBe(false);
    expect(broker.context.catalogue.get('t')).toBeUndefined();
  });
});
