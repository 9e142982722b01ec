/** kafkajs with transactions: a consumer of committed data reads what was committed, and copies it exactly once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, freshName, kafkaClient, openBroker } from '../../support/broker.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await openBroker();
});
afterAll(() => broker[Symbol.asyncDispose]());

function transactionalProducer(transactionalId: string) {
  return kafkaClient(broker).producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
}

/** Everything a new group reads of a topic, until `last` comes. */
async function readUntil(topic: string, last: string, readUncommitted: boolean): Promise<string[]> {
  const consumer = kafkaClient(broker).consumer({ groupId: freshName('reader'), readUncommitted });
  const values: string[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value));
          if (values.at(-1) === last) resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return values;
}

const messages = (...values: string[]) => values.map((value) => ({ value, partition: 0 }));

describe('kafkajs with transactions', () => {
  it('reads what was committed, and what was aborted only when it asks for uncommitted data', async () => {
    const topic = await createTopic(broker, 'transactions');
    const producer = transactionalProducer(freshName('tx'));
    await producer.connect();
    for (const [round, values] of [['a', 'b'], ['c'], ['d', 'e']].entries()) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: messages(...values) });
      if (round === 1) await transaction.abort();
      else await transaction.commit();
    }
    const last = await producer.transaction();
    await last.send({ topic, messages: messages('end') });
    await last.commit();
    await producer.disconnect();
    expect(await readUntil(topic, 'end', false)).toEqual(['a', 'b', 'd', 'e', 'end']);
    expect(await readUntil(topic, 'end', true)).toEqual(['a', 'b', 'c', 'd', 'e', 'end']);
  });

  it('is fenced by a second producer of the same transactional id, whose transactions go on', async () => {
    const topic = await createTopic(broker, 'fencing');
    const id = freshName('tx');
    const [first, second] = [transactionalProducer(id), transactionalProducer(id)];
    await first.connect();
    const left = await first.transaction();
    await left.send({ topic, messages: messages('never') });
    await second.connect();
    const next = await second.transaction();
    await next.send({ topic, messages: messages('kept') });
    await expect(left.commit()).rejects.toThrow();
    await next.commit();
    await Promise.all([first.disconnect(), second.disconnect()]);
    expect(await readUntil(topic, 'kept', false)).toEqual(['kept']);
  });

  it('moves offsets together with what it writes, or not at all', async () => {
    const [topic, source] = [await createTopic(broker, 'target'), await createTopic(broker, 'source')];
    const groupId = freshName('copier');
    const admin = kafkaClient(broker).admin();
    const producer = transactionalProducer(freshName('tx'));
    await Promise.all([admin.connect(), producer.connect()]);
    const committed = async () => (await admin.fetchOffsets({ groupId, topics: [source] }))[0]?.partitions[0]?.offset;
    const copy = async (offset: string) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: messages(`copy-${offset}`) });
      const topics = [{ topic: source, partitions: [{ partition: 0, offset }] }];
      await transaction.sendOffsets({ consumerGroupId: groupId, topics });
      return transaction;
    };
    await (await copy('3')).commit();
    expect(await committed()).toBe('3');
    await (await copy('5')).abort();
    expect(await committed()).toBe('3');
    await (await copy('7')).commit();
    expect(await committed()).toBe('7');
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    expect(await readUntil(topic, 'copy-7', false)).toEqual(['copy-3', 'copy-7']);
  });
});
